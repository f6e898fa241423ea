"""Histograms that merge: counts in bins whose width is a 1024th of their value.

Whole microseconds below 2048 have a bin each. Above, every power of two is cut into 1024 bins, so
that the middle of a bin is at most 0.049 % from any value in it. Adding the counts of two runs, or
of two workers, gives the histogram of both together; percentiles must never be averaged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis.percentiles import rank

SUB_BITS: Final = 10
_SUB: Final = 1 << SUB_BITS
_LARGEST: Final = (1 << 52) - 1  # microseconds, 142 years; frexp is exact up to there

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Histogram:
    """`bins` in ascending order, each once, and the count of values in each."""

    bins: Counts
    counts: Counts

    @property
    def count(self) -> int:
        return int(self.counts.sum())

    def quantile_us(self, q: float) -> float | None:
        """The nearest rank, to within 0.05 %; None where there is no value."""
        if not self.count:
            return None
        at = np.searchsorted(np.cumsum(self.counts), rank(self.count, q))
        return float(middles_us(self.bins[at : at + 1])[0])


def of(values_us: NDArray[Any]) -> Histogram:
    """Of microseconds in any order; negative ones count as 0."""
    return Histogram(*np.unique(bins_of(values_us), return_counts=True))


def of_ordered(values_us: NDArray[Any]) -> Histogram:
    """The same of microseconds in ascending order: where each bin ends is looked up, so that it
    costs next to nothing once the values are sorted."""
    if not len(values_us):
        return merge([])
    first, last = bins_of(values_us[[0, -1]])
    bins = np.arange(first, last + 1)
    lowest = _lowest_us(bins)
    lowest[0] = min(int(lowest[0]), int(values_us[0]))
    starts = np.searchsorted(values_us, lowest.astype(values_us.dtype))
    counts = np.diff(np.append(starts, len(values_us)))
    return Histogram(bins[counts > 0], counts[counts > 0])


def merge(histograms: Iterable[Histogram]) -> Histogram:
    """All values of all of them; of none, the empty one."""
    found = list(histograms)
    if not found:
        return Histogram(np.empty(0, np.int64), np.empty(0, np.int64))
    if len(found) == 1:
        return found[0]
    bins, places = np.unique(np.concatenate([one.bins for one in found]), return_inverse=True)
    counts = np.zeros(len(bins), np.int64)
    np.add.at(counts, places, np.concatenate([one.counts for one in found]))
    return Histogram(bins, counts)


def bins_of(values_us: NDArray[Any]) -> Counts:
    """The bin of each value: v itself below 2048, then 1024 bins for each power of two."""
    values = np.clip(np.asarray(values_us).astype(np.int64), 0, _LARGEST)
    exponents = np.frexp(values.astype(np.float64))[1].astype(np.int64)  # bit lengths
    shifts = np.maximum(exponents - SUB_BITS - 1, 0)
    bins: Counts = shifts * _SUB + (values >> shifts)
    return bins


def middles_us(bins: Counts) -> NDArray[np.float64]:
    """The value that stands for each bin."""
    shifts = np.maximum(bins // _SUB - 1, 0)
    middles: NDArray[np.float64] = _lowest_us(bins) + ((1 << shifts) - 1) / 2
    return middles


def _lowest_us(bins: Counts) -> Counts:
    """The least value of each bin."""
    shifts = np.maximum(bins // _SUB - 1, 0)
    lowest: Counts = (bins - shifts * _SUB) << shifts
    return lowest


def from_table(rows: pl.DataFrame) -> Histogram:
    """The histogram of all rows of `seconds.histograms` that are given."""
    merged = rows.group_by("bin").agg(pl.col("count").sum()).sort("bin")
    return Histogram(merged["bin"].to_numpy(), merged["count"].to_numpy())
