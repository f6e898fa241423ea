"""Arrivals stand where the integral of the rate curve reaches a whole number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadrunner.pacing import RateCurve, Shard, poisson, poisson_times, uniform


def _times(curve: RateCurve, shard: Shard | None = None) -> list[float]:
    chunks = uniform(curve, shard) if shard else uniform(curve)
    return [time for _, times in chunks for time in times.tolist()]


def test_a_constant_rate_of_four_is_a_quarter_of_a_second_apart_from_the_start_on() -> None:
    assert _times(RateCurve(4, 4, 2)) == [0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]


@pytest.mark.parametrize(
    ("curve", "count", "remark"),
    [
        (RateCurve(30, 30, 60), 1800, "a whole number: the last stands before the end"),
        (RateCurve(0.3, 0.3, 10), 3, "the product is not exact in binary, the count is"),
        (RateCurve(1, 30, 20), 310, "a ramp holds its mean rate times its length"),
        (RateCurve(0, 10, 1), 5, "a ramp from nothing"),
        (RateCurve(10, 0, 1), 5, "a ramp to nothing"),
        (RateCurve(0, 0, 10), 0, "no rate, no journey"),
        (RateCurve(0.05, 0.05, 10), 1, "less than one: the first stands at the start all the same"),
    ],
)
def test_a_phase_holds_as_many_journeys_as_its_integral_says(
    curve: RateCurve, count: int, remark: str
) -> None:
    assert curve.count == count, remark
    assert len(_times(curve)) == count, remark


def test_a_ramp_has_no_steps_in_it() -> None:
    # 0 to 10/s in 10 s: the integral is t^2/2, so that the n-th journey is due at sqrt(2n).
    assert _times(RateCurve(0, 10, 10))[:5] == pytest.approx(np.sqrt([0, 2, 4, 6, 8]))


@given(st.floats(0, 2000), st.floats(0, 2000), st.floats(0.01, 50))
def test_the_integral_up_to_the_nth_arrival_is_n(start: float, end: float, length: float) -> None:
    curve = RateCurve(start, end, length)
    times = np.asarray(_times(curve))[:5000]
    reached = start * times + (end - start) / length * times**2 / 2
    assert np.allclose(reached, np.arange(len(times)), atol=1e-5 * max(1.0, curve.total))
    assert (np.diff(times) >= 0).all()
    assert (times < length + 1e-9).all()


@given(st.integers(1, 5), st.floats(1, 300))
def test_the_shards_of_all_workers_are_the_whole(workers: int, rate: float) -> None:
    curve = RateCurve(rate, rate, 3)
    parts = [time for index in range(workers) for time in _times(curve, Shard(index, workers))]
    assert sorted(parts) == _times(curve)


def test_ten_minutes_do_not_drift() -> None:
    *_, (numbers, times) = uniform(RateCurve(10_000, 10_000, 600))
    assert numbers[-1] == 5_999_999
    assert times[-1] == pytest.approx(599.9999, abs=1e-9)


def test_poisson_arrivals_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    curve = RateCurve(50, 150, 20)
    assert np.array_equal(poisson_times(curve, 7), poisson_times(curve, 7))
    assert not np.array_equal(poisson_times(curve, 7)[:100], poisson_times(curve, 8)[:100])


def test_poisson_arrivals_follow_the_curve() -> None:
    # 2,000 are expected; 4 standard deviations are 179. Their gaps vary as exponentials do.
    times = poisson_times(RateCurve(50, 150, 20), 1)
    assert abs(len(times) - 2000) < 179
    first_half = (times < 10).sum()  # the integral up to 10 s is 750
    assert abs(first_half - 750) < 4 * np.sqrt(750)
    steady = np.diff(poisson_times(RateCurve(100, 100, 100), 2))
    assert steady.std() / steady.mean() == pytest.approx(1, abs=0.06)


def test_poisson_shards_are_the_whole_too() -> None:
    times = poisson_times(RateCurve(20, 20, 10), 3)
    parts = [
        (number, time)
        for index in range(3)
        for numbers, mine in poisson(times, Shard(index, 3))
        for number, time in zip(numbers.tolist(), mine.tolist(), strict=True)
    ]
    assert [time for _, time in sorted(parts)] == times.tolist()
