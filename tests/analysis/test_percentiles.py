"""Nearest rank, exactly: judged by eye on short lists, by definition on long ones."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.analysis.percentiles import at_ranks, few, is_few, nearest_rank, rank, spread


@pytest.mark.parametrize(
    ("count", "q", "expected"),
    [
        (1, 0.5, 1),  # one value is every percentile
        (2, 0.5, 1),  # half of two is the first, not the mean
        (20, 0.95, 19),  # exactly 19, although 20 * 0.95 is not exact in binary
        (100, 0.99, 99),
        (1000, 0.999, 999),
        (101, 0.95, 96),  # 95.95 goes up
        (3, 0.999, 3),
        (700, 0.07, 49),  # 700 * 0.07 is 49.000000000000007 in binary
    ],
)
def test_the_rank_is_the_ceiling_of_n_times_q(count: int, q: float, expected: int) -> None:
    assert rank(count, q) == expected


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert nearest_rank(np.array([10, 20, 30, 40]), 0.5) == 20
    assert nearest_rank(np.array([10, 20, 30, 40]), 0.51) == 30


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300), st.integers(1, 999))
def test_a_percentile_of_a_spread_is_its_nearest_rank(values: list[int], permille: int) -> None:
    one = math.ceil(Fraction(permille, 1000) * len(values))
    assert at_ranks(np.sort(values), [one]) == {one: sorted(values)[one - 1] / 1000}
    assert (
        spread(np.array(values)).p95 == sorted(values)[math.ceil(len(values) * 19 / 20) - 1] / 1000
    )


def test_a_rank_beyond_the_values_has_no_value() -> None:
    assert at_ranks(np.array([1_000, 5_000]), [2, 3]) == {2: 5.0}


def test_a_spread_is_in_milliseconds_and_exact_to_the_microsecond() -> None:
    found = spread(np.array([3_000, 1_001, 2_000]))

    assert (found.min, found.max, found.p50) == (1.001, 3.0, 2.0)
    assert found.mean == 6_001 / 3 / 1000


def test_nothing_has_no_spread_rather_than_a_zero() -> None:
    found = spread(np.empty(0, dtype=np.int64))

    assert (found.min, found.mean, found.p50, found.p99_9, found.max) == (None,) * 5


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (0, ("p50", "p90", "p95", "p99", "p99_9")),
        (19, ("p50", "p90", "p95", "p99", "p99_9")),
        (20, ("p90", "p95", "p99", "p99_9")),  # ten beyond the median
        (100, ("p95", "p99", "p99_9")),  # exactly enough for p90
        (199, ("p95", "p99", "p99_9")),
        (200, ("p99", "p99_9")),
        (1_000, ("p99_9",)),
        (10_000, ()),
    ],
)
def test_few_are_fewer_than_ten_samples_beyond(count: int, names: tuple[str, ...]) -> None:
    assert few(count) == names


def test_few_is_decided_exactly_at_the_limit() -> None:
    assert is_few(99, 0.9)
    assert not is_few(100, 0.9)
