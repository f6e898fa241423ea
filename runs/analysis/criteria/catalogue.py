"""What a criterion may name: the scenarios, steps, phases and probe metrics of a plan."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from runs.analysis.criteria.expression import Atom, Criterion, Name
from runs.analysis.criteria.grammar import near_miss
from runs.analysis.errors import CriterionError
from runs.analysis.plan import PLATEAU, Plan


@dataclass(frozen=True)
class Catalogue:
    """`steps` and `phases` by scenario, in the plan's order; `metrics` of all probes."""

    steps: Mapping[str, tuple[str, ...]]
    phases: Mapping[str, tuple[str, ...]]
    metrics: tuple[str, ...] = field(default=())

    @property
    def all_phases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one for phases in self.phases.values() for one in phases))


@dataclass(frozen=True)
class Cell:
    """One series that a criterion looks at."""

    scenario: str
    step: str
    phase: str

    def __str__(self) -> str:
        return f"{self.scenario}/{self.step}@{self.phase}"


def catalogue_of(plan: Plan, samples: pl.DataFrame) -> Catalogue:
    """The catalogue of a run: its plan's phases and metrics, and what else its samples show."""
    return of_series(plan, _seen(samples))


def of_series(plan: Plan, seen: Iterable[tuple[str, str, str]]) -> Catalogue:
    """The same, where it is known already which scenario, step and phase have samples."""
    steps: dict[str, dict[str, None]] = {name: {} for name in plan.scenarios}
    phases = {name: dict.fromkeys(one.phase for one in plan.phases_of(name)) for name in steps}
    for scenario, step, phase in seen:
        steps.setdefault(scenario, {})[step] = None
        phases.setdefault(scenario, {})[phase] = None
    return Catalogue(
        steps={name: tuple(found) for name, found in steps.items()},
        phases={name: tuple(found) for name, found in phases.items()},
        metrics=tuple(metric.name for probe in plan.probes for metric in probe.metrics),
    )


def _seen(samples: pl.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Each series in the order of its first sample; piece by piece, since `unique` would copy the
    columns of a large run."""
    names = ("scenario", "step", "phase")
    first = samples.lazy().select(names).with_row_index("row").group_by(names).agg(pl.min("row"))
    yield from first.collect(engine="streaming").sort("row").select(names).iter_rows()


def check(criterion: Criterion, catalogue: Catalogue) -> None:
    """Raise a CriterionError, pointing at the column, where a name does not exist or the phase
    must be named."""
    for atom in criterion.atoms:
        if atom.statistic.kind == "saturation":
            scenarios_of(atom, criterion.text, catalogue)
        elif atom.statistic.kind == "probe":
            metric_phase(atom, criterion.text, catalogue)
        else:
            cells_of(atom, criterion.text, catalogue)


def scenarios_of(atom: Atom, text: str, catalogue: Catalogue) -> tuple[str, ...]:
    """The scenarios that the atom names."""
    name = atom.selector.name
    if name.is_any:
        return tuple(catalogue.phases)
    _known(name, catalogue.phases, "scenario", text)
    return (name.text,)


def cells_of(atom: Atom, text: str, catalogue: Catalogue) -> tuple[Cell, ...]:
    """Every series that the atom names, in the plan's order.

    A scenario whose steps are not known, as it has no samples, stands with the step as written.
    """
    step = atom.selector.step
    cells: list[Cell] = []
    found: list[str] = []
    phases = _phases_named(atom, text, catalogue)
    for scenario, phase in phases.items():
        steps = catalogue.steps.get(scenario, ())
        found += steps
        wanted = steps if step is None or step.is_any else (step.text,)
        shown = [one for one in wanted if one in steps] if steps else list(wanted) or ["*"]
        cells += [Cell(scenario, one, phase) for one in shown]
    if not cells and step:
        _known(step, dict.fromkeys(found), _step_of(phases), text)
    return tuple(cells)


def _step_of(scenarios: Mapping[str, str]) -> str:
    return f"step of {next(iter(scenarios))}" if len(scenarios) == 1 else "step"


def metric_phase(atom: Atom, text: str, catalogue: Catalogue) -> str | None:
    """The phase in which a metric is looked at; None for the whole run."""
    _known(atom.selector.name, catalogue.metrics, "probe metric", text)
    phase = atom.selector.phase
    if phase:
        _known(phase, catalogue.all_phases, "phase", text)
        return phase.text
    return _default_phase(catalogue.all_phases)


def _phases_named(atom: Atom, text: str, catalogue: Catalogue) -> dict[str, str]:
    """Of each scenario that the atom names, the phase that it means."""
    scenarios = scenarios_of(atom, text, catalogue)
    phase = atom.selector.phase
    if phase is None:
        return _default_phases(atom, scenarios, text, catalogue)
    having = {one: phase.text for one in scenarios if phase.text in catalogue.phases[one]}
    if not having:
        allowed = dict.fromkeys(name for one in scenarios for name in catalogue.phases[one])
        of = "" if atom.selector.name.is_any else f" of {scenarios[0]}"
        _known(phase, allowed, f"phase{of}", text)
    return having


def _default_phases(
    atom: Atom, scenarios: tuple[str, ...], text: str, catalogue: Catalogue
) -> dict[str, str]:
    """Each scenario's plateau or only phase. Under `*` a scenario that has neither is left out,
    as it has nothing in that phase, so long as one is left."""
    found = {one: _default_phase(catalogue.phases[one]) for one in scenarios}
    known = {one: phase for one, phase in found.items() if phase is not None}
    if not known:
        allowed = dict.fromkeys(name for one in scenarios for name in catalogue.phases[one])
        raise CriterionError(
            text,
            atom.selector.name.column,
            f"the phase must be named: {atom.selector}@PHASE, where PHASE is {_one_of(allowed)}.",
        )
    return known


def _default_phase(phases: tuple[str, ...]) -> str | None:
    if PLATEAU in phases:
        return PLATEAU
    return phases[0] if len(phases) == 1 else None


def _known(name: Name, allowed: Iterable[str], what: str, text: str) -> None:
    if name.text in allowed:
        return
    raise CriterionError(
        text,
        name.column,
        f"there is no {what} called '{name.text}'; there is {_one_of(allowed)}."
        f"{near_miss(name.text, allowed)}",
    )


def _one_of(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
