"""hey's CSV: a row an answered request, in seconds with four decimals. Requests that got no answer
are not rows. What hey prints counts them, and has no row for anything."""

import re
from collections.abc import Iterator
from typing import Final

import polars as pl

from runs.formats import raw, summaries, table
from runs.formats.imported import ALL, REQUESTS, Imported
from runs.formats.left_out import LeftOut
from runs.formats.source import Source

NAME: Final = "hey"
_HEADER: Final = ("response-time", "DNS+dialup", "DNS")
_NOTE: Final = (
    "hey writes no row for a request that got no answer: connection errors and timeouts are missing"
    " because the source does not hold them. Times are rounded to 0.1 ms."
)

_MOST_ROWS: Final = 1_000_000
_FULL: Final = "hey writes a million rows at most: what came after them is not in the file."


def recognises(head: bytes) -> bool:
    return tuple(table.first_record(head)[:3]) == _HEADER or _is_text(head)


def _is_text(head: bytes) -> bool:
    words = (b"Summary:", b"Fastest:", b"Requests/sec:")
    # oha prints much the same.
    return all(word in head for word in words) and b"Success rate:" not in head


def read(source: Source) -> Imported:
    if _is_text(source.head):
        return _of_text(source)
    names = table.header(source, "response-time", "DNS+dialup")
    left_out = LeftOut(source.name)
    frames = list(_frames(source, names, left_out))
    is_full = sum(frame.height for frame in frames) == _MOST_ROWS
    notes = (_NOTE, _FULL) if is_full else (_NOTE,)
    if "offset" not in names:
        found = pl.concat([raw.empty(), *(raw.completed(frame) for frame in frames)])
        return raw.of_durations(source, NAME, found, left_out, failures=False, notes=notes)
    return raw.of_samples(
        source,
        NAME,
        frames,
        left_out=left_out,
        clock="offset",
        failures=False,
        notes=lambda: notes,
    )


def _frames(source: Source, names: list[str], left_out: LeftOut) -> Iterator[pl.DataFrame]:
    timed = "offset" in names
    for rows in table.rows(source, names, has_header=True):
        start = raw.micros(table.numbers(pl.col("offset")), 1e6) if timed else pl.lit(0, pl.Int64)
        lacking = [
            pl.lit(None, pl.String).alias(one)
            for one in ("status-code", "Request-write", "Response-delay")
            if one not in names
        ]
        frame = rows.frame.with_columns(lacking).with_columns(
            start.alias("start"),
            raw.micros(table.numbers(pl.col("response-time")), 1e6).alias("took"),
        )
        needed = {"took": "response-time", "start": "offset"}
        yield _samples(table.readable(rows, frame, names, left_out, needed))


def _samples(frame: pl.DataFrame) -> pl.DataFrame:
    """The offset is the start. The first byte comes after dialling, writing and waiting."""
    status = table.whole_numbers(pl.col("status-code"))
    parts = ("DNS+dialup", "Request-write", "Response-delay")
    before = [raw.micros(table.numbers(pl.col(name)), 1e6) for name in parts]
    return frame.select(
        pl.lit(ALL).alias("scenario"),
        pl.lit(REQUESTS).alias("step"),
        pl.col("start").alias("started_us"),
        (pl.col("start") + pl.col("took")).alias("ended_us"),
        before[0].alias("connect_us"),
        (pl.col("start") + before[0] + before[1] + before[2]).alias("first_byte_us"),
        status.alias("status"),
        raw.outcome(status >= 400, status, unconnected=pl.lit(value=False)).alias("outcome"),
        (before[0] == 0).alias("reused"),
    )


# -- What it prints ------------------------------------------------------------------------------

_SECONDS: Final = re.compile(r"^\s*(Total|Slowest|Fastest|Average):\s+([\d.]+) secs", re.MULTILINE)
_SERVED: Final = re.compile(r"^\s*(\d+)%+ in ([\d.]+) secs", re.MULTILINE)
_STATUS: Final = re.compile(r"^\s*\[(\d{3})\]\s+(\d+) responses", re.MULTILINE)
_ERROR: Final = re.compile(r"^\s*\[(\d+)\]\s+(.+)$", re.MULTILINE)
_TIMED_OUT: Final = re.compile("(?i)timeout|deadline exceeded")


def _of_text(source: Source) -> Imported:
    text = source.text()
    times = {name: _number(value) for name, value in _SECONDS.findall(text)}
    statuses = {code: summaries.count(int(count[:18])) for code, count in _STATUS.findall(text)}
    outcomes = summaries.outcomes_of(statuses)
    for count, error in _ERROR.findall(text.partition("Error distribution:")[2]):
        name = "timeout" if _TIMED_OUT.search(error) else "connection_error"
        outcomes[name] += summaries.count(int(count[:18]))
    if not any(outcomes.values()):
        raise source.error(1, 1, "nothing can be read: hey counts no request.")
    values = {**times, **{percent: _number(value) for percent, value in _SERVED.findall(text)}}
    length_us = round(min(times.get("Total") or 0.0, 1e9) * 1e6)
    row = summaries.row(
        sum(outcomes.values()),
        length_us=length_us,
        outcomes=outcomes,
        statuses=statuses,
        all_ms=summaries.spread(
            values, 1000, min="Fastest", mean="Average", p50="50", p90="90", p95="95", p99="99",
            max="Slowest",
        ),
        knows_classes=True,
    )  # fmt: skip
    return summaries.of_rows(
        source,
        NAME,
        [row, summaries.whole(row)],
        samples_are="summary",
        length_us=length_us,
        notes=("hey's times are those of all answers, rounded to 0.1 ms; errors have none.",),
    )


def _number(text: str) -> float | None:
    try:
        return summaries.number(float(text))
    except ValueError:  # several points in a number
        return None
