"""Times in ascending order, and many such taken together without being merged.

What a scenario or a whole run pools is in order already, series by series. A rank of all of them is
found by halving the range of values in which it must lie, which is exact, and looks at a few
thousand of the values where sorting would look at each of them a dozen times.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runs.analysis.percentiles import QUANTILES, UNKNOWN, Spread, rank

Times = NDArray[np.signedinteger[Any]]
Values = NDArray[np.int64]

# The range of 32 bits; no value in it is as small as the least, which stands for all below.
_LEAST: Final = -(1 << 31)
_MOST: Final = (1 << 31) - 1
# So many values are sorted sooner than their range is halved once more.
_FEW: Final = 2_000


@dataclass(frozen=True)
class Ordered:
    """Whole microseconds: arrays in ascending order each, none of them empty, and their sum."""

    parts: tuple[Times, ...] = ()
    total_us: int = 0

    @property
    def count(self) -> int:
        return sum(len(part) for part in self.parts)

    def at_ranks(self, ranks: Iterable[int]) -> dict[int, float]:
        """The values at 1-based ranks, in milliseconds; ranks beyond the last are left out."""
        count = self.count
        wanted = sorted({one for one in ranks if one <= count})
        if not wanted:
            return {}
        found = _at_ranks(self.parts, np.array(wanted, dtype=np.int64), count)
        return {one: int(value) / 1000 for one, value in zip(wanted, found, strict=True)}

    def spread(self) -> Spread:
        count = self.count
        if not count:
            return UNKNOWN
        ranks = {name: rank(count, q) for name, q in QUANTILES.items()}
        found = self.at_ranks(ranks.values())
        return Spread(
            min=int(min(part[0] for part in self.parts)) / 1000,
            mean=self.total_us / count / 1000,
            max=int(max(part[-1] for part in self.parts)) / 1000,
            **{name: found[one] for name, one in ranks.items()},
        )


NOTHING: Final = Ordered()


def of_sorted(values: Times) -> Ordered:
    """In 32 bits where they hold every value: 36 minutes in microseconds."""
    if not len(values):
        return NOTHING
    is_narrow = int(values[0]) > _LEAST and int(values[-1]) <= _MOST
    narrow = values.astype(np.int32, copy=False) if is_narrow else values
    return Ordered((narrow,), int(narrow.sum(dtype=np.int64)))


def of(values: Times) -> Ordered:
    """Of microseconds in any order; those of 32 bits are sorted in half the time."""
    if not len(values):
        return NOTHING
    is_narrow = int(values.min()) > _LEAST and int(values.max()) <= _MOST
    return of_sorted(np.sort(values.astype(np.int32, copy=False) if is_narrow else values))


def together(many: Iterable[Ordered]) -> Ordered:
    """All values of all of them."""
    found = [one for one in many if one.parts]
    parts = tuple(part for one in found for part in one.parts)
    return Ordered(parts, sum(one.total_us for one in found))


def _at_ranks(parts: tuple[Times, ...], ranks: Values, count: int) -> Values:
    """The least value that so many values do not exceed.

    It lies between the least and the greatest of what the parts have at the same share of
    themselves. That range is halved until few values are left in it, which are then sorted.
    """
    if len(parts) == 1:
        only: Values = parts[0][ranks - 1].astype(np.int64)
        return only
    shares = np.stack([part[-(-ranks * len(part) // count) - 1] for part in parts])
    low: Values = shares.min(axis=0).astype(np.int64)
    high: Values = shares.max(axis=0).astype(np.int64)
    first, last = _not_above(parts, low - 1), _not_above(parts, high)
    while ((low < high) & ((last - first).sum(axis=0) > _FEW)).any():
        middle = (low + high) >> 1
        reached = _not_above(parts, middle)
        are_enough = reached.sum(axis=0) >= ranks
        low, high = np.where(are_enough, low, middle + 1), np.where(are_enough, middle, high)
        first, last = np.where(are_enough, first, reached), np.where(are_enough, reached, last)
    left = ranks - first.sum(axis=0)
    for one in np.flatnonzero(low < high):
        low[one] = _at(parts, first[:, one], last[:, one], int(left[one]))
    return low


def _not_above(parts: tuple[Times, ...], values: Values) -> Values:
    """How many of each part do not exceed each value, shape (parts, values). A part is looked into
    with numbers of its own width, as else all of it would be widened."""
    narrow = values.clip(_LEAST, _MOST).astype(np.int32)
    return np.stack(
        [
            part.searchsorted(narrow if part.dtype == np.int32 else values, side="right")
            for part in parts
        ]
    )


def _at(parts: tuple[Times, ...], first: Values, last: Values, rank: int) -> int:
    """The 1-based rank among some places of each part."""
    spans = zip(parts, first.tolist(), last.tolist(), strict=True)
    some = np.concatenate([part[a:b] for part, a, b in spans if a < b])
    return int(np.sort(some)[rank - 1])
