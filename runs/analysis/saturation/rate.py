"""A rate and its uncertainty, from answers that are not independent of each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from runs.analysis.saturation.flow import Floats

Window = tuple[float, float]
_BINS: Final = 60
_FEWEST_BINS: Final = 8
# 97.5 % quantiles of Student's t for 1, 2, … degrees of freedom.
_T: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


@dataclass(frozen=True)
class Rate:
    """Events per second, and the half-width of the 95 % interval."""

    value: float
    half: float


def t_quantile(freedom: float) -> float:
    """The 97.5 % quantile of Student's t."""
    if freedom >= 30:
        return 1.96 + 2.5 / freedom
    return _T[max(int(freedom), 1) - 1]


def of(times: Floats, windows: Sequence[Window]) -> Rate:
    """The rate of events (ascending times) in windows, with its interval."""
    total = sum(end - start for start, end in windows)
    value = sum(_count(times, window) for window in windows) / total
    sd, freedom = noise(times, times[:0], windows, 0.0)
    return Rate(value, t_quantile(freedom) * sd / float(np.sqrt(total)))


def noise(
    answered: Floats, due: Floats, windows: Sequence[Window], share: float
) -> tuple[float, float]:
    """The standard deviation of `answered - share * due` over one second, and its freedom.

    The variance between equal bins, times (1 + phi) / (1 - phi) for the autocorrelation phi of
    neighbours; the degrees of freedom shrink alike. Both arrays of times ascend.
    """
    total = sum(end - start for start, end in windows)
    length = _bin_length(total, sum(_count(answered, window) for window in windows))
    binned = [
        _binned(answered, window, length) - share * _binned(due, window, length)
        for window in windows
    ]
    centred = [part - part.mean() for part in binned]
    free = sum(len(part) - 1 for part in centred)
    if free < 3:
        events = sum(_count(answered, window) for window in windows)
        return float(np.sqrt(max(events, 1) / total)), 3.0
    variance = sum(float((part**2).sum()) for part in centred) / free
    phi = _autocorrelation(centred, variance)
    inflation = (1 + phi) / (1 - phi)
    return float(np.sqrt(variance * inflation * length)), max(3.0, free / inflation)


def _bin_length(total: float, events: int) -> float:
    """Sixty bins, fewer where a bin would hold under ten events, but never under eight."""
    bins = min(_BINS, max(_FEWEST_BINS, events // 10))
    return total / bins


def _count(times: Floats, window: Window) -> int:
    low, high = np.searchsorted(times, window)
    return int(high - low)


def _binned(times: Floats, window: Window, length: float) -> Floats:
    start, end = window
    bins = max(1, round((end - start) / length))
    edges = np.linspace(start, end, bins + 1)
    return np.diff(np.searchsorted(times, edges)) * bins / (end - start)


def _autocorrelation(centred: Sequence[Floats], variance: float) -> float:
    size = sum(len(part) for part in centred)
    pairs = size - len(centred)
    if variance <= 0 or pairs < 1:
        return 0.0
    cross = sum(float((part[1:] * part[:-1]).sum()) for part in centred)
    phi = cross / variance / pairs
    phi += (1 + 3 * max(phi, 0.0)) / size
    return float(np.clip(phi, 0.0, 0.85))
