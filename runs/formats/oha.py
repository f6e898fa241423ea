"""oha: its JSON summary, and its CSV, which has rows for successes only.

The latencies of the summary leave errors out, while its success rate counts any answer, a 500
too, and ignores requests that were cut at the deadline.
"""

from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from runs.formats import document, raw, summaries, table
from runs.formats.imported import ALL, REQUESTS, Imported
from runs.formats.left_out import LeftOut
from runs.formats.source import Source

NAME: Final = "oha"
_HEADER: Final = ("request-start", "DNS", "DNS+dialup")
_SUCCESSES: Final = (
    "oha writes rows for successes only: failed requests are missing because the source does not"
    " hold them."
)
_NEWER: Final = ("p50", "p95", "p99")
_DEADLINE: Final = "aborted due to deadline"


def recognises(head: bytes) -> bool:
    if tuple(table.first_record(head)[:3]) == _HEADER:
        return True
    return head.lstrip().startswith(b"{") and (
        (b'"successRate"' in head and b'"slowest"' in head)
        or b'"responseTimeHistogram"' in head
        or (b'"latency_ms"' in head and b'"statusCodeDistribution"' in head)
    )


def read(source: Source) -> Imported:
    if source.head.lstrip().startswith(b"{"):
        return _of_summary(source)
    left_out = LeftOut(source.name)
    return raw.of_samples(
        source,
        NAME,
        _frames(source, left_out),
        left_out=left_out,
        clock="offset",
        failures=False,
        notes=lambda: (_SUCCESSES,),
    )


def _frames(source: Source, left_out: LeftOut) -> Iterator[pl.DataFrame]:
    names = table.header(source, "request-start", "DNS+dialup")
    for rows in table.rows(source, names, has_header=True):
        lacking = [
            pl.lit(None, pl.String).alias(one)
            for one in ("Response-delay", "request-duration", "bytes", "status")
            if one not in names
        ]
        frame = rows.frame.with_columns(lacking).with_columns(
            start=raw.micros(table.numbers(pl.col("request-start")), 1e6),
            took=raw.micros(table.numbers(pl.col("request-duration")), 1e6),
        )
        needed = {"start": "request-start", "took": "request-duration"}
        yield _samples(table.readable(rows, frame, names, left_out, needed))


def _samples(frame: pl.DataFrame) -> pl.DataFrame:
    status = table.whole_numbers(pl.col("status"))
    dialled = raw.micros(table.numbers(pl.col("DNS+dialup")), 1e6)
    delay = raw.micros(table.numbers(pl.col("Response-delay")), 1e6)
    return frame.select(
        pl.lit(ALL).alias("scenario"),
        pl.lit(REQUESTS).alias("step"),
        pl.col("start").alias("started_us"),
        (pl.col("start") + pl.col("took")).alias("ended_us"),
        dialled.alias("connect_us"),
        (pl.col("start") + delay).alias("first_byte_us"),
        status.alias("status"),
        raw.outcome(status >= 400, status, unconnected=pl.lit(value=False)).alias("outcome"),
        (dialled == 0).alias("reused"),
        table.whole_numbers(pl.col("bytes")).alias("bytes_in"),
    )


def _of_summary(source: Source) -> Imported:
    found = document.read(source)
    summary = _object(found, "summary")
    statuses = {
        str(key): summaries.count(one)
        for key, one in _object(found, "statusCodeDistribution").items()
    }
    errors = {
        str(key): summaries.count(one) for key, one in _object(found, "errorDistribution").items()
    }
    if not (statuses or errors):
        raise source.error(1, 1, "nothing can be read: it counts no request.")
    cut = sum(count for text, count in errors.items() if _DEADLINE in text)
    outcomes = summaries.outcomes_of(statuses)
    outcomes["connection_error"] = sum(errors.values()) - cut
    outcomes["cut"] = cut
    answered = sum(statuses.values())
    row = summaries.row(
        answered + sum(errors.values()),
        length_us=round((summaries.number(summary.get("total")) or 0) * 1e6),
        outcomes=outcomes,
        statuses=statuses,
        all_ms=_spread(found, summary),
        ok_ms=_spread_of_ok(found, summary, is_clean=outcomes.get("ok", 0) == answered),
        knows_classes=True,
    )
    notes = (
        "oha's latencies leave out requests without an answer, and its percentiles stand for"
        " answers of every status.",
    )
    return summaries.of_rows(
        source,
        NAME,
        [row, summaries.whole(row)],
        samples_are="summary",
        length_us=row.window_us[1],
        notes=notes,
    )


def _spread_of_ok(found: Any, summary: dict[str, Any], *, is_clean: bool) -> Any:
    """With --stats-success-breakdown the times of 2xx stand apart."""
    if is_clean:
        return _spread(found, summary)
    return summaries.spread(
        _object(found, "latencyPercentilesSuccessful"),
        1000,
        p50="p50",
        p90="p90",
        p95="p95",
        p99="p99",
        p99_9="p99.9",
    )


def _spread(found: Any, summary: dict[str, Any]) -> Any:
    values = {**_object(found, "latencyPercentiles"), **summary}
    newer = _object(_object(found, "metrics"), "latency_ms")
    if newer and not _object(found, "latencyPercentiles"):
        return summaries.spread(newer, **{one: one for one in ("min", "mean", "max", *_NEWER)})
    return summaries.spread(
        values,
        1000,
        min="fastest",
        mean="average",
        p50="p50",
        p90="p90",
        p95="p95",
        p99="p99",
        p99_9="p99.9",
        max="slowest",
    )


def _object(found: Any, key: str) -> dict[str, Any]:
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, dict) else {}
