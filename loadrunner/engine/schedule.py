"""The arrivals of one worker: every scenario's own, merged in the order of time."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadrunner.campaign.model import Load, Scenario
from loadrunner.pacing import RateCurve, Shard, poisson, poisson_times, uniform

Arrival = tuple[int, int, int, int]
"""Due in microseconds, index of the scenario, of its phase, number of the journey."""


@dataclass(frozen=True)
class Span:
    """A phase's stretch of time, in microseconds since the run's start."""

    start_us: int
    end_us: int


def span(load: Load) -> Span:
    return Span(round(load.start_s * 1e6), round((load.start_s + load.duration_s) * 1e6))


Chunk = tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True)
class Stream:
    """The open phases of one scenario; journeys are numbered through all of them."""

    index: int
    scenario: Scenario
    seed: int

    @property
    def total(self) -> int:
        """How many journeys the open phases hold."""
        return sum(
            self._count(number, load)
            for number, load in enumerate(self.scenario.load)
            if load.model == "open"
        )

    def arrivals(self, shard: Shard) -> Iterator[Arrival]:
        first = 0
        for number, load in enumerate(self.scenario.load):
            if load.model == "open":
                yield from self._phase(number, load, first, shard)
                first += self._count(number, load)

    def _phase(self, phase: int, load: Load, first: int, shard: Shard) -> Iterator[Arrival]:
        start_us, last_us = span(load).start_us, span(load).end_us - 1
        # Scenarios start their rounds at different workers, so that slow ones do not all
        # fall to the first.
        mine = Shard((shard.index + self.index) % shard.of, shard.of)
        for numbers, times in self._chunks(phase, load, mine):
            # Rounding must not carry the last ones over into the next phase.
            dues = np.minimum((times * 1e6).round().astype("int64") + start_us, last_us)
            for due, journey in zip(dues.tolist(), (numbers + first).tolist(), strict=True):
                yield due, self.index, phase, journey

    def _chunks(self, phase: int, load: Load, shard: Shard) -> Iterator[Chunk]:
        if self.scenario.arrivals == "poisson":
            return poisson(poisson_times(_curve(load), self._seed_of(phase)), shard)
        return uniform(_curve(load), shard)

    def _count(self, phase: int, load: Load) -> int:
        if self.scenario.arrivals == "poisson":
            return len(poisson_times(_curve(load), self._seed_of(phase)))
        return _curve(load).count

    def _seed_of(self, phase: int) -> int:
        return (self.seed * 1_000_003 + self.index) * 1_009 + phase


def _curve(load: Load) -> RateCurve:
    return RateCurve(load.rate_from or 0.0, load.rate_to or 0.0, load.duration_s)


def merged(scenarios: tuple[Scenario, ...], seed: int, shard: Shard) -> Iterator[Arrival]:
    """All arrivals that fall to one worker, first due first."""
    streams = [
        Stream(index, scenario, seed).arrivals(shard) for index, scenario in enumerate(scenarios)
    ]
    return streams[0] if len(streams) == 1 else heapq.merge(*streams)
