"""Exact percentiles: the nearest rank, x[ceil(n*q)] counted from 1, on integer microseconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Micros = NDArray[np.integer[Any]]

QUANTILES: Final[dict[str, float]] = {
    "p50": 0.5,
    "p90": 0.9,
    "p95": 0.95,
    "p99": 0.99,
    "p99_9": 0.999,
}


@dataclass(frozen=True)
class Spread:
    """How a time is spread, in milliseconds; all null where there is no sample."""

    min: float | None
    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p99_9: float | None
    max: float | None


UNKNOWN: Final = Spread(None, None, None, None, None, None, None, None)


@lru_cache(maxsize=32)
def _exact(q: float) -> Fraction:
    """0.95 as 19/20, so that a rank never depends on how 0.95 is rounded in binary."""
    return Fraction(str(q))


def rank(count: int, q: float) -> int:
    """The 1-based nearest rank of the q-quantile among `count` values: 19 of 20 for 0.95."""
    exact = _exact(q)
    return max(1, -(-count * exact.numerator // exact.denominator))


def ranks(counts: NDArray[np.int64], q: float) -> NDArray[np.int64]:
    """The same for many counts."""
    exact = _exact(q)
    found: NDArray[np.int64] = np.maximum(1, -(-counts * exact.numerator // exact.denominator))
    return found


def nearest_rank(sorted_values: NDArray[Any], q: float) -> float:
    """The q-quantile of values in ascending order, of which there must be at least one."""
    return float(sorted_values[rank(len(sorted_values), q) - 1])


def is_few(count: int, q: float) -> bool:
    """Whether fewer than ten samples are expected beyond the quantile: n < 10 / (1 - q)."""
    return count * (1 - _exact(q)) < 10


def few(count: int) -> tuple[str, ...]:
    """The names of the percentiles that so few samples do not support."""
    return tuple(name for name, q in QUANTILES.items() if is_few(count, q))


def at_ranks(ordered: Micros, ranks: Iterable[int]) -> dict[int, float]:
    """The values at 1-based ranks of microseconds in ascending order, in milliseconds; ranks
    beyond the last value are left out."""
    return {one: int(ordered[one - 1]) / 1000 for one in set(ranks) if one <= len(ordered)}


def spread(values: Micros) -> Spread:
    """Minimum, mean, percentiles and maximum of microseconds in any order."""
    return spread_of_ordered(np.sort(values))


def spread_of_ordered(ordered: Micros) -> Spread:
    """The same of microseconds in ascending order.

    numpy sorts whole numbers with vector instructions: faster than picking out five ranks.
    """
    count = len(ordered)
    if not count:
        return UNKNOWN
    ranks = {name: rank(count, q) for name, q in QUANTILES.items()}
    found = at_ranks(ordered, ranks.values())
    return Spread(
        min=int(ordered[0]) / 1000,
        mean=int(ordered.sum(dtype=np.int64)) / count / 1000,
        max=int(ordered[-1]) / 1000,
        **{name: found[one] for name, one in ranks.items()},
    )
