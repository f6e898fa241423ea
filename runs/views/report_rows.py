"""The report's figures as the rows and tiles of a run's page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runs.analysis import intervals, wording
from runs.analysis.outcomes import FAILED
from runs.views.against import Against

_FEW = "Too few samples: fewer than ten lie beyond this percentile."
_UNANSWERED = "It falls among requests that did not get their expected answer."
_NO_SAMPLES = "No sample."
_NOT_HELD = "The source does not hold it."
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


@dataclass(frozen=True)
class Column:
    """A head of the table, the glossary's word behind it, and whether it is shown unasked."""

    name: str
    term: str = ""
    is_shown: bool = True


COLUMNS = (
    Column("count", "sample"),
    Column("offered", "offered load"),
    Column("throughput", "throughput", is_shown=False),
    Column("goodput", "goodput"),
    Column("p50", "p50"),
    Column("p90", "p90", is_shown=False),
    Column("p95", "p95"),
    Column("p99", "p99"),
    Column("p99.9", "p99.9", is_shown=False),
    Column("mean of ok", is_shown=False),
    Column("longest ok", is_shown=False),
    Column("service p95", "service time", is_shown=False),
    Column("first token p50", "time to first token", is_shown=False),
    Column("first token p95", "time to first token", is_shown=False),
    Column("errors", "error rate"),
    Column("refused", "refusal rate"),
    Column("4xx"),
    Column("5xx"),
    Column("dropped", is_shown=False),
    Column("retries"),
)
_RATES = ("error_rate", "refusal_rate", "rate_4xx", "rate_5xx", "drop_rate", "retry_rate")


def series_rows(report: Mapping[str, Any]) -> list[SeriesRow]:
    """Every row of the report's `series`, in its order: judged ones first, then pooled ones."""
    return [
        SeriesRow(row["scenario"], row["step"], row["phase"], row["pooled"], tuple(_cells(row)))
        for row in report["series"]
    ]


def _cells(row: Series) -> Iterable[Cell]:
    """In the order of COLUMNS."""
    yield Cell(f"{row['count']:,}", row["count"])
    for column in ("offered_rps", "throughput_rps", "goodput_rps"):
        yield Cell(wording.per_second(row[column]), row[column], _why_unknown(row, column))
    for name in ("p50", "p90", "p95", "p99", "p99_9"):
        yield percentile(row, name)
    yield _time(row, "ok_ms", "mean")
    yield _time(row, "ok_ms", "max")
    yield _time(row, "service_ms", "p95")
    yield _time(row, "first_token_ms", "p50")
    yield _time(row, "first_token_ms", "p95")
    for column in _RATES:
        yield Cell(wording.percent(row[column]), row[column], _why_unknown(row, column))


def _why_unknown(row: Series, column: str) -> str:
    """A rate is not known only where another tool's file does not say it."""
    of = row["outcomes"]
    judged = row["count"] - sum(of.get(one, 0) for one in ("dropped", "generator_error", "cut"))
    return _NOT_HELD if row[column] is None and judged > 0 else ""


def _token_cells(row: Series) -> Iterable[Cell]:
    yield from (_time(row, "first_token_ms", name) for name in ("p50", "p90", "p95", "p99"))
    yield _time(row, "ok_ms", "p95")


def _time(row: Series, group: str, name: str) -> Cell:
    value = (row[group] or {}).get(name)
    return Cell(wording.milliseconds(value), value, "" if value is not None else _NO_SAMPLES)


@dataclass(frozen=True)
class TokenRow:
    """Time to the first token of one streamed step in one phase."""

    where: str
    phase: str
    cells: tuple[Cell, ...]


def token_rows(report: Mapping[str, Any]) -> list[TokenRow]:
    """Of the steps that stream; none where none does."""
    rows = [row for row in report["series"] if not row["pooled"] and row["first_token_ms"]]
    return [
        TokenRow(
            f"{row['scenario']}/{row['step']}",
            row["phase"] or "",
            tuple(_token_cells(row)),
        )
        for row in rows
        if any(value is not None for value in row["first_token_ms"].values())
    ]


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


def tiles(
    run_samples: int,
    headline: Mapping[str, Any],
    row: Series | None,
    timeline: Mapping[str, Any] | None,
    before: Against | None,
) -> list[Tile]:
    """The figures of the whole run, each with its interval, what it was taken over, and what the
    baseline had."""
    if row is None:
        return []
    unanswered = row["response_ms"]["unanswered"]
    return [
        Tile(
            "goodput",
            wording.per_second(row["goodput_rps"]),
            _lines(_of(row, "offered_rps"), _before(before, "goodput_rps")),
        ),
        *(_percentile_tile(row, name, before) for name in ("p50", "p95", "p99")),
        Tile(
            "error rate",
            wording.percent(row["error_rate"]),
            _lines(
                _share_interval(timeline, FAILED),
                _split(row),
                _no_answer(unanswered),
                _before(before, "error_rate"),
            ),
        ),
        Tile(
            "refusal rate",
            wording.percent(row["refusal_rate"]),
            _lines(
                _share_interval(timeline, ("refused",)),
                _count(row, "refused"),
                _before(before, "refusal_rate"),
            ),
        ),
        Tile("samples", f"{run_samples:,}", _lines(_highest(headline.get("peak_jps")))),
    ]


def _before(before: Against | None, column: str, group: str = "") -> str:
    return before.words(column, group) if before else ""


def _lines(*words: str | None) -> list[str]:
    return [one for one in words if one]


def _percentile_tile(row: Series, name: str, before: Against | None) -> Tile:
    cell = percentile(row, name)
    under = _lines(cell.interval or cell.why, _requests(row))
    return Tile(name, cell.words, under + _lines(_before(before, name, "response_ms")))


def _share_interval(timeline: Mapping[str, Any] | None, outcomes: Sequence[str]) -> str:
    """The 95 % interval of a share of the run's requests, wider where they come in bursts."""
    total = (timeline or {}).get("total") or {}
    due, found = total.get("due"), total.get("outcomes") or {}
    if not due:
        return ""
    counts = np.array(due, dtype=np.float64)
    columns = [np.array(found[name], dtype=np.float64) for name in outcomes if name in found]
    hits = np.minimum(sum(columns, np.zeros(len(counts))), counts)
    inflation = intervals.share_inflation(hits, counts)
    share = intervals.share(int(hits.sum()), int(counts.sum()), inflation)
    if share.low is None or share.high is None:
        return ""
    return f"{wording.percent(share.low)} to {wording.percent(share.high)}"


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
