"""Whether a target works in turn or at the same time, and what that says of its capacity."""

import numpy as np
import pytest

from benchmarks.simulators import queues, unlike
from benchmarks.simulators.system import Simulated
from runs.analysis import saturation
from runs.analysis.saturation import Saturation, sharing
from runs.analysis.saturation.bracket import Bracket
from runs.analysis.saturation.flow import Floats, Flow

LOW, BUSY = (0.0, 50.0), (50.0, 80.0)
LOAD, OVERLOAD = 40.0, 150.0
CAPACITY, PROCESSORS = 100.0, 4


def _due() -> Floats:
    """40/s for 50 s, then 150/s for 30 s."""
    low = np.arange(*LOW, 1 / LOAD)
    return np.concatenate([low, np.arange(*BUSY, 1 / OVERLOAD)])


def _flow(due: Floats, ended: Floats) -> Flow:
    nothing = np.zeros(len(due), dtype=bool)
    number = np.zeros(len(due), dtype=np.int64)
    return Flow(due, ended, ~nothing, nothing, nothing, nothing, number, number, number, number)


def _work(size: int, cv: float = 1.0) -> Floats:
    return queues.lognormal(np.random.default_rng(5), 1.0, cv, size)


def _in_turn() -> Flow:
    due = _due()
    service = _work(len(due)) * PROCESSORS / CAPACITY
    ended, _ = queues.station(due, PROCESSORS, service, pace=np.ones(1))
    return _flow(due, ended)


def _at_once(cv: float) -> Flow:
    due = _due()
    speeds = [min(n, PROCESSORS) * CAPACITY / PROCESSORS for n in range(len(due) + 1)]
    return _flow(due, queues.shared(due, _work(len(due), cv), speeds))


def test_neighbours_that_wait_in_turn_differ_as_at_low_load() -> None:
    order = sharing.order(_in_turn(), [BUSY], [LOW])
    assert order.slower > 10
    assert order.wider == pytest.approx(1.0, abs=0.3)
    assert order.is_told
    assert not order.is_shared


def test_jobs_that_are_all_alike_do_not_tell_their_order() -> None:
    due = _due()
    service = np.full(len(due), PROCESSORS / CAPACITY)
    ended, _ = queues.station(due, PROCESSORS, service, pace=np.ones(1))
    order = sharing.order(_flow(due, ended), [BUSY], [LOW])
    assert not order.is_told
    assert order.wider < 1.5


def test_neighbours_whose_work_is_shared_differ_as_much_more_as_they_are_slower() -> None:
    order = sharing.order(_at_once(1.0), [BUSY], [LOW])
    assert order.slower > 10
    assert order.is_shared


def test_too_few_calls_tell_nothing_of_their_order() -> None:
    few = _flow(np.arange(5.0), np.arange(5.0) + 0.1)
    assert sharing.order(few, [(2.0, 5.0)], [(0.0, 2.0)]) == sharing.UNKNOWN
    assert sharing.find(few, [(2.0, 5.0)], [(0.0, 2.0)]) is None


@pytest.mark.parametrize("cv", [0.3, 1.4])
def test_shared_work_is_reckoned_however_goodput_misleads(cv: float) -> None:
    """Alike jobs come through more slowly than work is done, unlike ones faster."""
    flow = _at_once(cv)
    goodput = flow.answered_in(*BUSY) / (BUSY[1] - BUSY[0])
    assert abs(goodput / CAPACITY - 1) > 0.04
    found = sharing.find(flow, [BUSY], [LOW])
    assert found is not None
    assert found.capacity == pytest.approx(CAPACITY, rel=0.06)
    assert abs(found.capacity - CAPACITY) < 2.5 * found.error


def test_an_estimate_below_what_was_kept_up_with_is_lifted() -> None:
    bracket = Bracket(kept=90.0, lost=100.0, blur=0.02)
    found = bracket.weighed(70.0, 4.0)
    assert 83 < found.low < found.capacity < found.high < 104
    plain = bracket.alone()
    assert 86 < plain.low < plain.capacity < plain.high < 104


def test_what_is_answered_under_overload_is_sustained() -> None:
    without = Bracket(kept=50.0, lost=120.0, blur=0.02).weighed(70.0, 5.0)
    found = Bracket(kept=50.0, lost=120.0, blur=0.02, floor=95.0).weighed(70.0, 5.0)
    assert without.capacity < 75
    assert found.low > 90


def test_loads_far_apart_leave_much_open() -> None:
    assert Bracket(kept=60.0, lost=100.0, blur=0.02).is_wide
    assert not Bracket(kept=90.0, lost=100.0, blur=0.02).is_wide


def _found(made: Simulated) -> Saturation:
    return saturation.find(made.data)[0]


def test_one_spike_bounds_a_target_whose_calls_hinder_each_other_from_below() -> None:
    for seed in range(5):
        made = queues.contention(np.random.default_rng(seed), "spike", True)
        found = _found(made)
        assert found.bound == "lower"
        assert found.ci_jps is not None
        assert found.ci_jps[0] <= made.truth <= found.ci_jps[1]


def test_one_spike_is_enough_for_a_target_that_works_in_turn() -> None:
    found = [_found(queues.queue(np.random.default_rng(i), "spike", True)) for i in range(5)]
    assert all(one.bound == "exact" for one in found)


def test_the_capacity_of_cores_that_share_their_time_is_found() -> None:
    errors, inside = [], 0
    for seed in range(6):
        made = unlike.even(np.random.default_rng(seed), "geometric", True)
        found = _found(made)
        assert found.capacity_jps is not None
        assert found.ci_jps is not None
        errors.append(abs(found.capacity_jps / made.truth - 1))
        inside += found.ci_jps[0] <= made.truth <= found.ci_jps[1]
    assert float(np.median(errors)) < 0.05
    assert inside >= 5
