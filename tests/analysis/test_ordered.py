"""Times that are pooled without being merged: the same figures as of all of them sorted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.analysis import ordered, percentiles
from runs.analysis.ordered import Ordered

# Around where 32 bits end, too, so that arrays of both widths stand side by side.
MICROS = st.one_of(
    st.integers(-5, 5),
    st.integers(0, 10**7),
    st.integers(2**31 - 3, 2**31 + 3),
    st.integers(-(2**31) - 3, -(2**31) + 3),
    st.integers(-(2**45), 2**45),
)


def of(*parts: list[int]) -> Ordered:
    return ordered.together(ordered.of(np.array(part, dtype=np.int64)) for part in parts)


@given(st.lists(st.lists(MICROS, max_size=30), max_size=6))
def test_every_rank_and_figure_is_that_of_all_values_sorted(parts: list[list[int]]) -> None:
    every = np.sort(np.array([value for part in parts for value in part], dtype=np.int64))
    found = of(*parts)
    ranks = range(1, len(every) + 2)  # one beyond the last

    assert found.count == len(every)
    assert found.at_ranks(ranks) == {one: int(every[one - 1]) / 1000 for one in ranks[:-1]}
    assert found.spread() == percentiles.spread(every)


@pytest.mark.parametrize("alike", [0, 2_500, 10_000])
@pytest.mark.parametrize("parts", [2, 7])
def test_ranks_of_many_values_are_those_of_all_of_them_sorted(parts: int, alike: int) -> None:
    """So many that their range is halved first; `alike` of each part are the same value."""
    random = np.random.default_rng(parts)
    many = [
        np.exp(random.normal(10 + part / 3, 1, 10_000)).astype(np.int64) for part in range(parts)
    ]
    for values in many:
        values[:alike] = 22_000
    every = np.sort(np.concatenate(many))
    ranks = [1, 2, len(every) // 3, len(every) // 2, len(every) - 1, len(every)]

    found = of(*(values.tolist() for values in many)).at_ranks(ranks)

    assert found == {rank: int(every[rank - 1]) / 1000 for rank in ranks}


def test_equal_values_in_several_parts_are_counted_each() -> None:
    found = of([1_000, 1_000, 2_000], [1_000, 3_000])

    assert [found.at_ranks([rank])[rank] for rank in range(1, 6)] == [1.0, 1.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(("largest", "width"), [(2**31 - 1, 4), (2**31, 8)])
def test_times_take_32_bits_where_they_fit(largest: int, width: int) -> None:
    assert of([0, largest]).parts[0].itemsize == width
    assert of([0, largest]).spread().max == largest / 1000


def test_of_nothing_nothing_is_known() -> None:
    assert of([], []) == ordered.NOTHING
    assert ordered.NOTHING.spread() == percentiles.UNKNOWN
