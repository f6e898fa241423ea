"""A part of the load that waits by itself, as behind a balancer where one node is full first.

A fixed share of the calls then waits longer and longer while the others are served as before. The
waits begin at nothing and grow, so that no one latency parts the two groups over a whole stage;
but at any moment they are far apart. So each answer is held against the slowest ones of its time.
Who is slow by that meets what is saturated first, and that is where the losses begin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from runs.analysis.saturation import direct
from runs.analysis.saturation.direct import Split
from runs.analysis.saturation.flow import Flags, Floats, Flow, Ints

Window = tuple[float, float]
_FEWEST: Final = 120
# The slowest of so many answers that follow each other, in so many groups at the most.
_GROUP: Final = 60
_MOST_GROUPS: Final = 400
_SLOWEST: Final = 0.95
_SMALLEST: Final = 0.1
# How much slower than at low load the slow ones are, and the others where they wait as well.
_WAITS: Final = 3.0
# By so much more than chance the share may vary along the overload.
_STEADY: Final = 2.5
_FEWEST_OF_A_PART: Final = 40


@dataclass(frozen=True)
class Apart(Split):
    """`threshold` is in parts of the slowest waits, which are known at some moments; `all_wait`
    where the others have a queue of their own that grows as well."""

    moments: Floats
    waits: Floats
    all_wait: bool

    def at_once(self, calls: Flow) -> Flags:
        slowest = np.interp(calls.due, self.moments, self.waits)
        fast: Flags = calls.good & (calls.took < self.threshold * slowest)
        return fast


def find(calls: Flow, windows: Sequence[Window], healthy: Floats) -> Apart | None:
    """None where all wait alike, or the share of those who do not varies along the overload."""
    due = sum(calls.due_in(*window) for window in windows)
    if due < _FEWEST or len(healthy) < _FEWEST_OF_A_PART:
        return None
    moments, waits = _slowest(calls, windows)
    usual = float(np.quantile(healthy, 0.9))
    if len(moments) < 2 or float(np.median(waits)) < _WAITS * usual:
        return None
    good = _good_in(calls, windows)
    relative = calls.took[good] / np.interp(calls.due[good], moments, waits)
    valley = direct.valley(np.sort(relative), due, smallest=_SMALLEST)
    if valley is None or valley[0] >= 1:
        return None
    threshold, share = valley
    error = float(np.sqrt(share * (1 - share) / due))
    fast = calls.took[good][relative < threshold]
    all_wait = float(np.median(fast)) > _WAITS * usual
    found = Apart(threshold, share, error, moments, waits, all_wait)
    return found if _is_steady(calls, windows, found) else None


def _slowest(calls: Flow, windows: Sequence[Window]) -> tuple[Floats, Floats]:
    """How long the slowest took, from the first overload on, at the middle of each group."""
    since = calls.between(windows[0][0], np.inf)
    good = since.start + np.flatnonzero(calls.good[since])
    size = max(_GROUP, len(good) // _MOST_GROUPS)
    groups = good[: len(good) // size * size].reshape(-1, size)
    if not len(groups):
        return np.zeros(0), np.zeros(0)
    slowest = np.quantile(calls.took[groups], _SLOWEST, axis=1)
    around = np.stack([np.roll(slowest, 1), slowest, np.roll(slowest, -1)])
    around[0, 0], around[2, -1] = slowest[0], slowest[-1]
    return calls.due[groups].mean(axis=1), np.maximum(np.median(around, axis=0), 1e-9)


def _good_in(calls: Flow, windows: Sequence[Window]) -> Ints:
    parts = [calls.between(*window) for window in windows]
    rows = np.concatenate([np.arange(part.start, part.stop) for part in parts])
    good: Ints = rows[calls.good[rows]]
    return good


def _is_steady(calls: Flow, windows: Sequence[Window], found: Apart) -> bool:
    """Whether the share varies no more along the overload than by chance."""
    at_once = found.at_once(calls)
    off, freedom = 0.0, 0
    for window in windows:
        part = calls.between(*window)
        parts = (part.stop - part.start) // _FEWEST_OF_A_PART
        for some in np.array_split(at_once[part], max(parts, 1)):
            if len(some):
                variance = found.share * (1 - found.share) / len(some)
                off += (float(some.mean()) - found.share) ** 2 / variance
                freedom += 1
    return off <= _STEADY * max(freedom, 1)
