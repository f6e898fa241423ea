"""Throughput that falls beyond a number of jobs at a time, and which load is sustained then."""

import numpy as np
import pytest

from benchmarks.simulators import queues
from runs.analysis import saturation
from runs.analysis.saturation import contention
from runs.analysis.saturation.contention import Curve, Scalability, Thrashing

PACED, RANDOM = 0.0, 1.0


def _curve(best: float = 16.0, peak: float = 100.0) -> Curve:
    """Its maximum is 100/s at 16 under way; with 40 and more it is two thirds of that."""
    alpha = 0.1
    beta = (1 - alpha) / best**2
    rate = peak * (1 + alpha * (best - 1) + beta * best * (best - 1)) / best
    return Curve(rate, Scalability(alpha, best, 40.0), peak, 1.0)


def test_the_curve_has_its_peak_where_it_says() -> None:
    speeds = _curve().at(np.arange(1.0, 100.0))
    assert int(speeds.argmax()) + 1 == pytest.approx(16, abs=1)
    assert speeds.max() == pytest.approx(100, rel=0.01)
    assert speeds[60] == speeds[90] == pytest.approx(78, abs=3)


def test_a_target_that_thrashes_rises_is_level_and_falls_to_a_floor() -> None:
    law = Thrashing(knee=10.0, until=20.0, last=40.0, floor=0.4)
    speeds = law.at(np.array([5.0, 10.0, 20.0, 30.0, 40.0, 90.0]))
    assert speeds.tolist() == pytest.approx([0.5, 1.0, 1.0, 0.7, 0.4, 0.4])


def test_what_is_sustained_lies_below_the_peak_and_lower_the_more_arrivals_vary() -> None:
    paced = contention._bearable(_curve(), PACED, lasting=60.0)
    random = contention._bearable(_curve(), RANDOM, lasting=60.0)
    assert 80 < random < paced < 100


def test_what_is_sustained_for_longer_is_less() -> None:
    minute = contention._bearable(_curve(), RANDOM, lasting=60.0)
    hour = contention._bearable(_curve(), RANDOM, lasting=3600.0)
    assert hour < minute


def test_twice_the_speed_sustains_twice_the_load_for_half_the_time() -> None:
    plain = contention._bearable(_curve(), RANDOM, lasting=60.0)
    fast = contention._bearable(_curve(peak=200.0), RANDOM, lasting=30.0)
    assert fast == pytest.approx(2 * plain, rel=1e-3)


def test_a_system_that_falls_apart_is_not_taken_for_one_that_levels_off() -> None:
    errors, inside = [], 0
    for seed in range(6):
        made = queues.MAKERS["contention"](np.random.default_rng(seed), "stairs", True)
        (found,) = saturation.find(made.data)
        assert found.capacity_jps is not None
        assert found.ci_jps is not None
        errors.append(abs(found.capacity_jps / made.truth - 1))
        inside += found.ci_jps[0] <= made.truth <= found.ci_jps[1]
    assert float(np.median(errors)) < 0.06
    assert inside >= 4


@pytest.mark.parametrize("load", [400.0, 2000.0])
def test_the_time_over_a_peak_is_finite_however_deep_the_potential(load: float) -> None:
    """4,000 states span e to the 3,000, which no float holds; time grows with each state."""
    states = np.arange(4000.0)
    speed = 100 * states / (1 + 0.02 * states + 0.0005 * states**2)
    told = [contention._passage(speed[:most], load, 1.0) for most in (500, 4000)]
    assert np.isfinite(told).all()
    assert told[1] > told[0]
