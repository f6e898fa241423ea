"""A rate and its uncertainty, from answers that are not independent of each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from runs.analysis.saturation.flow import Floats

Window = tuple[float, float]
_BINS: Final = 60
_FEWEST_BINS: Final = 8
_LONG_BINS: Final = 12
_FEWEST_LONG: Final = 6
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

    From short bins the variance between them, times (1 + phi) / (1 - phi) for the autocorrelation
    phi of neighbours; from few long bins the plain variance, which also sees what evens out over
    seconds (servers that are all busy answer more regularly than by chance). The two are averaged
    by their degrees of freedom.
    """
    total = sum(end - start for start, end in windows)
    events = sum(_count(answered, window) for window in windows)
    fine = total / min(_BINS, max(_FEWEST_BINS, events // 10))
    short, phi, free = _spread(answered, due, windows, share, fine)
    if free < 3:
        return float(np.sqrt(max(events, 1) / total)), 3.0
    inflation = (1 + phi) / (1 - phi)
    short, freedom = short * inflation, max(3.0, free / inflation)
    long, _, free = _spread(answered, due, windows, share, max(total / _LONG_BINS, fine))
    if free < _FEWEST_LONG:
        return float(np.sqrt(short)), freedom
    weight = free / (free + min(freedom, _LONG_BINS))
    return float(np.sqrt(weight * long + (1 - weight) * short)), max(freedom, free)


def _spread(
    answered: Floats, due: Floats, windows: Sequence[Window], share: float, length: float
) -> tuple[float, float, int]:
    """The variance of bins of such a length, over one second; the autocorrelation of neighbours;
    the degrees of freedom."""
    binned = [
        _binned(answered, window, length) - share * _binned(due, window, length)
        for window in windows
    ]
    centred = [part - part.mean() for part in binned]
    free = sum(len(part) - 1 for part in centred)
    if free < 3:
        return 0.0, 0.0, free
    variance = sum(float((part**2).sum()) for part in centred) / free
    return variance * length, _autocorrelation(centred, variance), free


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
