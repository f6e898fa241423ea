"""The saturation point of simple stations, each with the capacity that follows from its parts."""

from dataclasses import replace

import polars as pl
import pytest

from runs.analysis import saturation
from runs.analysis.plan import Phase
from runs.analysis.run_data import RunData
from runs.analysis.saturation import Quota, Saturation
from tests.analysis import staircases
from tests.analysis.staircases import row

STAIRS = [20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 140.0, 160.0, 180.0]


def _found(data: RunData) -> Saturation:
    (found,) = saturation.find(data)
    return found


def test_a_queue_saturates_at_its_servers_over_their_service_time() -> None:
    found = _found(staircases.queue(STAIRS, servers=4, service_s=0.054))
    truth = 4 / 0.054
    assert found.verdict == "reached"
    assert found.bound == "exact"
    assert found.capacity_jps == pytest.approx(truth, rel=0.01)
    assert found.ci_jps is not None
    assert found.ci_jps[0] <= truth <= found.ci_jps[1]
    assert found.ci_jps[1] - found.ci_jps[0] < 0.06 * truth
    assert found.cause == "queue"
    assert found.onset_jps == (60.0, 80.0)
    assert found.sustained_jps == 60.0
    assert found.up_to_jps == 180.0


def test_twice_the_servers_have_twice_the_capacity() -> None:
    found = _found(staircases.queue(STAIRS, servers=8, service_s=0.054))
    assert found.capacity_jps == pytest.approx(8 / 0.054, rel=0.01)


def test_a_load_that_stays_below_the_capacity_reaches_nothing() -> None:
    found = _found(staircases.queue([10, 20, 30, 40, 50, 60, 66], servers=4, service_s=0.054))
    assert found.verdict == "not_reached"
    assert found.bound == "lower"
    assert (found.capacity_jps, found.ci_jps, found.onset_jps) == (None, None, None)
    assert found.sustained_jps == 66.0
    assert found.cause == "none"
    assert "up to 66 journeys/s" in found.explanation
    assert "66 to 132/s" in found.next_run


def test_one_load_that_only_a_part_was_answered_of_was_not_kept_up_with() -> None:
    """With nothing to hold it against, the saturation is open; that 260 were too many is not."""
    found = _found(staircases.queue([260.0]))
    assert (found.verdict, found.sustained_jps) == ("inconclusive", None)
    assert "kept up" not in found.explanation
    found = _found(staircases.queue([60.0]))
    assert found.sustained_jps == pytest.approx(60)


def test_the_sentence_names_capacity_interval_and_what_happens_beyond() -> None:
    found = _found(staircases.queue(STAIRS))
    assert found.explanation.startswith("billing saturates at 74")
    assert "from 80/s on goodput stays at" in found.explanation
    assert "while requests queue" in found.explanation


def test_headroom_is_capacity_over_the_stated_peak() -> None:
    found = _found(staircases.queue(STAIRS))
    assert found.headroom is not None
    assert found.headroom.peak_jps == 40.0
    assert found.headroom.ratio == pytest.approx(74.07 / 40, rel=0.01)
    below = _found(staircases.queue([10, 20, 30, 40, 50])).headroom
    assert below is not None
    assert below.ratio == pytest.approx(50 / 40)
    assert below.ci is not None
    assert below.ci[0] == pytest.approx(50 / 40)
    assert below.ci[1] is None


def test_a_token_bucket_is_a_rate_limit_for_everybody() -> None:
    found = _found(staircases.bucket(STAIRS, limit=60, users=5))
    assert found.verdict == "reached"
    assert found.capacity_jps == pytest.approx(60, rel=0.01)
    assert (found.cause, found.scope) == ("rate_limit", "global")
    assert "refused" in found.explanation


def test_a_token_bucket_for_each_user_is_told_from_one_for_everybody() -> None:
    found = _found(staircases.bucket(STAIRS, limit=60, burst=100, users=5, each=True))
    assert found.capacity_jps == pytest.approx(60, rel=0.05)
    assert (found.cause, found.scope) == ("rate_limit", "per_identity")


def test_with_one_identity_the_scope_of_a_limit_is_unknown() -> None:
    found = _found(staircases.bucket(STAIRS, limit=60, users=1))
    assert (found.cause, found.scope) == ("rate_limit", "unknown")


def test_the_size_and_length_of_a_quota_are_found_exactly() -> None:
    found = _found(staircases.window(STAIRS, size=500, length_s=10))
    assert found.cause == "quota"
    assert found.quota == Quota(500, 10.0)
    assert found.capacity_jps == pytest.approx(50)
    assert "500 requests in 10 s" in found.explanation


@pytest.mark.parametrize(
    ("in_turn", "each", "scope"),
    [(False, False, "global"), (True, False, "unknown"), (True, True, "unknown")],
)
def test_whose_a_quota_is_cannot_be_told_where_all_ask_alike(
    in_turn: bool, each: bool, scope: str
) -> None:
    stairs = [30.0, 50.0, 70.0, 90.0, 110.0, 130.0]
    found = _found(
        staircases.window(stairs, 400, 10, seconds=10, users=8, in_turn=in_turn, each=each)
    )
    assert found.quota == Quota(400, 10.0)
    assert found.scope == scope


def test_a_quota_of_which_no_two_windows_were_seen_has_no_number() -> None:
    found = _found(staircases.window(STAIRS, size=4000, length_s=3600))
    assert (found.verdict, found.cause) == ("reached", "quota")
    assert found.quota == Quota(None, None)
    assert found.capacity_jps is None
    assert "cannot be told" in found.explanation
    assert "two of its windows" in found.next_run


def test_cache_hits_that_are_still_served_are_not_taken_for_capacity() -> None:
    rates = [20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 75.0, 90.0, 105.0, 120.0, 135.0, 150.0]
    found = _found(staircases.cached(rates, hit_every=2, servers=4, service_s=0.1))
    truth = 4 / 0.1 * 2
    assert found.capacity_jps == pytest.approx(truth, rel=0.03)
    assert found.ci_jps is not None
    assert found.ci_jps[0] <= truth <= found.ci_jps[1]
    assert "goodput still rises" in found.explanation


def test_capacity_in_requests_is_that_of_all_steps_of_a_journey() -> None:
    data = staircases.queue(STAIRS, servers=4, service_s=0.054)
    first = data.samples.with_columns(step=pl.lit("login"), ended_us=pl.col("due_us"))
    found = _found(replace(data, samples=pl.concat([first, data.samples])))
    assert found.capacity_jps == pytest.approx(4 / 0.054, rel=0.015)
    assert found.capacity_rps == pytest.approx(2 * 4 / 0.054, rel=0.015)


def test_declared_warm_up_is_not_looked_at() -> None:
    data = staircases.queue([20, 30, 40, 50, 60])
    slow = data.samples.with_columns(
        outcome=pl.when(pl.col("due_us") < 2_000_000)
        .then(pl.lit("server_error"))
        .otherwise("outcome")
    )
    first, *others = data.plan.phases
    plan = replace(data.plan, phases=(replace(first, warm_up_us=2_000_000), *others))
    assert _found(replace(data, samples=slow, plan=plan)).verdict == "not_reached"


def test_users_in_a_closed_model_saturate_where_more_of_them_bring_no_more() -> None:
    found = _found(closed_run([1, 2, 3, 4, 6, 8, 12, 16], servers=4, service_s=0.05))
    assert found.verdict == "reached"
    assert found.capacity_jps == pytest.approx(80, rel=0.02)
    assert "closed model" in found.explanation


def test_few_users_in_a_closed_model_reach_nothing() -> None:
    found = _found(closed_run([1, 2, 3, 4], servers=8, service_s=0.05))
    assert found.verdict == "not_reached"
    assert found.sustained_jps == pytest.approx(80, rel=0.02)


def test_a_ramp_of_users_is_looked_at_in_pieces_and_never_as_so_many_all_along() -> None:
    """From 1 to 20 users at 4 servers; a twentieth that join each two seconds."""
    ramp = Phase("billing", "ramp_up", 0, 40_000_000, "closed", users=20, users_from=0, users_to=20)
    rows = asked_by([2.0 * user + 1 for user in range(20)], until=40.0)
    found = _found(staircases.run([ramp], rows))
    assert found.verdict == "reached"
    assert found.capacity_jps == pytest.approx(80, rel=0.03)
    few = replace(ramp, users=4, users_to=4)
    found = _found(staircases.run([few], asked_by([5.0, 15.0, 25.0, 35.0], until=40.0)))
    assert found.verdict != "reached"


def asked_by(joining: list[float], until: float) -> list[staircases.Row]:
    """Users without a pause, who join at these seconds and are served by four in 50 ms."""
    free, asking = [0.0] * 4, sorted(joining)
    rows: list[staircases.Row] = []
    while asking[0] < until:
        due = asking[0]
        ended = max(due, free[0]) + 0.05
        free, asking = sorted([*free[1:], ended]), sorted([*asking[1:], ended])
        rows.append(row("ramp_up", len(rows), due, ended))
    return rows


def test_the_curve_has_a_point_for_each_stage() -> None:
    points = saturation.curve(staircases.queue(STAIRS), "billing")
    assert [point.phase for point in points] == [f"stage_{i:02d}" for i in range(1, 10)]
    assert [point.offered_jps for point in points] == pytest.approx(STAIRS)
    assert [point.is_overloaded for point in points] == [False] * 3 + [True] * 6
    assert points[0].goodput_jps == pytest.approx(20, rel=0.02)
    assert points[0].p50_ms == pytest.approx(54)
    assert points[-1].goodput_jps == pytest.approx(74, rel=0.02)
    assert points[0].goodput_ci is not None


def test_a_ramp_is_looked_at_in_pieces() -> None:
    ramp = Phase("billing", "ramp_up", 0, 40_000_000, rate_from=0.0, rate_to=160.0)
    free, rows = [0.0] * 4, []
    for journey in range(3200):
        due = (journey / 2) ** 0.5
        ended = max(due, free[0]) + 0.054
        free = sorted([*free[1:], ended])
        rows.append(row("ramp_up", journey, due, ended))
    found = _found(staircases.run([ramp], rows))
    assert found.verdict == "reached"
    assert found.capacity_jps == pytest.approx(74.07, rel=0.03)


def closed_run(users: list[int], servers: int, service_s: float) -> RunData:
    """Users without a pause, each stage 5 s; all finish with the stage."""
    phases, rows, journey = [], [], 0
    for i, count in enumerate(users):
        start, end = 5.0 * i, 5.0 * (i + 1)
        name = f"stage_{i + 1:02d}"
        phases.append(
            Phase("billing", name, round(start * 1e6), round(end * 1e6), "closed", users=count)
        )
        free, asking = [start] * servers, [start] * count
        while asking[0] < end:
            due = asking[0]
            ended = max(due, free[0]) + service_s
            free = sorted([*free[1:], ended])
            asking = sorted([*asking[1:], ended])
            rows.append(row(name, journey, due, ended))
            journey += 1
    return staircases.run(phases, rows)


def test_a_spike_whose_backlog_is_worked_off_afterwards_tells_the_capacity_from_both() -> None:
    found = _found(staircases.queue([20, 40, 50, 150, 30, 30], servers=4, service_s=0.054))
    assert found.capacity_jps == pytest.approx(4 / 0.054, rel=0.01)


def test_stages_that_begin_with_the_backlog_of_a_higher_load_are_no_onset() -> None:
    found = _found(staircases.queue([20, 40, 60, 150, 70, 65, 40], servers=4, service_s=0.054))
    assert found.capacity_jps == pytest.approx(4 / 0.054, rel=0.02)
    assert found.onset_jps == (70.0, 150.0)


def test_an_open_staircase_after_users_who_wait_is_one_answer() -> None:
    """A closed plateau that stays below, then an open load that does not."""
    waiting = closed_run([1, 2, 2], servers=4, service_s=0.054)
    opened = staircases.queue(STAIRS, servers=4, service_s=0.054)
    shift = 20_000_000
    samples = opened.samples.with_columns(
        [(pl.col(name) + shift).alias(name) for name in ("due_us", "started_us", "ended_us")],
        journey=pl.col("journey") + 10**6,
        phase="open_" + pl.col("phase"),
    )
    phases = tuple(
        replace(p, phase=f"open_{p.phase}", start_us=p.start_us + shift, end_us=p.end_us + shift)
        for p in opened.plan.phases
    )
    both = replace(
        waiting,
        samples=pl.concat([waiting.samples, samples]),
        plan=replace(waiting.plan, phases=(*waiting.plan.phases, *phases)),
    )
    found = _found(both)
    assert found.verdict == "reached"
    assert found.capacity_jps == pytest.approx(4 / 0.054, rel=0.01)


@pytest.mark.parametrize(
    ("growth", "lasts"), [(1.0, 0.89), (0.4, 1.83), (None, None), (0.001, None)]
)
def test_headroom_lasts_until_the_peak_has_grown_into_it(
    growth: float | None, lasts: float | None
) -> None:
    data = staircases.queue(STAIRS)
    found = _found(replace(data, plan=replace(data.plan, growth_per_year=growth)))
    assert found.headroom is not None
    assert found.headroom.lasts_years == (lasts and pytest.approx(lasts, abs=0.05))
    if growth is not None:
        assert "the headroom lasts for" in found.explanation
    if lasts is not None:
        assert found.headroom.lasts_years_ci is not None
        low, high = found.headroom.lasts_years_ci
        assert low is not None
        assert high is not None
        assert low < lasts + 0.05
        assert high > lasts - 0.05


def test_two_loads_are_enough_to_see_a_limit_between_them() -> None:
    """What fails at the upper one is not taken for the target's own failures."""
    found = _found(staircases.bucket([30, 80], limit=60.0, seconds=6.0))
    assert (found.verdict, found.cause) == ("reached", "rate_limit")
    assert found.capacity_jps == pytest.approx(60, rel=0.02)
    assert found.onset_jps == (30.0, 80.0)


def test_a_target_that_fails_as_often_at_any_load_is_not_saturated() -> None:
    phases = staircases.stages([30, 60, 90], 6.0)
    rows = [
        row(phase, number, due, due + 0.02, "server_error" if number % 10 == 3 else "ok")
        for number, (phase, due) in enumerate(staircases.arrivals(phases))
    ]
    assert _found(staircases.run(phases, rows)).verdict == "not_reached"
