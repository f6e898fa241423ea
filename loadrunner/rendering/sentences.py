"""What a report says, in words and figures ready to be laid out.

Text, Markdown and HTML lay out the same sentences, so that they never tell different stories.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

from runs.analysis import wording
from runs.analysis.criteria import Judgement
from runs.analysis.report import Report
from runs.analysis.run_data import Fidelity, RunInfo
from runs.analysis.saturation.result import Saturation
from runs.analysis.series import Response, Series

BADGES: Final = {"pass": "✓ pass", "fail": "✗ fail", "inconclusive": "? inconclusive"}
SIGNS: Final = {"pass": "PASS", "fail": "FAIL", "inconclusive": "?"}
COLUMNS: Final = (
    "phase",
    "count",
    "offered/s",
    "goodput/s",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "errors",
    "refused",
)
P95: Final = COLUMNS.index("p95 ms")
NO_ANSWER: Final = "no answer"
NOT_HELD: Final = "not held"
# After a percentile of the tool's own durations, where that of the response time is not held.
OWN: Final = "*"


@dataclass(frozen=True)
class Row:
    """One line of the figures table: whose it is, the cells of COLUMNS, and p95's interval."""

    owner: str
    cells: tuple[str, ...]
    p95_interval: str
    is_stage: bool


@dataclass(frozen=True)
class CriterionLine:
    verdict: str
    sign: str
    text: str
    measured: str
    reason: str

    @property
    def explanation(self) -> str:
        """What was measured, and why that means the verdict, as far as there is either."""
        known = self.measured != wording.UNKNOWN
        return " ".join([f"Measured {self.measured}."] * known + [self.reason] * bool(self.reason))


@dataclass(frozen=True)
class Finding:
    """A title that is the answer, and what explains it."""

    title: str
    explanation: str


def title(report: Report) -> str:
    return report.run.campaign


def facts(run: RunInfo) -> tuple[str, ...]:
    """Which run this is: its id, when it was, what became of it, its labels."""
    found = [f"run {run.id[:8]}"]
    if run.started_at:
        found.append(run.started_at[:19].replace("T", " ") + " UTC")
    if run.state != "complete":
        found.append(f"{run.state}: only a part of the plan was measured")
    if run.source != "native":
        found.append(f"from {run.source}")
    return (*found, *(f"{name}={value}" for name, value in run.labels.items()))


def verdict(report: Report) -> str:
    """The answer in one sentence."""
    judged = [one.verdict for one in report.criteria]
    count = wording.plural(len(judged), "criterion").replace("criterions", "criteria")
    match report.verdict:
        case "invalid":
            return "Not judged: this run may not be believed."
        case "fail":
            return (
                f"Failed: {judged.count('fail')} of {count} {_do(judged.count('fail'))} not hold."
            )
        case "inconclusive":
            open_ones = judged.count("inconclusive")
            return f"Inconclusive: {open_ones} of {count} could not be decided."
        case "pass":
            return f"Passed: {count}, {'it holds' if len(judged) == 1 else 'all of them hold'}."
        case _:
            return "No criteria: there was nothing to judge."


def _do(count: int) -> str:
    return "does" if count == 1 else "do"


_OF_THE_GENERATOR: Final = {"generator_limited", "schedule_not_kept", "clock_jump"}


def validity(report: Report) -> tuple[str, tuple[str, ...]]:
    """Whether to believe the run, and why not."""
    lead = {
        "valid": "Valid: the generator kept its schedule and was not the bottleneck.",
        "suspect": "Suspect: read the figures with the doubt that follows.",
        "invalid": "Invalid: the figures may be the generator's own, not the target's.",
    }[report.validity.verdict]
    if _only_ended_early(report):
        lead = "Invalid: the run ended before its plan was done."
    if report.validity.verdict == "valid" and not report.run.fidelity.schedule:
        lead = "Valid, as far as this source can tell."
    reasons = (
        f"{one.detail} ({one.code}{f', {one.phase}' if one.phase else ''})"
        for one in report.validity.reasons
    )
    return lead, tuple(reasons)


def _only_ended_early(report: Report) -> bool:
    codes = {one.code for one in report.validity.reasons}
    is_invalid = report.validity.verdict == "invalid"
    return is_invalid and "aborted" in codes and not codes & _OF_THE_GENERATOR


def saturation(points: Iterable[Saturation]) -> tuple[Finding, ...]:
    return tuple(Finding(wording.capacity(asdict(one)), _explained(one)) for one in points)


def _explained(point: Saturation) -> str:
    sentences = [point.explanation]
    if point.headroom is not None and point.headroom.ratio is not None:
        ratio, interval = wording.figure_and_interval(point.headroom.ratio, point.headroom.ci)
        at_least = "" if point.verdict == "reached" else "at least "
        spread = f" ({interval})" if interval else ""
        sentences.append(
            f"Headroom: {at_least}{ratio} times the production peak of"
            f" {wording.per_second(point.headroom.peak_jps)}{spread}."
        )
    return " ".join(one for one in sentences if one)


def figures(series: Iterable[Series]) -> tuple[Row, ...]:
    """One row for each judged series, in the report's order, and for JMeter's transactions and
    what else comes on top of samples: pooled rows that name a step and a phase."""
    return tuple(_row(one) for one in series if not one.pooled or (one.step and one.phase))


def _row(series: Series) -> Row:
    model = " (closed)" if series.model == "closed" else ""
    return Row(
        owner=f"{series.scenario}/{series.step}",
        cells=(
            f"{series.phase}{model}",
            f"{series.count:,}",
            wording.number(series.offered_rps),
            wording.number(series.goodput_rps),
            *(percentile(series, name) for name in ("p50", "p95", "p99")),
            wording.percent(series.error_rate),
            wording.percent(series.refusal_rate),
        ),
        p95_interval=_interval(series.response_ms),
        is_stage=(series.phase or "").startswith("stage_"),
    )


def percentile(series: Series, name: str) -> str:
    """A percentile of the response time; a dash where too few samples support it.

    Of a source that does not hold which times were those of failures: that of all its times.
    """
    value: float | None = getattr(series.response_ms, name)
    own: float | None = getattr(series.all_ms, name)
    if series.count and name in series.response_ms.few:
        return wording.UNKNOWN
    if value is not None:
        return wording.number(value)
    if wording.is_among_unanswered(name, series.response_ms.unanswered):
        return NO_ANSWER
    if own is not None:
        return f"{wording.number(own)} {OWN}"
    return NOT_HELD if series.count else wording.UNKNOWN


_MEANING: Final = "Percentiles are of the response time, from the moment a request was due."
_WITHOUT_SCHEDULE: Final = (
    "Percentiles are of the response time, from the start of a request: the source does not hold"
    " when it was due."
)
_OWN_TIMES: Final = (
    f"{OWN} is the percentile of all durations in the source, whatever came back: it does not tell"
    " those of failures apart."
)


def _interval(response: Response) -> str:
    if "p95" in response.few or response.p95 is None:
        return ""
    return wording.figure_and_interval(response.p95, response.ci.get("p95"))[1]


def footnotes(rows: Iterable[Row], fidelity: Fidelity) -> tuple[str, ...]:
    """What the signs in the table mean, where they occur."""
    cells = {cell for row in rows for cell in row.cells}
    notes = [_MEANING if fidelity.schedule else _WITHOUT_SCHEDULE]
    if any(cell.endswith(OWN) for cell in cells):
        notes.append(_OWN_TIMES)
    if NOT_HELD in cells:
        notes.append(f"'{NOT_HELD}': the source does not hold it.")
    if not fidelity.failures:
        notes.append("Error rates are missing because the source does not hold what failed.")
    if wording.UNKNOWN in cells:
        notes.append(
            f"{wording.UNKNOWN} stands where there are too few samples to say"
            f"{'' if fidelity.samples == 'raw' else ', or where the source does not hold it'}."
        )
    if NO_ANSWER in cells:
        notes.append(
            f"'{NO_ANSWER}': the percentile falls among requests without their expected answer."
        )
    return tuple(notes)


def criteria(judged: Iterable[Judgement]) -> tuple[CriterionLine, ...]:
    return tuple(
        CriterionLine(one.verdict, SIGNS[one.verdict], one.text, _measured(one), one.reason)
        for one in judged
    )


def _measured(judgement: Judgement) -> str:
    value, interval = wording.figure_and_interval(judgement.measured, judgement.ci)
    if value == wording.UNKNOWN:
        return value
    unit = judgement.unit if judgement.unit in ("", "/s") else f" {judgement.unit}"
    is_wide = len(set(interval.split(" to "))) == 2
    return f"{value}{unit} ({interval})" if is_wide else f"{value}{unit}"


def bottlenecks(report: Report) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            f"{one.metric} ({wording.name(one.area)}) moves with {one.scenario}: {one.strength}",
            one.evidence,
        )
        for one in report.bottlenecks
    )


def next_steps(points: Iterable[Saturation]) -> tuple[str, ...]:
    """What to run next, and for which scenario."""
    return tuple(
        one.next_run if _names_it(one) else f"{one.scenario}: {one.next_run}"
        for one in points
        if one.next_run
    )


def _names_it(point: Saturation) -> bool:
    return point.scenario is None or point.scenario in point.next_run
