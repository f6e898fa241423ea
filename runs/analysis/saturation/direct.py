"""Which share of the load does not need what is saturated: hits of a cache, direct answers.

Beyond its capacity a target goes on serving them as fast as at low load, while what queues comes
later or not at all. So of the latencies at low load, ordered, the fastest share h comes back in
full in an overloaded stage, and what is beyond comes back thinned out. Counting the good answers
of overloaded stages between the quantiles of low load says how likely each h is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from runs.analysis.saturation.flow import Flags, Floats, Flow

SHARES: Final = np.concatenate([[0.0], np.linspace(0.02, 0.98, 49)])
"""The shares that are weighed; the first is none at all."""

_TOP: Final = 0.98
_BINS: Final = 49
_FEWEST: Final = 60
# A latency that never varies must not fall beside its own quantile.
_TIE: Final = 1.005
_LEAST: Final = 0.02
# Neither the two distributions nor the requests are as independent as counting takes them to be.
_OVERDISPERSION: Final = 2.0
# A valley between two groups of latencies: how much of the smaller group may lie in it, how wide
# it is at least, and how small a group may be.
_VALLEY: Final = 0.06
_WIDTH: Final = 1.8
_SMALLEST: Final = 0.03
_CANDIDATES: Final = 120
_APART: Final = 4.0
_AS_BEFORE: Final = 0.7
# What all stages say of the share counts as so much of it: they are less alike than one is.
_OF_ALL: Final = 0.5
# So many failures among what was let in tell of something that others need.
_FAILS: Final = 0.02


@dataclass(frozen=True)
class Split:
    """What is answered within `threshold` seconds under overload needs nothing of what is
    saturated: a `share` of all, known to within `error` (one standard error)."""

    threshold: float
    share: float
    error: float

    def at_once(self, calls: Flow) -> Flags:
        """Which calls were answered like that."""
        fast: Flags = calls.good & (calls.took < self.threshold)
        return fast


def split(
    calls: Flow, windows: Sequence[tuple[float, float]], healthy: Floats,
    every: Floats | None = None,
) -> Split | None:  # fmt: skip
    """Where under overload the answers fall in two groups with a valley in between: those that
    came at once, and those that waited (or failed). None where they do not.

    The latencies of all stages that kept up sharpen the share, where they have a valley of their
    own that agrees; else those of the `healthy` one do.
    """
    parts = [calls.between(start, end) for start, end in windows]
    due = sum(part.stop - part.start for part in parts)
    if due < _FEWEST or len(healthy) < _FEWEST:
        return None
    took = np.sort(np.concatenate([calls.took[part][calls.good[part]] for part in parts]))
    found = valley(took, due)
    if found is None:
        return None
    threshold, share = found
    if not _is_as_before(took, due, share, healthy):
        return None
    error = float(np.sqrt(share * (1 - share) / due))
    for before, weight in ((healthy if every is None else every, _OF_ALL), (healthy, 1.0)):
        own = valley(np.sort(before), len(before), share)
        if own is not None:
            return _joined(threshold, (share, error), (own[1], round(weight * len(before))))
    return Split(threshold, share, error)


@dataclass(frozen=True)
class Beneath:
    """What the bottleneck works off, in calls per second of the whole load, with its standard
    error, where the `share` that is fast at low load needs nothing of it."""

    capacity: float
    error: float
    share: float


def beneath(
    calls: Flow, windows: Sequence[tuple[float, float]], healthy: Floats, noise: float
) -> Beneath | None:
    """Where the fast ones wait under overload as well (for a worker that others hold), no valley
    parts the answers then. But calls fail, after a wait, that were let in; so who was let in is
    known, and the fast are as many of them as at low load: what is left of the good answers went
    through the bottleneck. `noise` is the standard deviation of answers over a second. None where
    low load knows no two groups, or nothing fails inside.
    """
    before = np.sort(healthy)
    own = valley(before, len(before)) if len(before) >= _FEWEST else None
    if own is None:
        return None
    length = sum(end - start for start, end in windows)
    good = sum(calls.answered_in(*window) for window in windows) / length
    failed = _failed_inside(calls, windows, float(np.median(before))) / length
    share = own[1]
    if failed < _FAILS * good or good <= share * (good + failed):
        return None
    capacity = (good - share * (good + failed)) / (1 - share)
    unsure = (good + failed - capacity) * np.sqrt(share * (1 - share) / len(before))
    error = np.hypot(noise / np.sqrt(length), unsure) / (1 - share)
    return Beneath(float(capacity), float(error), share)


def _failed_inside(calls: Flow, windows: Sequence[tuple[float, float]], fastest: float) -> int:
    """The calls that failed in the windows, but those that were turned away or given up."""
    inside = ~calls.good & ~calls.refused & ~calls.timed_out & ~calls.unsent
    ended = np.sort(calls.ended[inside & (calls.took > fastest)])
    edges = np.searchsorted(ended, np.array(windows))
    return int((edges[:, 1] - edges[:, 0]).sum())


def _is_as_before(took: Floats, due: int, share: float, healthy: Floats) -> bool:
    """Whether the fast group is as fast as the fastest are at low load: who waits in one queue
    with all others is not."""
    parts = share * np.array([0.25, 0.5, 0.75])
    came = np.searchsorted(took, np.quantile(healthy, parts) * _TIE, side="right") / due
    return bool((came >= _AS_BEFORE * parts - 2 * np.sqrt(parts / due)).all())


def _joined(threshold: float, over: tuple[float, float], own: tuple[float, int]) -> Split:
    """The share from both, where they agree; else the one under overload."""
    (share, error), (before, size) = over, own
    other = float(np.sqrt(before * (1 - before) / size))
    if abs(before - share) > _APART * np.hypot(error, other):
        return Split(threshold, share, max(error, abs(before - share) / 2))
    weight = other**2 / (error**2 + other**2)
    mean = weight * share + (1 - weight) * before
    return Split(threshold, mean, float(error * other / np.hypot(error, other)))


def valley(
    took: Floats, due: int, near: float | None = None, smallest: float = _SMALLEST
) -> tuple[float, float] | None:
    """Where the fewest of some ascending latencies lie between two groups, and the share of `due`
    below; with `near`, where that share is close to it. None where there is no such place, or one
    of the groups is smaller than `smallest`."""
    if not len(took):
        return None
    low, high = max(float(took[0]), 1e-4), max(float(took[-1]), 2e-4)
    at = np.geomspace(low, high * _WIDTH, _CANDIDATES)
    half = np.sqrt(_WIDTH)
    below = np.searchsorted(took, at) / due
    inside = (np.searchsorted(took, at * half) - np.searchsorted(took, at / half)) / due
    smaller = np.minimum(below, len(took) / due - below)
    fits = (smaller >= smallest) & (inside <= _VALLEY * smaller)
    if near is not None:
        fits &= np.abs(below - near) <= 0.1
    if not fits.any():
        return None
    depth = np.where(fits, inside / np.maximum(smaller, 1e-9), np.inf)
    # At the fast end of the valley, so that at the beginning of an overload those who need what
    # is saturated, and do not wait yet, are not taken for direct ones.
    best = np.flatnonzero(depth <= depth.min() + _VALLEY / 10)
    i = int(best[0])
    return float(at[i]), float(below[i])


def likelihood(calls: Flow, windows: Sequence[tuple[float, float]], healthy: Floats) -> Floats:
    """The log-likelihood of each of SHARES, its maximum 0; all 0 where nothing can be told.

    `windows` are late parts of overloaded stages, `healthy` latencies of a stage that kept up.
    """
    parts = [calls.between(start, end) for start, end in windows]
    due = sum(part.stop - part.start for part in parts)
    if due < _FEWEST or len(healthy) < _FEWEST:
        return np.zeros(len(SHARES))
    took = np.sort(np.concatenate([calls.took[part][calls.good[part]] for part in parts]))
    edges = np.unique(np.quantile(healthy, np.linspace(0, _TOP, _BINS + 1)[1:]))
    before = np.sort(healthy)
    below = np.searchsorted(before, edges * _TIE, side="right") / len(healthy)
    counts = np.diff(np.searchsorted(took, edges * _TIE, side="right"), prepend=0)
    masses = np.diff(below, prepend=0.0)
    scale = _OVERDISPERSION * (1 + due / len(healthy))
    logs = np.array([_fit(counts, due * masses, due * below, due * h) for h in SHARES]) / scale
    relative: Floats = logs - logs.max()
    return relative


def _fit(counts: Floats, masses: Floats, below: Floats, direct: float) -> float:
    """Poisson counts: all of what was due up to `direct`, a thinner part of what is beyond."""
    full = np.clip(direct - (below - masses), 0.0, masses)
    rest = masses - full
    beyond = rest.sum()
    thin = (counts.sum() - full.sum()) / beyond if beyond > 0 else 0.0
    mean = full + rest * min(max(float(thin), _LEAST), 1.0)
    likely = counts * np.log(np.maximum(mean, 1e-9)) - mean
    return float(likely.sum())
