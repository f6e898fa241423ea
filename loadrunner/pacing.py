"""When journeys are due: the n-th arrival stands where the integral of the rate curve reaches n.

Pure: time is passed in, never read. Times are seconds since the phase's start, in float64,
which keeps a microsecond exact for longer than any run lasts.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]

# An arrival whose integral equals the phase's own total would be due at its end, and the phase
# is half-open; the slack keeps rounding from letting it in.
_SLACK = 1e-9
# So many are worked out at a time, which takes 40 us.
_CHUNK = 512


@dataclass(frozen=True)
class RateCurve:
    """A rate in journeys/s that goes linearly from `rate_from` to `rate_to` in `duration_s`."""

    rate_from: float
    rate_to: float
    duration_s: float

    @property
    def total(self) -> float:
        """The integral over the phase: how many journeys it holds, before rounding."""
        return (self.rate_from + self.rate_to) / 2 * self.duration_s

    @property
    def count(self) -> int:
        """How many uniform arrivals are due: one for each integral 0, 1, 2, … below the total."""
        return max(0, math.ceil(self.total - _SLACK * max(1.0, self.total)))

    def time_of(self, integral: Times) -> Times:
        """Where the integral of the curve reaches each of the given values.

        Solves r0 t + (r1 - r0) t^2 / 2D = n, in the form that does not cancel for small slopes.
        """
        slope = (self.rate_to - self.rate_from) / self.duration_s
        root = np.sqrt(np.maximum(self.rate_from**2 + 2 * slope * integral, 0.0))
        bottom = self.rate_from + root
        return np.divide(2 * integral, bottom, out=np.zeros_like(integral), where=bottom > 0)


@dataclass(frozen=True)
class Shard:
    """The share of one worker: arrivals `index`, `index + of`, `index + 2 of`, …"""

    index: int = 0
    of: int = 1


WHOLE = Shard()


def uniform(curve: RateCurve, shard: Shard = WHOLE) -> Iterator[tuple[NDArray[np.int64], Times]]:
    """Chunks of (arrival number, time) with an integral of exactly 0, 1, 2, …"""
    for first in range(shard.index, curve.count, _CHUNK * shard.of):
        last = min(first + _CHUNK * shard.of, curve.count)
        numbers = np.arange(first, last, shard.of, dtype=np.int64)
        yield numbers, curve.time_of(numbers.astype(np.float64))


def poisson_times(curve: RateCurve, seed: int) -> Times:
    """All arrivals of a Poisson process with this rate; the same seed gives the same arrivals."""
    random = np.random.default_rng(seed)
    integrals = np.empty(0)
    while integrals.size == 0 or integrals[-1] < curve.total:
        start = integrals[-1] if integrals.size else 0.0
        gaps = random.exponential(size=max(16, int((curve.total - start) * 1.1) + 16))
        integrals = np.concatenate([integrals, start + np.cumsum(gaps)])
    return curve.time_of(integrals[integrals < curve.total])


def poisson(times: Times, shard: Shard = WHOLE) -> Iterator[tuple[NDArray[np.int64], Times]]:
    """Chunks of (arrival number, time) of one worker's share of drawn arrivals."""
    for first in range(shard.index, len(times), _CHUNK * shard.of):
        numbers = np.arange(first, min(first + _CHUNK * shard.of, len(times)), shard.of)
        yield numbers.astype(np.int64), times[numbers]
