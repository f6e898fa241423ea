"""A node that is full before the others, and clients who are told that nobody waits any more."""

import numpy as np
import pytest

from benchmarks.simulators import afar, fronts
from benchmarks.simulators.system import Simulated
from runs.analysis import saturation
from runs.analysis.saturation import apart, direct
from runs.analysis.saturation.flow import Flow

HEALTHY = np.linspace(0.04, 0.06, 200)


def _flow(took: np.ndarray, good: np.ndarray | None = None, status: int = 200) -> Flow:
    """A hundred calls a second."""
    due = np.arange(len(took)) / 100
    nothing, zeros = np.zeros(len(took), dtype=bool), np.zeros(len(took), dtype=np.int64)
    good = ~nothing if good is None else good
    return Flow(
        due, due + took, good, nothing, nothing, nothing, zeros, np.where(good, 200, status),
        zeros + 1, zeros,
    )  # fmt: skip


def _growing(count: int, pace: float = 0.4) -> np.ndarray:
    """Waits that begin at nothing and grow by so much a second."""
    return 0.05 + pace * np.arange(count) / 100


def test_a_node_whose_queue_grows_is_told_from_the_others_though_its_waits_begin_at_nothing() -> (
    None
):
    took = np.where(np.arange(2000) % 4 == 0, _growing(2000), 0.05)
    found = apart.find(_flow(took), [(5.0, 20.0)], HEALTHY)
    assert found is not None
    assert found.share == pytest.approx(0.75, abs=0.01)
    assert not found.all_wait
    late = np.arange(500, 2000)
    assert found.at_once(_flow(took))[late].tolist() == (late % 4 != 0).tolist()


def test_of_nodes_that_are_all_full_the_slowest_is_told_by_its_longer_queue() -> None:
    first = np.arange(2000) % 4 == 0
    took = np.where(first, _growing(2000, 0.6), _growing(2000, 0.15))
    found = apart.find(_flow(took), [(5.0, 20.0)], HEALTHY)
    assert found is not None
    assert found.all_wait
    assert found.share == pytest.approx(0.75, abs=0.01)


def test_one_queue_for_all_has_no_such_part() -> None:
    assert apart.find(_flow(_growing(2000)), [(5.0, 20.0)], HEALTHY) is None


def test_calls_that_wait_now_and_then_are_no_part_that_waits_by_itself() -> None:
    """A process that stands still for a while now and then."""
    at = np.arange(2000)
    took = np.where(at % 500 < 125, 2.0, 0.05)
    assert apart.find(_flow(took), [(5.0, 20.0)], HEALTHY) is None


def _made(kind: str, profile: str, seed: int) -> Simulated:
    makers = {**fronts.MAKERS, **afar.MAKERS}
    return makers[kind](np.random.default_rng(seed), profile, True)


@pytest.mark.parametrize("kind", ["in_turn", "least_busy", "gateway"])
def test_systems_behind_a_balancer_or_a_proxy(kind: str) -> None:
    errors, inside = [], 0
    for seed in range(6):
        made = _made(kind, "stairs", seed)
        (found,) = saturation.find(made.data)
        assert found.capacity_jps is not None
        assert found.ci_jps is not None
        errors.append(abs(found.capacity_jps / made.truth - 1))
        inside += found.ci_jps[0] <= made.truth <= found.ci_jps[1]
    assert float(np.median(errors)) < 0.05
    assert inside >= 4


def test_who_goes_after_others_in_the_same_queue_is_no_part_of_its_own() -> None:
    for seed in range(4):
        made = _made("two_classes", "up_down", seed)
        (found,) = saturation.find(made.data)
        assert found.capacity_jps == pytest.approx(made.truth, rel=0.05)


def test_a_gateway_that_no_longer_waits_has_given_up_and_one_that_turns_away_has_not() -> None:
    took, good = np.full(200, 0.05), np.arange(200) < 150
    late = _flow(np.where(good, took, 2.0), good, status=504)
    assert len(late.given_up) == 50
    assert len(_flow(took, good, status=504).given_up) == 0
    assert len(_flow(np.where(good, took, 2.0), good, status=500).given_up) == 0


def test_the_smallest_group_of_a_valley_is_as_large_as_is_asked() -> None:
    took = np.sort(np.concatenate([np.full(950, 0.05), np.full(50, 2.0)]))
    assert direct.valley(took, 1000) is not None
    assert direct.valley(took, 1000, smallest=0.1) is None
