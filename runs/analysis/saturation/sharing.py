"""Whether a target works off what is under way in turn, or at the same time.

In turn, neighbours wait for the same time, so that under overload they differ by no more than
their own work, as at low load: what waits does not hinder what is worked on, and throughput does
not fall with how much waits. At the same time, each slows down all others, and neighbours differ
the more the slower all are; where they differ by as much more, the work is shared evenly.

Under overload the small jobs get through such a target first, so that good answers come faster
than work is done, or slower where all jobs are alike: goodput says nothing of the capacity then.
But each job's work can be reckoned. With n under way on c processors one job advances by
1 / max(n, c) of what the target does in a second; summed over the time that it was under way,
that is its work in seconds of the whole target, and the capacity is one over the mean of it
(Kleinrock, processor sharing). The jobs of the stages that kept up say how large jobs are, for
each c; and the overload says which c it is: by how many jobs such works would get through.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from runs.analysis.saturation.flow import Floats, Flow, Ints

Window = tuple[float, float]
_MOST_CALLS: Final = 400_000
_MOST_JOBS: Final = 4_000
_MOST_DUE: Final = 10_000
_FEWEST_JOBS: Final = 100
_PROCESSORS: Final = 28
_SLOWER: Final = 3.0
_STRETCHED: Final = 0.75
# Jobs that are all alike leave servers in step, so that even in turn neighbours differ by as much.
_ALIKE: Final = 0.4
_TELLING: Final = 0.15
# Of the noise of counts, what is left where how many are under way is known at any time.
_NOISE: Final = 0.3
# What such a model of a real target leaves out, in parts of the capacity.
_DOUBT: Final = 0.02


@dataclass(frozen=True)
class Shared:
    """Calls per second that the whole target works off, with its standard error."""

    capacity: float
    error: float


@dataclass(frozen=True)
class Order:
    """How many times slower calls are under overload, and by how much more neighbours differ.
    Jobs that are all alike come out in turn either way: then `is_told` is false."""

    slower: float
    wider: float
    is_told: bool = True

    @property
    def is_shared(self) -> bool:
        return self.slower > _SLOWER and self.wider > self.slower**_STRETCHED


UNKNOWN: Final = Order(1.0, 1.0, False)


def order(calls: Flow, busy: Sequence[Window], healthy: Sequence[Window]) -> Order:
    """Of good calls; `UNKNOWN` where there are too few to tell."""
    over, low = (_neighbours(calls, windows) for windows in (busy, healthy))
    if over is None or low is None:
        return UNKNOWN
    least = max(low[1], _ALIKE * low[0], 1e-9)
    return Order(over[0] / max(low[0], 1e-9), over[1] / least, low[1] > _TELLING * low[0])


def _neighbours(calls: Flow, windows: Sequence[Window]) -> tuple[float, float] | None:
    """The mean latency of good calls, and how far one is from the next, at the median."""
    means, gaps = [], []
    for window in windows:
        part = calls.between(*window)
        took = calls.took[part][calls.good[part]]
        means.append(took)
        gaps.append(np.abs(np.diff(took)))
    every, apart = np.concatenate(means or [np.zeros(0)]), np.concatenate(gaps or [np.zeros(0)])
    if len(apart) < _FEWEST_JOBS // 2:
        return None
    return float(every.mean()), float(np.median(apart))


def find(calls: Flow, busy: Sequence[Window], healthy: Sequence[Window]) -> Shared | None:
    """From the number of processors that best explains how many answers the overload brought."""
    last = max(end for _, end in busy)
    mine = _until(calls, last)
    jobs = _jobs(mine, healthy)
    if len(jobs) < _FEWEST_JOBS:
        return None
    answered = float(sum(mine.answered_in(*window) for window in busy))
    times, under_way = _steps(mine)
    most = max(float(under_way.max()), 2.0)
    processors = np.geomspace(0.5, most, _PROCESSORS)
    told = [_told(mine, jobs, busy, times, under_way, float(c)) for c in processors]
    expected = np.array([one[0] for one in told])
    capacities = np.array([one[1] for one in told])
    order = np.argsort(expected, kind="stable")
    if not expected[order[0]] <= answered <= expected[order[-1]]:
        return None
    noise = _NOISE * 2 * np.sqrt(answered)
    low, middle, high = np.interp(
        (answered - noise, answered, answered + noise), expected[order], capacities[order]
    )
    spread = told[int(np.argmin(np.abs(capacities - middle)))][2]
    error = float(np.hypot((high - low) / 4, spread * middle))
    return Shared(float(middle), float(np.hypot(error, _DOUBT * middle)))


def _until(calls: Flow, last: float) -> Flow:
    """What was due before, the last of very many."""
    stop = int(np.searchsorted(calls.due, last))
    keep = np.zeros(calls.count, dtype=bool)
    keep[max(stop - _MOST_CALLS, 0) : stop] = True
    return calls.only(keep & ~calls.unsent)


def _jobs(calls: Flow, healthy: Sequence[Window]) -> Ints:
    """The good calls of the stages that kept up, thinned out where they are very many."""
    parts = [calls.between(*window) for window in healthy]
    rows = np.concatenate([np.arange(one.start, one.stop) for one in parts] or [np.arange(0)])
    good: Ints = rows[calls.good[rows]]
    return good[:: max(1, len(good) // _MOST_JOBS)]


def _steps(calls: Flow) -> tuple[Floats, Floats]:
    """The moments at which a call began or ended, and how many were under way from then on."""
    times = np.concatenate([calls.due, calls.ended])
    change = np.concatenate([np.ones(calls.count), -np.ones(calls.count)])
    order = np.argsort(times, kind="stable")
    return times[order], np.cumsum(change[order])


def _told(
    calls: Flow, jobs: Ints, busy: Sequence[Window], times: Floats, under_way: Floats,
    processors: float,
) -> tuple[float, float, float]:  # fmt: skip
    """With so many processors: how many answers the busy windows should have brought, the
    capacity, and the relative standard error of the mean work."""
    speed = 1 / np.maximum(under_way[:-1], processors)
    advanced = np.concatenate([[0.0], np.cumsum(speed * np.diff(times))])
    ended, due = (np.interp(one, times, advanced) for one in (calls.ended[jobs], calls.due[jobs]))
    work = np.sort(ended - due)
    mean = max(float(work.mean()), 1e-12)
    every = max(1, calls.count // _MOST_DUE)
    begun = np.interp(calls.due[::every], times, advanced)
    expected = 0.0
    for window in busy:
        start, end = np.interp(window, times, advanced)
        done = _share(work, end - begun) - _share(work, start - begun)
        expected += every * float(done.sum())
    return expected, 1 / mean, float(work.std()) / mean / float(np.sqrt(len(work)))


def _share(work: Floats, advanced: Floats) -> Floats:
    """Which share of the jobs needs no more than so much."""
    found: Floats = np.searchsorted(work, advanced, side="right") / len(work)
    return found
