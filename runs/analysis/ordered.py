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

_LEAST: Final = -(1 << 31)
_MOST: Final = (1 << 31) - 1


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
    is_narrow = int(values[0]) >= _LEAST and int(values[-1]) <= _MOST
    narrow = values.astype(np.int32, copy=False) if is_narrow else values
    return Ordered((narrow,), int(narrow.sum(dtype=np.int64)))


def of(values: Times) -> Ordered:
    """Of microseconds in any order; those of 32 bits are sorted in half the time."""
    if not len(values):
        return NOTHING
    is_narrow = int(values.min()) >= _LEAST and int(values.max()) <= _MOST
    return of_sorted(np.sort(values.astype(np.int32, copy=False) if is_narrow else values))


def together(many: Iterable[Ordered]) -> Ordered:
    """All values of all of them."""
    found = [one for one in many if one.parts]
    parts = tuple(part for one in found for part in one.parts)
    return Ordered(parts, sum(one.total_us for one in found))


def _at_ranks(parts: tuple[Times, ...], ranks: Values, count: int) -> Values:
    """The least value that so many values do not exceed.

    It lies between the least and the greatest of what the parts have at the same share of
    themselves.
    """
    if len(parts) == 1:
        only: Values = parts[0][ranks - 1].astype(np.int64)
        return only
    shares = np.stack([part[-(-ranks * len(part) // count) - 1] for part in parts])
    low: Values = shares.min(axis=0).astype(np.int64)
    high: Values = shares.max(axis=0).astype(np.int64)
    while (low < high).any():
        middle = (low + high) >> 1
        are_enough = _not_above(parts, middle) >= ranks
        low = np.where(are_enough, low, middle + 1)
        high = np.where(are_enough, middle, high)
    return low


def _not_above(parts: tuple[Times, ...], values: Values) -> Values:
    """How many of all of them do not exceed each value. A part is looked into with numbers of its
    own width, as else all of it would be widened."""
    narrow = values.clip(_LEAST, _MOST).astype(np.int32)
    counts = np.zeros(len(values), dtype=np.int64)
    for part in parts:
        counts += part.searchsorted(narrow if part.dtype == np.int32 else values, side="right")
    return counts
