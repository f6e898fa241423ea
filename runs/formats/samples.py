"""The sample: one request as measured, and the columns that hold it everywhere.

A line of a spool, a row of the Parquet file and a row of every frame that the analysis
takes have these columns. Times are integer microseconds since the run's start.
"""

from typing import Final

import polars as pl

from runs.analysis.outcomes import OUTCOMES

# 64-bit integers throughout: scan_ndjson panics on 8- and 16-bit schemas.
SCHEMA: Final[dict[str, pl.DataType]] = {
    "scenario": pl.String(),
    "step": pl.String(),
    "phase": pl.String(),
    "journey": pl.Int64(),
    "user": pl.Int64(),
    "worker": pl.Int64(),
    "attempt": pl.Int64(),
    "due_us": pl.Int64(),
    "due_by": pl.String(),
    "started_us": pl.Int64(),
    "wait_us": pl.Int64(),
    "connect_us": pl.Int64(),
    "first_byte_us": pl.Int64(),
    "ended_us": pl.Int64(),
    "first_token_us": pl.Int64(),
    "tokens": pl.Int64(),
    "status": pl.Int64(),
    "outcome": pl.String(),
    "error": pl.String(),
    "retry_after_ms": pl.Int64(),
    "bytes_out": pl.Int64(),
    "bytes_in": pl.Int64(),
    "reused": pl.Boolean(),
    "trace_id": pl.String(),
}

NAMES: Final = ("scenario", "step", "phase")
DUE_BY: Final = ("plan", "previous")
# What a frame holds once it is read: names and closed lists of values as small numbers, a quarter
# of the memory of texts and ready to be counted. A table of the store has them in either way.
CODED: Final[dict[str, pl.DataType]] = {
    **SCHEMA,
    **{
        name: pl.Categorical(pl.Categories(f"headroom-{name}", physical=pl.UInt16))
        for name in NAMES
    },
    "due_by": pl.Enum(DUE_BY),
    "outcome": pl.Enum(OUTCOMES),
}

REQUIRED: Final = ("scenario", "step", "phase", "started_us", "ended_us", "outcome")


def empty() -> pl.DataFrame:
    return pl.DataFrame(schema=SCHEMA)


def empty_coded() -> pl.DataFrame:
    return pl.DataFrame(schema=CODED)
