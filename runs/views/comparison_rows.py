"""A comparison's rows as a page shows them, and the sentence that is its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runs.analysis import wording
from runs.analysis.comparison import Change, Comparison, Row
from runs.views.row_history import RowHistory, Spark

LETTERS = "ABCDEF"
_NOTHING = 0.005  # a ratio that reads as minus 100 %
_STATISTICS = {
    "p50": "p50",
    "p95": "p95",
    "p99": "p99",
    "all_mean": "mean of all",
    "all_p50": "p50 of all",
    "all_p95": "p95 of all",
    "all_p99": "p99 of all",
    "throughput": "throughput",
    "error_rate": "error rate",
    "capacity": "capacity",
}


@dataclass(frozen=True)
class ValueCell:
    words: str
    interval: str
    value: float | None


@dataclass(frozen=True)
class ChangeCell:
    """`ratio` and `interval` are signed changes in per cent; `why` explains what is not told."""

    verdict: str
    ratio: str
    interval: str
    value: float | None
    why: str


@dataclass(frozen=True)
class ShownRow:
    name: str
    phase: str
    statistic: str
    values: tuple[ValueCell, ...]
    changes: tuple[ChangeCell | None, ...]
    spark: Spark | None = None

    @property
    def is_told(self) -> bool:
        """Whether any run is better or worse here."""
        return any(change and change.verdict in ("better", "worse") for change in self.changes)


def shown(row: Row, history: RowHistory | None = None) -> ShownRow:
    pairs = zip(row.values, row.intervals, strict=True)
    return ShownRow(
        name=f"{row.scenario}/{row.step}" if row.step else row.scenario,
        phase=row.phase or "",
        statistic=_STATISTICS[row.statistic],
        values=tuple(_value(value, interval, row.unit) for value, interval in pairs),
        changes=tuple(_change(change) if change else None for change in row.changes),
        spark=history.spark(row) if history else None,
    )


def _value(value: float | None, interval: Sequence[float | None] | None, unit: str) -> ValueCell:
    low, high = wording.bounds(interval)
    if low is None or high is None:
        span = ""
    elif unit == "ms":
        span = wording.span_ms(low, high)
    else:
        span = wording.figure_and_interval(low, (low, high))[1]
    return ValueCell(wording.measured(value, unit), span, value)


def _change(change: Change) -> ChangeCell:
    low, high = wording.bounds(change.ci)
    span = ""
    if low is not None and high is not None and low != high:
        span = f"{wording.change(low)} to {wording.change(high)}"
    ratio = wording.change(change.ratio) if change.ratio is not None else _one_sided(change)
    return ChangeCell(change.verdict, ratio, span, change.ratio, change.reason)


def _one_sided(change: Change) -> str:
    """'+26 % or more' where only one bound is known and says something."""
    low, high = change.ci or (None, None)
    if low is not None and low > 1:
        return f"{wording.change(low)} or more"
    if high is not None and _NOTHING < high < 1:
        return f"{wording.change(high)} or more"
    return wording.UNKNOWN


def title(found: Comparison) -> str:
    """The answer: the capacity that changed most, else how many figures did."""
    if len(found.runs) > 2:
        return f"{len(found.runs)} runs side by side"
    capacities = [row for row in found.rows if row.statistic == "capacity"]
    told = [row for row in capacities if _verdict(row) in ("better", "worse", "no_change")]
    return _capacity_sentence(told[0]) if told else _counts(found.rows)


def _verdict(row: Row) -> str:
    change = row.changes[0]
    return change.verdict if change else "inconclusive"


def _capacity_sentence(row: Row) -> str:
    change = row.changes[0]
    old, new = (wording.measured(value, row.unit) for value in row.values)
    subject = f"{wording.who(row.scenario)}'s capacity"
    if change is None or change.verdict == "no_change":
        return f"{subject} did not change: {old} and {new}"
    if change.ratio is None:
        return f"{subject} changed from {old}: {wording.name(change.verdict)}"
    verb = "rose" if change.ratio > 1 else "fell"
    return f"{subject} {verb} from {old} to {new}: {change.verdict}"


def _counts(rows: Sequence[Row]) -> str:
    worse = sum(_verdict(row) == "worse" for row in rows)
    better = sum(_verdict(row) == "better" for row in rows)
    if worse or better:
        return f"{wording.plural(worse, 'figure')} worse, {better} better"
    return "No difference that these runs can tell"


@dataclass(frozen=True)
class MeanRow:
    statistic: str
    rows: int
    ratios: tuple[str, ...]


def means(found: Comparison) -> list[MeanRow]:
    return [
        MeanRow(
            _STATISTICS[mean.statistic],
            mean.rows,
            tuple(wording.change(ratio) for ratio in mean.ratios),
        )
        for mean in found.means
    ]


def points_by_scenario(report: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The saturation entries of a report, by scenario; the whole system has none here."""
    entries = report.get("saturation") or []
    return {entry["scenario"]: entry for entry in entries if entry.get("scenario")}


def is_on_all_sides(row: Row, reports: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each of the runs has such a row at all, whatever it says."""
    if row.statistic == "capacity":
        return all(row.scenario in points_by_scenario(report) for report in reports)
    key = (row.scenario, row.step, row.phase)
    return all(
        any((one["scenario"], one["step"], one["phase"]) == key for one in report["series"])
        for report in reports
    )
