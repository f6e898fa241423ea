"""The saturation point under a number of users who wait for their answers.

The load answers to the target here, so goodput can only level off: reached where more users no
longer bring more of it. The interval is that of the pooled goodput of the level stages.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from runs.analysis.plan import Phase
from runs.analysis.saturation import rate, recovered
from runs.analysis.saturation.flow import MICROS, Floats, Flow, Segment
from runs.analysis.saturation.result import Interval

_NEAR: Final = 0.7
_FEWEST_STAGES: Final = 3
_FEWEST_ANSWERS: Final = 20
_FLOOR: Final = 0.01
_PIECES_OF_A_RAMP: Final = 10


@dataclass(frozen=True)
class Level:
    """One stage: so many users, and the goodput and load that came of it, in journeys/s."""

    phase: str
    users: float
    window: tuple[float, float]
    goodput: float
    half: float
    offered: float


@dataclass(frozen=True)
class Closed:
    """`users` is the number at which goodput levels off."""

    verdict: Literal["reached", "not_reached", "inconclusive"]
    levels: tuple[Level, ...]
    capacity: float | None = None
    ci: Interval | None = None
    users: float | None = None
    is_retrograde: bool = False

    @property
    def sustained(self) -> float | None:
        """The most goodput of a stage; where it levels off, the best of many is so by luck."""
        best = max((level.goodput for level in self.levels), default=None)
        return best if best is None or self.capacity is None else min(best, self.capacity)


def levels(flow: Flow, phases: Sequence[Phase]) -> tuple[Level, ...]:
    """The stages with a known number of users and enough answers, by number of users."""
    found = []
    for phase in phases:
        for users, start, end in _pieces(phase):
            level = _level(flow, phase.phase, users, start, end)
            found += [level] if level else []
    return tuple(sorted(found, key=lambda level: level.users))


def _pieces(phase: Phase) -> Iterator[tuple[float, float, float]]:
    """Users with the stretch in which they were there; a ramp in pieces, each with its mean."""
    start, end = phase.window_us[0] / MICROS, phase.end_us / MICROS
    if not phase.users or end <= start:
        return
    first, last = phase.users_at(phase.window_us[0]), phase.users_at(phase.end_us)
    count = max(1, min(_PIECES_OF_A_RAMP, round(abs(last - first))))
    edges, levels_ = np.linspace(start, end, count + 1), np.linspace(first, last, count + 1)
    for number, (since, until) in enumerate(itertools.pairwise(edges)):
        yield float(levels_[number : number + 2].mean()), float(since), float(until)


def levels_in_flight(flow: Flow, pieces: Sequence[Segment]) -> tuple[Level, ...]:
    """Pieces of a load that nobody planned, with the mean number in flight for users."""
    found = []
    for piece in pieces:
        level = _level(flow, piece.phase, 1.0, piece.start, piece.end)
        if level:
            users = max(recovered.in_flight(flow, *level.window), 1e-9)
            found.append(replace(level, users=users))
    return tuple(sorted(found, key=lambda level: level.users))


def _level(flow: Flow, phase: str, users: float, start: float, end: float) -> Level | None:
    part = flow.between(start, end)
    took = flow.took[part][flow.good[part]]
    if len(took) < _FEWEST_ANSWERS:
        return None
    length = end - start
    warm_up = min(length / 3, max(2 * float(np.quantile(took, 0.9)), length / 10))
    window = (start + warm_up, end)
    found = rate.of(flow.answers, [window])
    if not found.value:
        return None
    offered = flow.due_in(*window) / (end - window[0])
    half = max(found.half, 0.003 * found.value)
    return Level(phase, users, window, found.value, half, offered)


def find(flow: Flow, found: Sequence[Level]) -> Closed:
    """STATISTICS: the gain of the last stages, and the efficiency of a user, against the first."""
    if len({level.users for level in found}) < _FEWEST_STAGES:
        return Closed("inconclusive", tuple(found))
    users = np.array([level.users for level in found], dtype=float)
    goodput = np.array([level.goodput for level in found])
    half = np.array([level.half for level in found])
    alone = float((goodput / users).max())
    best, last = int(np.argmax(goodput)), len(found) - 1
    near = np.flatnonzero(users <= _NEAR * users[last])
    reference = int(near[-1]) if len(near) else 0
    more = users[last] - users[reference]
    gain = (goodput[last] - goodput[reference]) / more / alone
    doubt = float(np.hypot(half[last], half[reference])) / more / alone
    yields = goodput[last] / users[last] / alone
    if not (gain + doubt < 0.30 and yields < 0.75):
        verdict: Literal["inconclusive", "not_reached"] = (
            "inconclusive" if gain - doubt < 0.3 and yields < 0.8 else "not_reached"
        )
        return Closed(verdict, tuple(found))
    falls = goodput[last] < 0.97 * goodput[best] - np.hypot(half[last], half[best])
    if falls:
        return _peak(found, users, goodput, half, best)
    return _plateau(flow, found, users, goodput, half, best, alone)


def _plateau(
    flow: Flow, found: Sequence[Level], users: Floats, goodput: Floats, half: Floats,
    best: int, alone: float,
) -> Closed:  # fmt: skip
    top = goodput[best]
    level = (users >= 0.5 * users[best]) & (goodput >= 0.98 * top - 0.5 * (half + half[best]))
    windows = sorted(one.window for one, is_level in zip(found, level, strict=True) if is_level)
    pooled = rate.of(flow.answers, windows)
    width = max(1.1 * pooled.half, _FLOOR * pooled.value)
    high = max(pooled.value + width, top + 0.5 * half[best])
    ci = (pooled.value - width, float(high))
    return Closed("reached", tuple(found), pooled.value, ci, pooled.value / alone)


def _peak(
    found: Sequence[Level], users: Floats, goodput: Floats, half: Floats, best: int
) -> Closed:
    """The vertex of a parabola over the logarithm of the users, around the best stage."""
    near = np.argsort(np.abs(np.log(users) - np.log(users[best])), kind="stable")[:5]
    at, top = float(np.log(users[best])), float(goodput[best])
    vertex, value = at, top
    if len(near) >= 3:
        a, b, c = np.polyfit(np.log(users[near]) - at, goodput[near], 2)
        if a < 0:
            reach = np.log(users[near]) - at
            vertex_off = float(np.clip(-b / (2 * a), reach.min(), reach.max()))
            vertex = at + vertex_off
            value = float(a * vertex_off**2 + b * vertex_off + c)
    capacity = max(top, (top + value) / 2)
    width = max(float(half[best]), 0.02 * top, abs(value - top))
    ci = (capacity - width, capacity + width)
    return Closed("reached", tuple(found), capacity, ci, float(np.exp(vertex)), True)
