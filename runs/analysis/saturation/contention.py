"""Where jobs get in each other's way: throughput as a function of how many are under way.

Below its peak such a target is stable; beyond it more work under way means less done, and the
queue grows by itself. What it sustains lies somewhat below the peak, since arrivals and services
vary: a load is sustained if that variation does not carry the target over the peak within three
stages' time. The curve is the universal scalability law (Gunther) with a pool, fitted to how many
good answers came per second of each number under way; the rest is the mean first passage time of
a diffusion along it. Targets that thrash do not follow that law: a straight rise, a level stretch
and a straight fall to a floor are weighed beside it. The loads that were sustained and lost narrow
the answer down.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from runs.analysis.saturation import balance
from runs.analysis.saturation.balance import Stage
from runs.analysis.saturation.bend import Spread
from runs.analysis.saturation.bracket import Bracket
from runs.analysis.saturation.flow import Floats, Flow

# Numbers under way are counted in bins of this ratio; a fit weighs counts as twice as uncertain
# as independent ones, since what follows each other is alike.
_RATIO: Final = 1.12
_OVERDISPERSION: Final = 2.0
_PEAKS: Final = 28
_ALPHAS: Final = (0.0, 0.02, 0.05, 0.08, 0.12, 0.16, 0.22, 0.3)
_POOLS: Final = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
# For how many stages' time a load must be kept up with to count as sustained.
_STAGES: Final = 3.0
_MOST_STATES: Final = 4000
_MOST_CALLS: Final = 200_000
_FEWEST_CALLS: Final = 100
# What is not known of the way from the peak to the load that is sustained, and how sharply the
# loads of the stages bound it: in parts of the capacity.
_SPREAD: Final = 0.055
_PACED: Final = 0.3
# Of a target that thrashes: where its level stretch ends over where it begins, where its fall ends
# over that, and which part is left then.
_LEVELS: Final = (1.0, 1.25, 1.5, 2.0, 3.0)
_FALLS: Final = (1.5, 2.0, 3.0, 4.5, 7.0)
_FLOORS: Final = (0.25, 0.4, 0.55, 0.7, 0.85)


class Law(Protocol):
    """Throughput by how many are under way, up to a factor."""

    @property
    def last(self) -> float:
        """From which number on it is level."""

    @property
    def height(self) -> float:
        """Its maximum."""

    def at(self, under_way: Floats) -> Floats: ...


@dataclass(frozen=True)
class Scalability:
    """x = n / (1 + alpha (n-1) + beta n (n-1)), at its maximum for `best`, up to a pool."""

    alpha: float
    best: float
    last: float

    @property
    def height(self) -> float:
        return float(self.at(np.array([self.best]))[0])

    def at(self, under_way: Floats) -> Floats:
        inside = np.minimum(under_way, self.last)
        beta = (1 - self.alpha) / self.best**2
        law: Floats = inside / (1 + self.alpha * (inside - 1) + beta * inside * (inside - 1))
        return law


@dataclass(frozen=True)
class Thrashing:
    """Rises in proportion to `knee`, is level to `until`, falls to `floor` of it at `last`."""

    knee: float
    until: float
    last: float
    floor: float

    @property
    def height(self) -> float:
        return 1.0

    def at(self, under_way: Floats) -> Floats:
        rise = np.minimum(under_way / self.knee, 1.0)
        fall: Floats = np.interp(under_way, [self.until, self.last], [1.0, self.floor])
        return rise * fall


@dataclass(frozen=True)
class Curve:
    """Throughput `rate` times a law; `peak` is its maximum, known to `error`."""

    rate: float
    law: Law
    peak: float
    error: float

    def at(self, under_way: Floats) -> Floats:
        return self.rate * self.law.at(under_way)


def find(
    calls: Flow, stages: Sequence[Stage], unit: float, until: float = np.inf, floor: float = 0.0
) -> Spread | None:
    """From everything before `until` (when clients gave up), in journeys/s; None where there is
    too little. A journey makes `unit` of the calls; `floor` is answered under overload."""
    bracket = Bracket.of(balance.clear(stages), _SPREAD, floor)
    mine = _around(calls, stages, until)
    if mine.count < _FEWEST_CALLS or bracket is None:
        return None
    curve = _fitted(*_levels(mine, until))
    if curve is None:
        return None
    lasting = _STAGES * max(stage.segment.length for stage in stages)
    bearable = _bearable(curve, _variation(calls, stages), lasting) / unit
    error = float(np.hypot(curve.error / curve.peak, _SPREAD)) * bearable
    return bracket.weighed(bearable, error)


def _around(calls: Flow, stages: Sequence[Stage], until: float) -> Flow:
    """The calls from the start to the end of the first overload; the last ones of very many."""
    ends = [stage.segment.end for stage in stages if stage.is_overloaded]
    last = min(max(ends), until)
    part = calls.between(-np.inf, last)
    start = max(part.stop - _MOST_CALLS, 0)
    keep = np.zeros(calls.count, dtype=bool)
    keep[start : part.stop] = True
    return calls.only(keep & ~calls.unsent)


def _levels(calls: Flow, until: float) -> tuple[Floats, Floats, Floats]:
    """For numbers under way, in bins: the number, seconds spent, good answers given."""
    times = np.concatenate([calls.due, calls.ended])
    order = np.argsort(times, kind="stable")
    order = order[: int(np.searchsorted(times[order], until))]
    step = np.concatenate([np.ones(calls.count), -np.ones(calls.count)])[order]
    good = np.concatenate([np.zeros(calls.count), calls.good])[order]
    times = times[order]
    after = np.maximum(np.cumsum(step), 0).astype(np.int64)
    size = int(after.max()) + 2
    before = np.concatenate([[0], after[:-1]])
    seconds = np.bincount(after[:-1], weights=np.diff(times), minlength=size)
    answers = np.bincount(before, weights=good, minlength=size)
    return _binned(seconds.astype(np.float64), answers.astype(np.float64))


def _binned(seconds: Floats, answers: Floats) -> tuple[Floats, Floats, Floats]:
    edges = [1]
    while edges[-1] < len(seconds):
        edges.append(max(edges[-1] + 1, round(edges[-1] * _RATIO)))
    edge = np.minimum(np.array(edges), len(seconds))
    total = np.concatenate([[0.0], np.cumsum(seconds)])
    given = np.concatenate([[0.0], np.cumsum(answers)])
    spent, came = np.diff(total[edge]), np.diff(given[edge])
    middle = np.sqrt(edge[:-1] * np.maximum(edge[1:] - 1.0, edge[:-1]))
    seen = spent > 0
    return middle[seen], spent[seen], came[seen]


def _laws(most: float) -> Iterator[Law]:
    """Of both kinds, for up to so many under way."""
    bests = np.geomspace(2, max(most / 1.5, 4), _PEAKS)
    for best, alpha, ratio in itertools.product(bests, _ALPHAS, _POOLS):
        yield Scalability(alpha, float(best), float(best * ratio))
    knees = np.geomspace(2, max(most / 2, 4), _PEAKS // 2)
    for knee, level, fall, floor in itertools.product(knees, _LEVELS, _FALLS, _FLOORS):
        until = float(knee * level)
        yield Thrashing(float(knee), until, until * fall, floor)


def _fitted(under_way: Floats, spent: Floats, came: Floats) -> Curve | None:
    """The likeliest curve of a grid (Poisson counts), its rate in closed form."""
    if len(under_way) < 3 or not came.sum():
        return None
    laws = list(_laws(float(under_way.max())))
    shape = np.stack([law.at(under_way) for law in laws])
    rate = came.sum() / (shape * spent).sum(axis=1)
    expected = np.maximum(rate[:, None] * shape * spent, 1e-9)
    logs = (came * np.log(expected) - expected).sum(axis=1) / _OVERDISPERSION
    weight = np.exp(logs - logs.max())
    tops = np.array([law.height for law in laws])
    peaks = rate * tops
    mean = float((weight * peaks).sum() / weight.sum())
    error = float(np.sqrt((weight * (peaks - mean) ** 2).sum() / weight.sum()))
    i = int(logs.argmax())
    return Curve(float(rate[i]), laws[i], float(peaks[i]), error)


def _variation(calls: Flow, stages: Sequence[Stage]) -> float:
    """The squared coefficient of variation of the gaps between arrivals, 0 where they are paced."""
    first = min(stages, key=lambda stage: stage.segment.start).segment
    gaps = np.diff(calls.due[calls.between(first.start, first.end)])
    if len(gaps) < 2 or not gaps.mean():
        return 0.0
    found = float(gaps.var() / gaps.mean() ** 2)
    return min(found, 2.0) if found > _PACED else 0.0


def _bearable(curve: Curve, variation: float, lasting: float) -> float:
    """The highest load that on average takes so many seconds to be carried over the peak."""
    states = np.arange(min(int(1.5 * curve.law.last) + 6, _MOST_STATES)).astype(np.float64)
    speed = np.where(states > 0, curve.at(np.maximum(states, 1.0)), 0.0)
    low, high = 0.5 * curve.peak, 1.05 * curve.peak
    for _ in range(24):
        middle = (low + high) / 2
        if _passage(speed, middle, variation) > np.log(lasting):
            low = middle
        else:
            high = middle
    return low


def _passage(speed: Floats, load: float, variation: float) -> float:
    """The logarithm of the mean time from idle to the last state, of the diffusion with drift
    load - speed and variance speed + variation * load (Gardiner, first passage times)."""
    variance = np.maximum(speed, 0.5 * load) + variation * load
    slope = 2 * (load - speed) / variance
    potential = -np.concatenate([[0.0], np.cumsum(slope)[:-1]])
    # In logarithms throughout: the potential may span more than a float's exponent holds.
    inner = np.logaddexp.accumulate(np.log(2 / variance) - potential)
    return float(np.logaddexp.reduce(potential + inner))
