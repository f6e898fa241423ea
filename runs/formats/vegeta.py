"""Vegeta: results as JSON (lines or an array) and CSV without a header, and its JSON report.

Nanoseconds; the timestamp is the start; code 0 means that no answer came; success is a code from
200 to 399. Rows stand in the order of completion.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from runs.formats import document, lines, raw, summaries, table
from runs.formats.imported import ALL, Imported
from runs.formats.left_out import LeftOut
from runs.formats.source import Source

NAME: Final = "vegeta"
_RESULT: Final[dict[str, pl.DataType]] = {
    "attack": pl.String(),
    "code": pl.Int64(),
    "timestamp": pl.String(),
    "latency": pl.Int64(),
    "bytes_out": pl.Int64(),
    "bytes_in": pl.Int64(),
    "error": pl.String(),
    "method": pl.String(),
    "url": pl.String(),
}
_CSV: Final = (
    *("timestamp", "code", "latency", "bytes_out", "bytes_in", "error"),
    *("body", "attack", "seq", "method", "url", "headers"),
)
_WIDTHS: Final = (6, 9, 12)
_FIRST_ROW: Final = re.compile(rb'"?\d{18,19}"?,"?\d{1,3}"?,"?\d+"?,"?\d+"?,"?\d+"?,')
_RFC3339: Final = "%Y-%m-%dT%H:%M:%S%.f%:z"


def recognises(head: bytes) -> bool:
    return (
        _is_gob(head) or _is_results(head) or _is_report(head) or _FIRST_ROW.match(head) is not None
    )


def _is_gob(head: bytes) -> bool:
    """Go's own encoding: the name of the type stands near the beginning."""
    return b"\0" in head[:200] and b"Result" in head[:60] and b"Attack" in head[:200]


def _is_results(head: bytes) -> bool:
    start = head.lstrip()[:1]
    return start in (b"{", b"[") and all(
        key in head for key in (b'"attack"', b'"code"', b'"latency"', b'"timestamp"')
    )


def _is_report(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"latencies"' in head and b'"bytes_in"' in head


def read(source: Source) -> Imported:
    head = source.head
    if _is_gob(head):
        raise source.error(
            1, 1, "this is Vegeta's binary encoding. Write it with `vegeta encode -to json`."
        )
    if _is_report(head) and not _is_results(head):
        return _of_report(source)
    left_out = LeftOut(source.name)
    if head.lstrip().startswith(b"{"):
        frames = _stamped(lines.frames(source, _RESULT, left_out))
    elif head.lstrip().startswith(b"["):
        frames = _stamped(iter([_of_array(source, left_out)]))
    else:
        frames = _of_csv(source, left_out)
    samples = (_samples(_with_code(frame, left_out)) for frame in frames)
    return raw.of_samples(source, NAME, samples, left_out=left_out)


def _with_code(frame: pl.DataFrame, left_out: LeftOut) -> pl.DataFrame:
    """Without a code it is not known whether a request failed."""
    known = frame.filter(pl.col("code").is_not_null())
    left_out.add("no readable code", frame.height - known.height)
    return known


def _stamped(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    for frame in frames:
        utc = pl.col("timestamp").str.replace(r"[zZ]$", "+00:00")
        stamp = utc.str.to_datetime(_RFC3339, time_unit="us", strict=False)
        yield frame.with_columns(stamp.dt.epoch("us").alias("start"))


def _of_array(source: Source, left_out: LeftOut) -> pl.DataFrame:
    found = document.read(source)
    entries = found if isinstance(found, list) else []
    rows = [one for one in entries if isinstance(one, dict)]
    if source.is_cut and entries and not _is_whole(entries[-1], entries[0]):
        rows, entries = rows[:-1], entries[:-1]
    left_out.add(lines.DAMAGED, len(entries) - len(rows))
    columns = {
        name: [_fitting(row.get(name), kind) for row in rows] for name, kind in _RESULT.items()
    }
    return pl.DataFrame(columns, schema=_RESULT)


def _is_whole(entry: Any, first: Any) -> bool:
    """Whether an entry has what every version writes, and what the first one has."""
    expected = {*_RESULT} - {"method", "url"} | {*(first if isinstance(first, dict) else ())}
    return isinstance(entry, dict) and expected <= {*entry}


def _fitting(value: Any, kind: pl.DataType) -> Any:
    if kind == pl.String():
        return value if isinstance(value, str) else None
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and -(2**63) <= value < 2**63 else None


def _of_csv(source: Source, left_out: LeftOut) -> Iterator[pl.DataFrame]:
    width = len(table.first_record(source.head))
    if width not in _WIDTHS:
        raise source.error(1, 1, f"its first row has {width} columns; Vegeta writes 6, 9 or 12.")
    for rows in table.rows(source, _CSV, has_header=False):
        numbers = [
            table.whole_numbers(pl.col(name)).alias(name)
            for name in ("code", "latency", "bytes_out", "bytes_in")
        ]
        start = table.whole_numbers(pl.col("timestamp")) // 1000
        frame = rows.frame.with_columns(*numbers, start.alias("start"))
        needed = {"start": "timestamp", "code": "code", "latency": "latency"}
        yield table.readable(rows, frame, _CSV, left_out, needed)


def _samples(frame: pl.DataFrame) -> pl.DataFrame:
    status = pl.when(pl.col("code") > 0).then(pl.col("code"))
    failed = ~pl.col("code").is_between(200, 399)
    error = pl.col("error").replace("", None)
    name = pl.concat_str(
        pl.col("method").replace("", None), pl.col("url").replace("", None),
        separator=" ", ignore_nulls=True,
    )  # fmt: skip
    attack = pl.col("attack").replace("", None)
    return frame.select(
        pl.coalesce(attack, pl.lit(ALL)).alias("scenario"),
        pl.coalesce(name.replace("", None), pl.lit("requests")).alias("step"),
        pl.col("start").alias("started_us"),
        (pl.col("start") + (pl.col("latency") / 1000).round().cast(pl.Int64)).alias("ended_us"),
        status.alias("status"),
        raw.outcome(
            failed,
            status,
            timed_out=status.is_null() & error.str.contains("(?i)timeout|deadline exceeded"),
            unconnected=status.is_null(),
        ).alias("outcome"),
        pl.when(failed).then(error).alias("error"),
        "bytes_out",
        "bytes_in",
    )


def _of_report(source: Source) -> Imported:
    found = document.read(source)
    latencies = found.get("latencies") if isinstance(found, dict) else None
    count = summaries.count(found.get("requests")) if isinstance(found, dict) else 0
    if not isinstance(latencies, dict) or not count:
        raise source.error(1, 1, "nothing can be read: it counts no request.")
    codes = found.get("status_codes")
    statuses = {
        str(key): summaries.count(one)
        for key, one in (codes.items() if isinstance(codes, dict) else ())
    }
    outcomes = summaries.outcomes_of(statuses)
    outcomes["connection_error"] += max(0, count - sum(outcomes.values()))
    spread = summaries.spread(
        latencies, 1e-6, min="min", mean="mean", p50="50th", p90="90th", p95="95th", p99="99th",
        max="max",
    )  # fmt: skip
    row = summaries.row(
        count,
        length_us=round((summaries.number(found.get("duration")) or 0) / 1000),
        outcomes=outcomes,
        statuses={code: one for code, one in statuses.items() if code != "0"},
        all_ms=spread,
        knows_classes=True,
    )
    return summaries.of_rows(
        source,
        NAME,
        [row, summaries.whole(row)],
        samples_are="summary",
        started_at_us=raw.time_of(found.get("earliest")),
        length_us=row.window_us[1],
    )
