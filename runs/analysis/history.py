"""When did a figure change over a project's runs, and has the newest run changed it.

A change is *confirmed* where the runs fall into levels (kernel change points: a Gaussian kernel
with the median heuristic, optimal partitioning with a penalty of ln n for each; Harchaoui, Cappé,
IEEE SSP 2007), where at least three runs stand at the new level, and where the medians of the
two levels lie so far apart that chance would put them there in fewer than one case of 100,000. A
project looks at fifty series every day, so that this is far stricter than one look would need. It
is *suspected* where the newest runs lie outside what the level before them lets expect of a
further run: an outlier at the end is never more than that.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from runs.analysis import student_t, wording

Floats = NDArray[np.float64]
Status = Literal["confirmed", "suspected"]
Direction = Literal["better", "worse", "changed"]

FEWEST: Final = 8  # runs, before there is a level that anything can be held against
SHORTEST: Final = 3  # runs of a level
LONGEST: Final = 1500  # newest runs that are looked at: the kernel takes 8 bytes for each pair
SMALLEST: Final = 0.03  # changes under this are not told
PENALTY: Final = 1.0  # of each change, times ln n
CHANCE: Final = 1e-5  # two-sided, that a confirmed change is none
OUTSIDE: Final = 0.995  # of the prediction interval for the newest run
MEDIAN_ERROR: Final = 1.2533  # of a median, to that of a mean: the root of half of pi
HALF: Final = 0.6
FRESH: Final = 6  # newest runs that are looked at for a level of their own


@dataclass(frozen=True)
class Change:
    """`at` is the place, in the values given, of the first run at the new level. `before` and
    `after` are medians of the levels, `ratio` is after over before with its 95 % interval (null
    where `before` is not above zero). `runs` is how many stand at the new level so far."""

    at: int
    status: Status
    before: float
    after: float
    ratio: float | None
    ci: tuple[float, float] | None
    direction: Direction
    runs: int
    reason: str


@dataclass(frozen=True)
class Level:
    """A stretch without a confirmed change, `first` and `last` included; `low` to `high` is where
    a further run is expected (the prediction interval, null for fewer than three runs)."""

    first: int
    last: int
    runs: int
    median: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class History:
    """`more_runs` is how many are missing before anything can be told, 0 where enough are there;
    `reason` says so in words. Changes and levels stand in the order of time."""

    runs: int
    more_runs: int
    reason: str
    changes: tuple[Change, ...]
    levels: tuple[Level, ...]

    @property
    def confirmed(self) -> tuple[Change, ...]:
        return tuple(one for one in self.changes if one.status == "confirmed")

    @property
    def suspected(self) -> tuple[Change, ...]:
        return tuple(one for one in self.changes if one.status == "suspected")


def detect(
    values: Sequence[float | None],
    better: Literal["lower", "higher"] | None = "lower",
    smallest: float = SMALLEST,
) -> History:
    """The changes of one figure over runs, the oldest first.

    Null and non-finite values are runs without a figure and are passed over. `better` decides
    what the direction is called; without it a change is `changed`. Changes by less than the share
    `smallest` are left out.
    """
    kept = [at for at, value in enumerate(values) if value is not None and math.isfinite(value)]
    kept = kept[-LONGEST:]
    known = np.array([values[at] for at in kept], dtype=np.float64)
    if len(known) < FEWEST:
        return _too_short(known, kept)
    return _Runs(known, kept, better, smallest).history()


def _too_short(known: Floats, kept: Sequence[int]) -> History:
    missing = FEWEST - len(known)
    reason = f"The history is too short: {wording.plural(missing, 'more run')}."
    levels = (_level(known, kept, 0, len(known), is_log=False),) if len(known) else ()
    return History(len(known), missing, reason, (), levels)


class _Runs:
    """The known values of a history and where they stand in what was given."""

    def __init__(
        self, known: Floats, places: Sequence[int], better: str | None, smallest: float
    ) -> None:
        self.known, self.places = known, places
        self.better, self.smallest = better, smallest
        # The noise of a service is a share of its figures: where all are positive, logarithms.
        self.is_log = bool(known.min() > 0)
        self.y = np.log(known) if self.is_log else known

    def history(self) -> History:
        edges = self._confirmed([0, *change_points(self.y), len(self.y)])
        edges = self._with_newest(edges)
        changes = [
            self._change(first, at, last, "confirmed")
            for first, at, last in zip(edges, edges[1:], edges[2:], strict=False)
        ]
        changes += self._suspected(edges[-2])
        levels = tuple(
            _level(self.known, self.places, first, last, is_log=self.is_log)
            for first, last in pairwise(edges)
        )
        return History(len(self.known), 0, "", tuple(changes), levels)

    def _confirmed(self, edges: list[int]) -> list[int]:
        """The edges less those that are too small or that chance might make, the worst first."""
        while len(edges) > 2:
            doubts = [
                (self._is_small(*around), self._chance(*around))
                for around in zip(edges, edges[1:], edges[2:], strict=False)
            ]
            worst = max(range(len(doubts)), key=doubts.__getitem__)
            if not doubts[worst][0] and doubts[worst][1] <= CHANCE:
                break
            del edges[worst + 1]
        return edges

    def _is_small(self, first: int, at: int, last: int) -> bool:
        before, after = _median(self.known[first:at]), _median(self.known[at:last])
        return abs(after - before) < self.smallest * abs(before)

    def _chance(self, first: int, at: int, last: int) -> float:
        """Of medians so far apart without a change: Student's t with a robust spread."""
        left, right = self.y[first:at], self.y[at:last]
        error = self._error(left, right)
        distance = abs(_median(right) - _median(left))
        if error == 0:
            return 0.0 if distance else 1.0
        return student_t.chance(distance / error, len(left) + len(right) - 2)

    def _error(self, left: Floats, right: Floats) -> float:
        """The standard error of the difference of two medians."""
        return MEDIAN_ERROR * _spread(left, right) * math.sqrt(1 / len(left) + 1 / len(right))

    def _change(self, first: int, at: int, last: int, status: Status) -> Change:
        before, after = _median(self.known[first:at]), _median(self.known[at:last])
        runs = last - at
        half = student_t.quantile(at - first + runs - 2) * self._error(
            self.y[first:at], self.y[at:last]
        )
        ratio = after / before if before > 0 else None
        return Change(
            at=self.places[at],
            status=status,
            before=before,
            after=after,
            ratio=ratio,
            ci=self._interval(before, after, half),
            direction=self._direction(before, after),
            runs=runs,
            reason=_reason(status, runs),
        )

    def _interval(self, before: float, after: float, half: float) -> tuple[float, float] | None:
        if before <= 0:
            return None
        if self.is_log:
            return after / before * math.exp(-half), after / before * math.exp(half)
        return (after - half) / before, (after + half) / before

    def _direction(self, before: float, after: float) -> Direction:
        if self.better is None:
            return "changed"
        return "worse" if (after > before) == (self.better == "lower") else "better"

    def _with_newest(self, edges: list[int]) -> list[int]:
        """With a level of the newest runs, where so few stand out clearly enough: the kernel, which
        knows no distances beyond its width, needs more of them the longer the history is."""
        at = self._fresh(edges[-2])
        if at is None or len(self.y) - at < SHORTEST:
            return edges
        is_clear = self._chance(edges[-2], at, len(self.y)) <= CHANCE
        return [*edges[:-1], at, edges[-1]] if is_clear else edges

    def _suspected(self, first: int) -> Iterator[Change]:
        at = self._fresh(first)
        if at is not None:
            yield self._change(first, at, len(self.y), "suspected")

    def _fresh(self, first: int) -> int | None:
        """Where the newest runs begin that all lie outside of what the level before them lets
        expect, on one side; None where there are none."""
        for runs in range(FRESH, 0, -1):
            at = len(self.y) - runs
            if at - first >= SHORTEST and self._is_outside(first, at):
                return at
        return None

    def _is_outside(self, first: int, at: int) -> bool:
        level, newest = self.y[first:at], self.y[at:]
        middle = _median(level)
        room = prediction(level, OUTSIDE)
        is_beyond = bool((newest > middle + room).all() or (newest < middle - room).all())
        return is_beyond and not self._is_small(first, at, len(self.y))


def change_points(values: Floats) -> list[int]:
    """Where new levels begin, ascending: kernel change points by optimal partitioning.

    Values are measured in their own noise from one to the next, so that neither the unit nor the
    steps themselves matter.
    """
    count = len(values)
    if count < 2 * SHORTEST:
        return []
    total = _kernel_sums(values / _scale(values))
    own = np.diag(total)
    best = np.full(count + 1, np.inf)
    best[0] = -PENALTY * math.log(count)
    came_from = np.zeros(count + 1, dtype=np.int64)
    for end in range(SHORTEST, count + 1):
        starts = np.arange(end - SHORTEST + 1)
        inside = total[end, end] - 2 * total[starts, end] + own[starts]
        costs = best[starts] + (end - starts) - inside / (end - starts) - best[0]
        came_from[end] = int(np.argmin(costs))
        best[end] = costs[came_from[end]]
    return _walked_back(came_from)


def _kernel_sums(values: Floats) -> Floats:
    """Sums of the kernel's matrix over its upper left corners, shape (n + 1, n + 1)."""
    count = len(values)
    squares = (values[:, None] - values[None, :]) ** 2
    usual = float(np.median(squares[np.triu_indices(count, 1)])) or 1.0
    kernel = np.exp(-np.clip(squares / usual, 0.01, 100))
    np.fill_diagonal(kernel, 1.0)
    sums = np.zeros((count + 1, count + 1))
    sums[1:, 1:] = kernel.cumsum(axis=0).cumsum(axis=1)
    return sums


def _walked_back(came_from: NDArray[np.int64]) -> list[int]:
    found: list[int] = []
    at = int(came_from[-1])
    while at > 0:
        found.append(at)
        at = int(came_from[at])
    return found[::-1]


def _scale(values: Floats) -> float:
    """The noise of one value, from the differences of neighbours; 1 where there is none."""
    steps = np.diff(values)
    robust = 1.4826 * _median(np.abs(steps - _median(steps))) / math.sqrt(2)
    return robust or float(steps.std()) / math.sqrt(2) or 1.0


def _median(values: Floats) -> float:
    return float(np.median(values))


def _spread(*levels: Floats) -> float:
    """The scatter around the medians of levels: robust, but never under half of the plain one,
    which a few values that happen to lie close together would make of it."""
    around = np.concatenate([level - _median(level) for level in levels])
    plain = math.sqrt(float(around @ around) / len(around))
    return max(1.4826 * _median(np.abs(around)), HALF * plain)


def prediction(level: Floats, confidence: float = 0.95) -> float:
    """Half the width of the interval in which one more value of a level is expected."""
    degrees = len(level) - 1
    spread = _spread(level) * math.sqrt(1 + 1 / len(level))
    return student_t.quantile(max(degrees, 1), confidence) * spread


def _level(known: Floats, places: Sequence[int], first: int, last: int, *, is_log: bool) -> Level:
    mine = known[first:last]
    middle = _median(mine)
    low = high = None
    if last - first >= SHORTEST:
        if is_log:
            room = prediction(np.log(mine))
            low, high = middle * math.exp(-room), middle * math.exp(room)
        else:
            room = prediction(mine)
            low, high = middle - room, middle + room
    return Level(places[first], places[last - 1], last - first, middle, low, high)


def _reason(status: Status, runs: int) -> str:
    if status == "confirmed":
        return ""
    seen = f"Seen in {wording.plural(runs, 'run')}"
    if runs >= SHORTEST:
        return f"{seen}, not yet clear enough: more runs at this level would confirm it."
    return f"{seen}: {wording.plural(SHORTEST - runs, 'more run')} at this level would confirm it."
