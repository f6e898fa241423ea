"""Histograms: every value within 0.05 % of its bin's middle, and merging loses nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.analysis import histogram

QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
times_us = st.lists(st.integers(0, 3_600_000_000), min_size=1, max_size=300)


def exact(values: list[int], q: float) -> int:
    """The nearest rank, counted by hand."""
    ordered = sorted(values)
    place = next(at for at in range(1, len(ordered) + 1) if at / len(ordered) >= q - 1e-12)
    return ordered[place - 1]


@pytest.mark.parametrize(
    ("value_us", "bin_", "middle_us"),
    [
        (0, 0, 0.0),
        (1, 1, 1.0),
        (2047, 2047, 2047.0),  # the last value with a bin of its own
        (2048, 2048, 2048.5),  # 2048 and 2049 share one
        (2049, 2048, 2048.5),
        (2050, 2049, 2050.5),
        (4095, 3071, 4094.5),
        (4096, 3072, 4097.5),  # four values a bin from here
        (-5, 0, 0.0),
    ],
)
def test_bins_are_as_wide_as_a_1024th_of_their_value(
    value_us: int, bin_: int, middle_us: float
) -> None:
    found = histogram.bins_of(np.array([value_us]))

    assert found.tolist() == [bin_]
    assert histogram.middles_us(found).tolist() == [middle_us]


@settings(deadline=None)
@given(st.integers(1, 2**52 - 1))
def test_no_value_is_further_than_a_2000th_from_what_stands_for_it(value_us: int) -> None:
    middle = histogram.middles_us(histogram.bins_of(np.array([value_us])))[0]

    assert abs(middle - value_us) / value_us < 0.0005


@settings(deadline=None)
@given(times_us)
def test_a_quantile_is_the_nearest_rank_to_within_a_2000th(values: list[int]) -> None:
    found = histogram.of(np.array(values))

    for q in QUANTILES:
        assert found.quantile_us(q) == pytest.approx(exact(values, q), rel=0.0005)


@settings(deadline=None)
@given(times_us, times_us, times_us)
def test_merging_is_the_histogram_of_everything_in_any_order(
    one: list[int], two: list[int], three: list[int]
) -> None:
    parts = [histogram.of(np.array(values)) for values in (one, two, three)]
    whole = histogram.of(np.array([*one, *two, *three]))

    for order in (parts, parts[::-1]):
        merged = histogram.merge(order)
        assert merged.bins.tolist() == whole.bins.tolist()
        assert merged.counts.tolist() == whole.counts.tolist()


def test_an_empty_histogram_has_no_quantile_and_merges() -> None:
    empty = histogram.merge([])

    assert (empty.count, empty.quantile_us(0.95)) == (0, None)
    assert histogram.merge([empty, histogram.of(np.array([7, 7]))]).counts.tolist() == [2]
