"""hey's CSV: a row an answered request, in seconds with four decimals. Requests that got no answer
are not rows."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from runs.formats import raw, table
from runs.formats.imported import ALL, REQUESTS, Imported
from runs.formats.left_out import LeftOut
from runs.formats.source import Source

NAME: Final = "hey"
_HEADER: Final = ("response-time", "DNS+dialup", "DNS")
_NOTE: Final = (
    "hey writes no row for a request that got no answer: connection errors and timeouts are missing"
    " because the source does not hold them. Times are rounded to 0.1 ms."
)


def recognises(head: bytes) -> bool:
    return tuple(table.first_record(head)[:3]) == _HEADER


def read(source: Source) -> Imported:
    names = table.first_record(source.head)
    left_out = LeftOut(source.name)
    frames = _frames(source, names, left_out)
    if "offset" not in names:
        found = pl.concat([raw.empty(), *(raw.completed(frame) for frame in frames)])
        return raw.of_durations(source, NAME, found, left_out, failures=False, notes=(_NOTE,))
    return raw.of_samples(
        source,
        NAME,
        frames,
        left_out=left_out,
        clock="offset",
        failures=False,
        notes=lambda: (_NOTE,),
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
