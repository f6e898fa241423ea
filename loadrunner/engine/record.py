"""How a sample travels from a worker to the coordinator: packed, without a word of text.

The worker packs one record a request into a buffer; the coordinator turns whole buffers into
frames with the columns of runs.formats.samples. Times are microseconds since the run's start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

import numpy as np
import polars as pl

from runs.analysis.outcomes import OUTCOMES
from runs.formats.samples import SCHEMA

NONE: Final = -1  # stands for null in every signed field

RECORD: Final = Struct("<HHqiBBBBqqiiqqqiiiiqqq")
DTYPE: Final = np.dtype(
    [
        ("step", "<u2"),  # index into Names.steps
        ("phase", "<u2"),  # index into Names.phases
        ("journey", "<i8"),
        ("user", "<i4"),
        ("attempt", "u1"),
        ("due_by", "u1"),
        ("outcome", "u1"),
        ("reused", "u1"),
        ("due_us", "<i8"),
        ("started_us", "<i8"),
        ("wait_us", "<i4"),
        ("connect_us", "<i4"),
        ("first_byte_us", "<i8"),
        ("ended_us", "<i8"),
        ("first_token_us", "<i8"),
        ("tokens", "<i4"),
        ("status", "<i4"),
        ("error", "<i4"),  # index into the worker's error texts
        ("retry_after_ms", "<i4"),
        ("bytes_out", "<i8"),
        ("bytes_in", "<i8"),
        ("trace", "<i8"),
    ]
)
DUE_BY: Final = ("plan", "previous")
PLAN, PREVIOUS = 0, 1

(
    DROPPED,
    GENERATOR_ERROR,
    CONNECTION_ERROR,
    TIMEOUT,
    CUT,
    REFUSED,
    CLIENT_ERROR,
    SERVER_ERROR,
    CHECK_FAILED,
    OK,
) = range(len(OUTCOMES))


@dataclass(frozen=True)
class Names:
    """What the indexes of a record stand for. `trace_prefix` is the run's half of a trace id."""

    steps: Sequence[tuple[str, str]]  # (scenario, step)
    phases: Sequence[str]
    trace_prefix: str


def frame(records: bytes, names: Names, worker: int, errors: Sequence[str]) -> pl.DataFrame:
    """Samples with the columns of runs.formats.samples, in the order they ended."""
    rows = np.frombuffer(records, DTYPE)
    columns: dict[str, pl.Series] = {
        "scenario": _named([scenario for scenario, _ in names.steps], rows["step"]),
        "step": _named([step for _, step in names.steps], rows["step"]),
        "phase": _named(names.phases, rows["phase"]),
        "due_by": _named(DUE_BY, rows["due_by"]),
        "outcome": _named(OUTCOMES, rows["outcome"]),
        "error": _named_or_null(errors, rows["error"]),
        "reused": pl.Series(rows["reused"].astype(bool)),
        "worker": pl.repeat(worker, len(rows), dtype=pl.Int64, eager=True),
        "trace_id": _trace_ids(names.trace_prefix, rows["trace"]),
    }
    for name in SCHEMA:
        if name not in columns:
            columns[name] = _nullable(rows[name])
    return pl.DataFrame({name: columns[name].alias(name) for name in SCHEMA}, schema=SCHEMA)


def _named(names: Sequence[str], index: np.ndarray) -> pl.Series:
    return pl.Series(list(names), dtype=pl.String).gather(index.astype(np.uint32))


def _named_or_null(names: Sequence[str], index: np.ndarray) -> pl.Series:
    # The texts follow one null, so that NONE (-1) falls on it.
    texts = pl.Series([None, *names], dtype=pl.String)
    return texts.gather((index.astype(np.int64) + 1).astype(np.uint32))


def _nullable(values: np.ndarray) -> pl.Series:
    series = pl.Series(values.astype(np.int64))
    return series.set(series == NONE, None)


def _trace_ids(prefix: str, numbers: np.ndarray) -> pl.Series:
    big_endian = np.ascontiguousarray(numbers.astype(">u8")).tobytes()
    digits = pl.Series([big_endian.hex()], dtype=pl.String)
    each = digits.str.extract_all(r"[0-9a-f]{16}").explode()
    return prefix + each
