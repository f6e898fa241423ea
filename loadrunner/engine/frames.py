"""Packed records as a frame with the columns of runs.formats.samples.

Apart from the record itself, so that a worker need not load polars: it takes 50 MB.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from loadrunner.engine.record import DTYPE, DUE_BY, NONE, Names
from runs.analysis.outcomes import OUTCOMES
from runs.formats.samples import SCHEMA


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
