"""The campaign's criteria: read by the analysis' own grammar, checked against the plan's names."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from loadrunner.campaign.document import Path
from loadrunner.campaign.model import ProbePlan, Scenario
from loadrunner.campaign.reading import Reading
from loadrunner.campaign.schema import CriterionSection
from runs.analysis.criteria import Catalogue, Criterion, check, parse
from runs.analysis.errors import CriterionError


def catalogue(scenarios: Iterable[Scenario], probes: Iterable[ProbePlan]) -> Catalogue:
    """What criteria may name."""
    listed = tuple(scenarios)
    return Catalogue(
        steps={one.name: tuple(step.name for step in one.steps) for one in listed},
        phases={one.name: tuple(load.phase for load in one.load) for one in listed},
        metrics=tuple(metric.name for probe in probes for metric in probe.metrics),
    )


def criteria(
    sections: Sequence[CriterionSection],
    path: Path,
    known: Catalogue,
    peak: Mapping[str, float],
    reading: Reading,
) -> tuple[str, ...]:
    """The texts of the criteria; one that names nothing is a problem at its line."""
    for index, section in enumerate(sections):
        try:
            criterion = parse(section.text)
            check(criterion, known)
            _check_peak(criterion, peak)
        except CriterionError as error:
            shown = "".join(sign if sign.isprintable() else " " for sign in section.criterion)
            told = f"found '{shown}', in column {error.column}: {error.message}"
            reading.problems.add((*path, index), told)
    return tuple(section.text for section in sections)


def _check_peak(criterion: Criterion, peak: Mapping[str, float]) -> None:
    """Headroom is capacity over peak, so it needs a peak."""
    for atom in criterion.atoms:
        name = atom.selector.name
        has_peak = bool(peak) if name.is_any else name.text in peak
        if atom.statistic.name == "headroom" and not has_peak:
            raise CriterionError(
                criterion.text,
                name.column,
                f"the headroom of '{name.text}' needs its production peak; allowed:"
                f" scenarios under peak, such as peak: {{{name.text}: 12}}.",
            )


def left_out(texts: Iterable[str], known: Catalogue, skipped: Collection[str]) -> dict[str, str]:
    """Criteria that hold for the whole campaign but not for this run, with the reason."""
    return {text: reason for text in texts if (reason := _reason(parse(text), known, skipped))}


def _reason(criterion: Criterion, known: Catalogue, skipped: Collection[str]) -> str | None:
    named = [atom.selector.name.text for atom in criterion.atoms]
    for name in named:
        if name in skipped:
            return f"not judged, as {name} is left out"
    try:
        check(criterion, known)
    except CriterionError as error:
        return f"not judged, as this run has nothing that it names ({error.message})"
    return None
