"""Percentiles of a run's samples, by nearest rank, in microseconds."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis.percentiles import nearest_rank

Micros = NDArray[np.float64]


def dispatch_us(samples: pl.DataFrame, from_s: float = 0.0) -> Micros:
    """started - due of every request that was due from `from_s` on, sorted."""
    kept = samples.filter(pl.col("due_us") >= round(from_s * 1e6))
    return _sorted(kept["started_us"] - kept["due_us"])


def response_us(samples: pl.DataFrame, from_s: float = 0.0) -> Micros:
    """ended - due, sorted; what was not answered as expected ranks above every finite time."""
    kept = samples.filter(pl.col("due_us") >= round(from_s * 1e6))
    took = (kept["ended_us"] - kept["due_us"]).cast(pl.Float64)
    is_ok = (kept["outcome"] == "ok").to_numpy()
    return np.sort(np.where(is_ok, took.to_numpy(), np.inf))


def percentile(sorted_us: Micros, q: float) -> float:
    return float(nearest_rank(sorted_us, q)) if len(sorted_us) else float("nan")


def _sorted(values: pl.Series) -> Micros:
    return np.sort(values.cast(pl.Float64).to_numpy())
