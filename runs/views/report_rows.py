"""The report's figures as the rows and tiles of a run's page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runs.analysis import wording

_FEW = "Too few samples: fewer than ten lie beyond this percentile."
_UNANSWERED = "It falls among requests that did not get their expected answer."
_NO_SAMPLES = "No sample."
_NOT_HELD = "The source does not hold it."
_PERCENTILES = ("p50", "p95", "p99")
Series = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A figure of a table: its words, the exact value to sort by, and why it is not known."""

    words: str
    value: float | None = None
    why: str = ""
    interval: str = ""


@dataclass(frozen=True)
class SeriesRow:
    scenario: str | None
    step: str | None
    phase: str | None
    pooled: bool
    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        if self.scenario is None:
            return "the whole run"
        return self.scenario if self.step is None else f"{self.scenario}/{self.step}"


# Heads of the table, with the glossary's word behind each.
COLUMNS = (
    ("count", "sample"),
    ("offered", "offered load"),
    ("goodput", "goodput"),
    ("p50", "p50"),
    ("p95", "p95"),
    ("p99", "p99"),
    ("errors", "error rate"),
    ("refused", "refusal rate"),
    ("4xx", ""),
    ("5xx", ""),
    ("retries", ""),
)


def series_rows(report: Mapping[str, Any]) -> list[SeriesRow]:
    """Every row of the report's `series`, in its order: judged ones first, then pooled ones."""
    return [
        SeriesRow(row["scenario"], row["step"], row["phase"], row["pooled"], tuple(_cells(row)))
        for row in report["series"]
    ]


def _cells(row: Series) -> Iterable[Cell]:
    yield Cell(f"{row['count']:,}", row["count"])
    for column in ("offered_rps", "goodput_rps"):
        yield Cell(wording.per_second(row[column]), row[column], _why_unknown(row, column))
    for name in _PERCENTILES:
        yield percentile(row, name)
    for column in ("error_rate", "refusal_rate", "rate_4xx", "rate_5xx", "retry_rate"):
        yield Cell(wording.percent(row[column]), row[column], _why_unknown(row, column))


def _why_unknown(row: Series, column: str) -> str:
    """A rate is not known only where another tool's file does not say it."""
    of = row["outcomes"]
    judged = row["count"] - sum(of.get(one, 0) for one in ("dropped", "generator_error", "cut"))
    return _NOT_HELD if row[column] is None and judged > 0 else ""


def percentile(row: Series, name: str) -> Cell:
    """A percentile of response_ms with its interval, or a dash and the reason."""
    times = row["response_ms"]
    value = times[name]
    if not row["count"]:
        return Cell(wording.UNKNOWN, why=_NO_SAMPLES)
    if name in times["few"]:
        return Cell(wording.UNKNOWN, why=_FEW)
    if value is None:
        return Cell(wording.UNKNOWN, why=_why_null(row, name))
    low, high = wording.bounds(times["ci"].get(name))
    span = "" if low is None or high is None else wording.span_ms(low, high)
    return Cell(wording.milliseconds(value), value, interval=span)


def _why_null(row: Series, name: str) -> str:
    if wording.is_among_unanswered(name, row["response_ms"]["unanswered"]):
        return _UNANSWERED
    own = row["all_ms"].get(name)
    if own is None:
        return _NOT_HELD
    return (
        "The source does not hold which times were those of failures. Of all durations in it,"
        f" {name} is {wording.milliseconds(own)}."
    )


def whole(report: Mapping[str, Any]) -> Series | None:
    """The pooled row of the whole run."""
    rows = report["series"]
    return next((r for r in rows if r["scenario"] is r["step"] is r["phase"] is None), None)


@dataclass(frozen=True)
class Tile:
    """A headline figure: what it is, its words, and what stands under it."""

    term: str
    words: str
    under: Sequence[str]

    @property
    def name(self) -> str:
        return self.term[:1].upper() + self.term[1:] if len(self.term) > 3 else self.term


def tiles(run_samples: int, headline: Mapping[str, Any], row: Series | None) -> list[Tile]:
    """The figures of the whole run, each with what it was taken over."""
    if row is None:
        return []
    p95 = percentile(row, "p95")
    unanswered = row["response_ms"]["unanswered"]
    return [
        Tile("goodput", wording.per_second(row["goodput_rps"]), [_of(row, "offered_rps")]),
        Tile("p95", p95.words, [p95.interval or p95.why or _requests(row)]),
        Tile("p50", percentile(row, "p50").words, [_no_answer(unanswered)]),
        Tile("error rate", wording.percent(row["error_rate"]), [_split(row)]),
        Tile("refusal rate", wording.percent(row["refusal_rate"]), [_count(row, "refused")]),
        Tile("samples", f"{run_samples:,}", [_highest(headline.get("peak_jps"))]),
    ]


def _of(row: Series, column: str) -> str:
    return f"of {wording.per_second(row[column])} offered"


def _requests(row: Series) -> str:
    return f"over {wording.plural(row['count'], 'request')}"


def _no_answer(share: float | None) -> str:
    if share is None:
        return _NOT_HELD
    return f"{wording.percent(share)} without an expected answer" if share else "all answered"


def _split(row: Series) -> str:
    four, five = wording.percent(row["rate_4xx"]), wording.percent(row["rate_5xx"])
    return f"4xx {four}, 5xx {five}"


def _count(row: Series, outcome: str) -> str:
    return f"{wording.plural(row['outcomes'].get(outcome, 0), 'request')} refused"


def _highest(peak_jps: float | None) -> str:
    return f"planned load up to {wording.per_second(peak_jps)}" if peak_jps else ""


@dataclass(frozen=True)
class ErrorRow:
    outcome: str
    where: str
    count: int
    share: float
    statuses: str
    phases: str


def error_rows(report: Mapping[str, Any]) -> list[ErrorRow]:
    """Everything that did not end as expected, grouped by outcome and step, the most first."""
    groups: dict[tuple[str, str], list[tuple[Series, int]]] = {}
    totals: dict[str, int] = {}
    for row in report["series"]:
        if row["pooled"]:
            continue
        where = f"{row['scenario']}/{row['step']}"
        totals[where] = totals.get(where, 0) + row["count"]
        for outcome, count in row["outcomes"].items():
            if outcome != "ok" and count:
                groups.setdefault((outcome, where), []).append((row, count))
    rows = [_error_row(key, found, totals) for key, found in groups.items()]
    return sorted(rows, key=lambda row: -row.count)


def _error_row(
    key: tuple[str, str], found: Sequence[tuple[Series, int]], totals: Mapping[str, int]
) -> ErrorRow:
    outcome, where = key
    count = sum(number for _, number in found)
    return ErrorRow(
        outcome=outcome,
        where=where,
        count=count,
        share=count / (totals[where] or 1),
        statuses=_statuses(outcome, [row for row, _ in found]),
        phases=", ".join(_phases(found)),
    )


def _phases(found: Sequence[tuple[Series, int]]) -> list[str]:
    """The phases with the most of them; more than four are counted."""
    ordered = [row["phase"] for row, _ in sorted(found, key=lambda pair: -pair[1])]
    more = len(ordered) - 4
    return [*ordered[:4], f"and {more} more"] if more > 0 else ordered


def _statuses(outcome: str, rows: Sequence[Series]) -> str:
    """The statuses that such an outcome can have come with."""
    fits = {"refused": "45", "client_error": "4", "server_error": "5"}.get(outcome)
    if fits is None:
        return wording.UNKNOWN
    counts: dict[str, int] = {}
    for row in rows:
        for status, count in row["statuses"].items():
            if str(status)[:1] in fits:
                counts[str(status)] = counts.get(str(status), 0) + count
    ordered = sorted(counts, key=lambda status: -counts[status])
    return ", ".join(ordered) or wording.UNKNOWN
