"""The parts of the search for the saturation point, each on data that a reader can judge."""

from dataclasses import replace

import numpy as np
import pytest

from runs.analysis.saturation import bend, direct, points, rate, refusals
from runs.analysis.saturation.balance import Baseline, Stage
from runs.analysis.saturation.bend import Points, Prior
from runs.analysis.saturation.direct import SHARES
from runs.analysis.saturation.flow import Flow, Segment

HEALTHY = Baseline(np.full(64, 0.05), 0.0)
NOTHING_KNOWN = Prior((0.90, 0.08, 0.01, 0.01), np.zeros(len(SHARES)))


def _points(pairs: list[tuple[float, float]], error: float = 0.5) -> Points:
    offered, goodput = (np.array(column) for column in zip(*pairs, strict=True))
    errors = np.full((len(SHARES), len(pairs)), error)
    return Points(offered, goodput, errors, offered > goodput + 1)


def test_goodput_that_stays_level_is_the_capacity() -> None:
    found = bend.find(_points([(40, 40), (60, 60), (80, 74), (100, 74), (120, 74)]), NOTHING_KNOWN)
    assert found.spread.capacity == pytest.approx(74, rel=0.005)
    assert found.weights[0] > 0.9


def test_goodput_that_rises_with_losses_is_followed_back_to_where_they_began() -> None:
    pairs = [(60.0, 60.0), (80, 80), (100, 90), (120, 100), (140, 110), (160, 120)]
    found = bend.find(_points(pairs), NOTHING_KNOWN)
    assert found.spread.capacity == pytest.approx(80, rel=0.02)
    assert found.weights[1] > 0.9
    assert found.share == pytest.approx(0.5, abs=0.03)


def test_goodput_below_what_was_sustained_before_means_that_throughput_falls() -> None:
    found = bend.find(_points([(60, 60), (90, 90), (110, 70), (130, 70)]), NOTHING_KNOWN)
    assert found.weights[2] + found.weights[3] > 0.9
    assert 88 <= found.spread.low <= found.spread.high <= 112


def _flow(took: list[float], good: list[bool]) -> Flow:
    due = np.arange(len(took)) / 100
    nothing = np.zeros(len(took), dtype=bool)
    zeros = np.zeros(len(took), dtype=np.int64)
    return Flow(
        due, due + np.array(took), np.array(good), nothing, nothing, nothing, zeros, zeros,
        zeros + 1, zeros,
    )  # fmt: skip


def test_fast_answers_that_come_back_in_full_are_the_share_served_directly() -> None:
    healthy = np.array(([0.003] * 6 + [0.1] * 4) * 100)
    overload = _flow(([0.003] * 6 + [2.0] * 4) * 60, ([True] * 6 + [True, False] * 2) * 60)
    likely = direct.likelihood(overload, [(0.0, 6.0)], healthy)
    assert SHARES[likely.argmax()] == pytest.approx(0.6, abs=0.03)
    assert likely[0] < -10


def test_what_a_stage_lost_is_lost_of_those_who_need_what_is_saturated() -> None:
    calls = _flow([0.05] * 1000, ([True] * 49 + [False]) * 20)
    stage = _stage(calls, 0.0, 10.0)
    noise = np.ones(len(SHARES))

    def lost(served: float) -> float:
        offered, goodput, _ = points._kept_up(calls, stage, HEALTHY, noise, served)
        return (offered - goodput) / offered

    assert lost(served=0.0) == pytest.approx(0.02, abs=0.002)
    assert lost(served=0.8) == pytest.approx(0.10, abs=0.01)


def _stage(calls: Flow, start: float, end: float) -> Stage:
    count = calls.due_in(start, end)
    return Stage(
        Segment("stage_01", start, end, False), (start, end), offered=count / (end - start),
        goodput=0.0, count=count, loss=0.0, sigmas=0.0, loss_before=0.0, sigmas_before=0.0,
        steadiness=0.0, is_lasting=False,
    )  # fmt: skip


def test_answers_that_all_wait_mean_that_nothing_is_served_directly() -> None:
    healthy = np.linspace(0.05, 0.15, 500)
    likely = direct.likelihood(_flow([3.0] * 600, [True] * 600), [(0.0, 6.0)], healthy)
    assert likely.argmax() == 0


def test_answers_that_are_thinned_out_evenly_mean_the_same() -> None:
    healthy = np.linspace(0.05, 0.15, 500)
    took = np.tile(np.linspace(0.05, 0.15, 100), 6).tolist()
    likely = direct.likelihood(_flow(took, [True, False] * 300), [(0.0, 6.0)], healthy)
    assert SHARES[likely.argmax()] <= 0.04


def test_too_few_answers_say_nothing_of_direct_service() -> None:
    likely = direct.likelihood(_flow([1.0] * 10, [True] * 10), [(0.0, 1.0)], np.ones(1000))
    assert (likely == 0).all()


def test_the_interval_of_a_rate_widens_when_answers_come_in_waves() -> None:
    regular = np.arange(0, 60, 0.01)
    waves = regular[np.sin(regular) > -0.5]
    assert rate.of(regular, [(0, 60)]).half < 0.2
    found = rate.of(waves, [(0, 60)])
    assert found.half > 0.15 * found.value


def test_the_share_that_comes_at_once_under_overload_is_counted() -> None:
    healthy = np.array(([0.003] * 6 + [0.1] * 4) * 100)
    overload = _flow(([0.003] * 6 + [2.0] * 4) * 60, ([True] * 6 + [True, False] * 2) * 60)
    found = direct.split(overload, [(0.0, 6.0)], healthy)
    assert found is not None
    assert found.share == pytest.approx(0.6, abs=0.01)
    assert 0.003 < found.threshold < 2.0
    assert 0 < found.error < 0.03


def test_who_waits_in_one_queue_with_all_others_is_not_served_directly() -> None:
    healthy = np.linspace(0.05, 0.15, 500)
    waited = _flow(([1.0] * 6 + [2.5] * 4) * 60, [True] * 600)
    assert direct.split(waited, [(0.0, 6.0)], healthy) is None


def _limited(identities: int, each_s: float, seconds: float = 60.0) -> Flow:
    """Every identity asks ten times a second, and gets one answer every `each_s` seconds."""
    count = int(seconds * 10)
    due = np.repeat(np.arange(count) / 10, identities)
    user = np.tile(np.arange(identities), count)
    place = np.repeat(np.arange(count), identities)
    admitted = place % round(10 * each_s) == 0
    nothing, zeros = np.zeros(len(due), dtype=bool), np.zeros(len(due), dtype=np.int64)
    return Flow(
        due, due + 0.01, admitted, ~admitted, nothing, nothing, user, zeros, zeros + 1, zeros
    )


@pytest.mark.parametrize("identities", [1, 7, 2000])
def test_admissions_between_refusals_give_the_limit_of_each_identity(identities: int) -> None:
    found = refusals.pace(_limited(identities, 0.5, 20.0), [(0.0, 20.0)], "per_identity")
    assert found is not None
    assert found[0] == pytest.approx(2 * identities, rel=0.03)


def test_a_burst_before_the_first_refusal_is_no_part_of_the_limit() -> None:
    flow = _limited(1, 0.5)
    burst = flow.due < 10
    first = Flow(**{**vars(flow), "good": flow.good | burst, "refused": flow.refused & ~burst})
    found = refusals.pace(first, [(0.0, 60.0)], "global")
    assert found is not None
    assert found[0] == pytest.approx(2, rel=0.03)


def test_without_refusals_there_is_no_limit_to_measure() -> None:
    flow = _limited(1, 0.1)
    assert refusals.pace(flow, [(0.0, 60.0)], "global") is None
    assert refusals.pace(flow, [(900.0, 960.0)], "per_identity") is None


HELD = np.array([0.003, 0.1] * 500)  # at low load every second call needs nothing of what is slow


def test_hits_that_wait_with_the_rest_are_told_by_what_fails_inside() -> None:
    """200/s are let in and wait for a worker; half of them are hits, and of the 100/s that need the
    pool every second one fails: the pool works off 50/s, as of 100/s with their hits."""
    took = [2.0, 2.0, 2.1, 4.0] * 1000
    good = [True, True, True, False] * 1000
    calls = _flow(took, good)
    calls = replace(calls, due=calls.due / 2, ended=calls.due / 2 + np.array(took))
    found = direct.beneath(calls, [(5.0, 15.0)], HELD, noise=5.0)
    assert found is not None
    assert found.share == pytest.approx(0.5, abs=0.01)
    assert found.capacity == pytest.approx(100, rel=0.03)


def test_where_nothing_fails_inside_nothing_is_said_of_hits_that_wait() -> None:
    calls = _flow([2.0] * 4000, [True] * 4000)
    assert direct.beneath(calls, [(5.0, 15.0)], HELD, noise=5.0) is None
    failing = _flow([2.0, 4.0] * 2000, [True, False] * 2000)
    alike = np.random.default_rng(1).uniform(0.08, 0.12, 1000)
    assert direct.beneath(failing, [(5.0, 15.0)], alike, noise=5.0) is None
