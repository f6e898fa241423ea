"""When a run may be believed: the generator's faults are told from the target's."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from runs.analysis import validity
from runs.analysis.plan import Phase
from runs.analysis.run_data import Fidelity, RunData, RunInfo, RunState
from runs.analysis.validity import Validity
from runs.formats import health
from tests.analysis.made_runs import SECOND, healthy, phase, queue, requests, run, steady

MINUTE = [phase(60, 20)]


def codes(found: Validity) -> list[str]:
    return [reason.code for reason in found.reasons]


def minute(late_ms: float | np.ndarray = 0.0, **more: Any) -> RunData:
    """A minute at 20/s, answered in 100 ms."""
    due = steady(60, 20)
    return run(requests(due, 100.0 + np.asarray(late_ms), late_ms=late_ms, **more), phases=MINUTE)


def late(share: float, by_ms: float) -> np.ndarray:
    delays = np.zeros(1200)
    delays[: round(1200 * share)] = by_ms
    return delays


def test_a_run_that_kept_its_schedule_is_valid() -> None:
    assert validity.judge(minute()) == Validity("valid")


def test_a_healthy_generator_leaves_it_valid() -> None:
    data = replace(minute(), health=healthy(60))
    assert validity.judge(data) == Validity("valid")


@pytest.mark.parametrize(
    ("share", "by_ms", "verdict"),
    [
        (0.005, 50, "valid"),  # a hiccup
        (0.04, 0.9, "valid"),  # under 1 % of p99
        (0.04, 9, "suspect"),  # under 10 ms, but p99 is 9 % off
        (0.04, 50, "suspect"),
        (0.06, 50, "invalid"),
        (1.0, 0.15, "valid"),
        (1.0, 12, "invalid"),
    ],
)
def test_requests_that_left_late_make_a_run_suspect_and_then_invalid(
    share: float, by_ms: float, verdict: str
) -> None:
    found = validity.judge(minute(late(share, by_ms)))
    assert found.verdict == verdict
    assert set(codes(found)) == (set() if verdict == "valid" else {"schedule_not_kept"})


def test_the_sentence_has_the_numbers() -> None:
    found = validity.judge(minute(late(0.04, 50)))
    assert found.reasons[0].phase == "plateau"
    assert found.reasons[0].detail == (
        "The generator fell behind: 4 % of the requests of chat left more than 10 ms late."
    )


def test_late_is_measured_against_what_the_target_takes() -> None:
    """20 ms more or less do not matter to answers of two seconds."""
    data = run(requests(steady(60, 20), 2020, late_ms=20), phases=MINUTE)
    assert validity.judge(data).verdict == "valid"


def test_a_few_late_requests_that_move_p99_are_told() -> None:
    data = run(requests(steady(60, 20), 20.0 + late(0.05, 8), late_ms=late(0.05, 8)), phases=MINUTE)
    found = validity.judge(data)
    assert found.verdict == "suspect"
    assert "p99 of chat is 28 ms, and would be 20 ms" in found.reasons[0].detail


def test_lateness_may_move_p99_of_a_fast_target_by_half_a_millisecond_and_no_more() -> None:
    for by_ms, verdict in ((0.4, "valid"), (0.6, "suspect")):
        delays = late(0.05, by_ms)
        data = run(requests(steady(60, 20), 5.0 + delays, late_ms=delays), phases=MINUTE)
        assert validity.judge(data).verdict == verdict


def test_one_late_request_of_a_short_smoke_is_no_reason() -> None:
    data = run(requests(steady(10, 2), 100, late_ms=[*[0.0] * 19, 80.0]), phases=[phase(10, 2)])
    assert validity.judge(data).verdict == "valid"


def test_lateness_in_the_warm_up_is_outside_the_figures() -> None:
    data = minute(late(0.15, 50))
    phases = [phase(60, 20, warm_up_us=10 * SECOND)]
    assert (
        validity.judge(replace(data, plan=replace(data.plan, phases=tuple(phases)))).verdict
        == "valid"
    )


def test_a_saturated_target_is_no_fault_of_the_generators() -> None:
    """Twice what two servers can do: waits of half a minute, and all left on time."""
    due = steady(60, 20)
    ends = queue(due, np.full(1200, 0.2), 2)
    data = run(requests(due, (ends - due) * 1000), phases=MINUTE)
    assert validity.judge(replace(data, health=healthy(60))).verdict == "valid"


def test_drops_by_max_in_flight_are_the_loads() -> None:
    ends = ["ok"] * 800 + ["dropped"] * 400
    assert validity.judge(minute(outcome=ends)).verdict == "valid"


def test_drops_because_the_generator_was_late_are_the_generators() -> None:
    ends = ["ok"] * 1100 + ["dropped"] * 100
    found = validity.judge(minute(np.array([0.0] * 1100 + [150.0] * 100), outcome=ends))
    assert found.verdict == "invalid"
    assert codes(found) == ["schedule_not_kept"]


@pytest.mark.parametrize(("lost", "verdict"), [(6, "valid"), (24, "suspect"), (120, "invalid")])
def test_requests_that_the_generator_lost(lost: int, verdict: str) -> None:
    ends = ["generator_error"] * lost + ["ok"] * (1200 - lost)
    found = validity.judge(minute(outcome=ends))
    assert found.verdict == verdict
    assert codes(found) == ([] if verdict == "valid" else ["generator_limited"])


def test_a_part_of_the_load_that_lacks_is_suspect_and_invalid_when_the_workers_say_so() -> None:
    data = run(requests(steady(60, 15), 100), phases=MINUTE)
    assert validity.judge(data).verdict == "suspect"
    behind = healthy(60, wanted=20, reached=15)
    found = validity.judge(replace(data, health=behind))
    assert found.verdict == "invalid"
    assert found.reasons[0].detail.startswith("900 of 1,200 planned journeys of chat began")


def test_random_arrivals_are_not_missing_ones() -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        due = np.sort(rng.uniform(0, 60, rng.poisson(1200)))
        assert validity.judge(run(requests(due, 100), phases=MINUTE)).verdict == "valid"


def test_other_tools_without_a_schedule_miss_nothing() -> None:
    data = run(requests(steady(60, 10), 100), phases=MINUTE)
    info = replace(data.info, fidelity=Fidelity(schedule=False))
    assert validity.judge(replace(data, info=info)).verdict == "valid"


@pytest.mark.parametrize(
    ("seconds", "busy", "verdict"),
    [
        (60, {"cpu_process": 1.0}, "valid"),  # busy, and on time nevertheless
        (60, {"loop_lag_us": 40_000}, "valid"),  # a lag that cost nothing; samples tell better
        (5, {"cpu_process": 1.0, "loop_lag_us": 40_000}, "valid"),
        (12, {"cpu_process": 1.0, "loop_lag_us": 40_000}, "suspect"),
        (12, {"cpu_machine": 0.99, "delay_p99_us": 15_000}, "suspect"),
        (12, {"cpu_steal": 0.3, "loop_lag_us": 40_000}, "suspect"),
        (40, {"cpu_process": 1.0, "loop_lag_us": 40_000}, "invalid"),
    ],
)
def test_a_full_processor_counts_where_the_loop_was_late(
    seconds: int, busy: dict[str, float], verdict: str
) -> None:
    calm = healthy(60)
    rows = pl.concat([healthy(seconds, **busy), calm.slice(seconds)])
    found = validity.judge(replace(minute(), health=rows))
    assert found.verdict == verdict
    assert set(codes(found)) <= {"generator_limited"}


@pytest.mark.parametrize(("seconds", "verdict"), [(1, "suspect"), (2, "suspect"), (3, "invalid")])
def test_one_busy_second_does_not_undo_a_short_run_that_left_on_time(
    seconds: int, verdict: str
) -> None:
    busy = healthy(seconds, cpu_machine=0.98, loop_lag_us=23_000)
    frame = requests(steady(seconds, 20), 100)
    found = validity.judge(replace(run(frame, phases=[phase(seconds, 20)]), health=busy))
    assert (found.verdict, codes(found)) == (verdict, ["generator_limited"])


def test_the_coordinator_may_be_as_busy_as_it_likes() -> None:
    rows = healthy(60, worker=health.COORDINATOR, cpu_process=1.0, loop_lag_us=90_000)
    assert validity.judge(replace(minute(), health=rows)).verdict == "valid"


@pytest.mark.parametrize(
    ("seconds", "lag_us", "verdict"),
    [
        (5, 40_000, "valid"),
        (12, 40_000, "suspect"),
        (40, 40_000, "invalid"),
        (60, 9_000, "suspect"),
        (60, 4_000, "valid"),
    ],
)
def test_with_users_a_loop_that_stands_still_is_the_only_sign(
    seconds: int, lag_us: int, verdict: str
) -> None:
    """A request is due when the answer before it was read, however late that was."""
    users = Phase("chat", "plateau", 0, 60 * SECOND, model="closed", users=10)
    frame = requests(steady(60, 20), 100, due_by=["previous"] * 1200)
    rows = pl.concat([healthy(seconds, loop_lag_us=lag_us), healthy(60).slice(seconds)])
    found = validity.judge(replace(run(frame, phases=[users]), health=rows))
    assert found.verdict == verdict
    assert set(codes(found)) <= {"generator_limited"}


def test_a_late_second_or_two_of_a_short_run_with_users_are_at_most_suspect() -> None:
    users = Phase("chat", "plateau", 0, 2 * SECOND, model="closed", users=10)
    frame = requests(steady(2, 20), 100, due_by=["previous"] * 40)
    rows = healthy(2, loop_lag_us=40_000)
    found = validity.judge(replace(run(frame, phases=[users]), health=rows))
    assert (found.verdict, codes(found)) == ("suspect", ["generator_limited"])


@pytest.mark.parametrize(("lag_us", "verdict"), [(900_000, "valid"), (1_600_000, "suspect")])
def test_a_coordinator_that_a_slow_disk_holds_up_is_told_of(lag_us: int, verdict: str) -> None:
    rows = healthy(60, worker=health.COORDINATOR, loop_lag_us=lag_us)
    found = validity.judge(replace(minute(), health=rows))
    assert found.verdict == verdict
    if verdict == "suspect":
        assert codes(found) == ["generator_limited"]
        assert "held up for 1.6 s, by a slow disk" in found.reasons[0].detail


def two_phases(until_s: float, state: RunState) -> RunData:
    phases = [phase(30, 20), phase(30, 20, start_s=30, name="spike")]
    due = steady(60, 20)
    due = due[due < until_s]
    first, second = due[due < 30], due[due >= 30]
    frames = [requests(first, 100)]
    if len(second):
        frames.append(requests(second, 100, phase="spike"))
    return run(*frames, phases=phases, state=state)


@pytest.mark.parametrize(
    ("until_s", "state", "verdict"),
    [
        (60, "complete", "valid"),
        (55, "interrupted", "suspect"),
        (55, "incomplete", "suspect"),
        (20, "interrupted", "invalid"),
        (35, "incomplete", "invalid"),
    ],
)
def test_a_run_that_ended_early_is_invalid_where_a_phase_hardly_ran(
    until_s: float, state: RunState, verdict: str
) -> None:
    found = validity.judge(two_phases(until_s, state))
    assert found.verdict == verdict
    assert codes(found) == ([] if verdict == "valid" else ["aborted"])
    if verdict == "invalid":
        assert "spike did not run, or hardly" in found.reasons[0].detail


def test_times_that_run_backwards_are_a_clock_that_jumped() -> None:
    data = minute()
    broken = data.samples.with_columns(
        ended_us=pl.when(pl.int_range(pl.len()) < 2).then(0).otherwise("ended_us") - 1
    )
    found = validity.judge(replace(data, samples=broken))
    assert (found.verdict, codes(found)) == ("suspect", ["clock_jump"])
    early = data.samples.with_columns(started_us=pl.col("due_us") - 50_000)
    assert validity.judge(replace(data, samples=early)).verdict == "invalid"


def test_a_generator_that_was_stopped_shows_as_silence() -> None:
    rows = healthy(60).filter(~pl.col("t_us").is_between(20 * SECOND, 26 * SECOND))
    found = validity.judge(replace(minute(), health=rows))
    assert (found.verdict, codes(found)) == ("suspect", ["clock_jump"])
    assert found.reasons[0].detail.startswith("Worker 0 was silent for 8 s")


def test_too_few_samples_are_at_most_suspect() -> None:
    found = validity.judge(run(requests(steady(10, 1), 100), phases=[phase(10, 1)]))
    assert (found.verdict, codes(found)) == ("suspect", ["too_few_samples"])
    assert found.reasons[0].detail == "chat/send has 10 samples: p95 needs at least 20."
    nothing = validity.judge(run(phases=[phase(10, 1)]))
    assert (nothing.verdict, codes(nothing)) == ("suspect", ["too_few_samples"])


def test_hundreds_of_steps_with_few_samples_are_told_of_in_one_sentence() -> None:
    steps = [requests(steady(10, 1), 100, step=f"step-{at}") for at in range(300)]
    found = validity.judge(run(*steps, phases=[phase(10, 1)]))
    assert [reason.detail for reason in found.reasons] == [
        "300 steps of chat have fewer than 20 samples: p95 needs at least 20."
    ]


def test_a_target_that_failed_from_the_first_request() -> None:
    ends = ["server_error"] * 15 + ["ok"] * 1185
    found = validity.judge(minute(outcome=ends))
    assert (found.verdict, codes(found)) == ("suspect", ["target_unhealthy_before"])
    assert "15 of the first 20 requests failed" in found.reasons[0].detail


def test_a_warm_up_inside_the_plateau() -> None:
    due = steady(60, 20)
    noise = np.random.default_rng(1).normal(0, 5, 1200)
    found = validity.judge(run(requests(due, np.where(due < 10, 200, 80) + noise), phases=MINUTE))
    assert (found.verdict, codes(found)) == ("suspect", ["warm_up_inside"])
    declared = [phase(60, 20, warm_up_us=10 * SECOND)]
    data = run(requests(due, np.where(due < 10, 200, 80) + noise), phases=declared)
    assert validity.judge(data).verdict == "valid"


def test_a_plateau_close_to_saturation_is_not_taken_for_a_warm_up() -> None:
    """Queues at 85 % of their capacity wander; two in a hundred may be flagged at most."""
    flagged = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        due = np.sort(rng.uniform(0, 60, 1200))
        ends = queue(due, rng.exponential(0.085, 1200), 2)
        data = run(requests(due, (ends - due) * 1000), phases=MINUTE)
        flagged += "warm_up_inside" in codes(validity.judge(data))
    assert flagged <= 2


def test_a_storm_of_errors_is_suspect() -> None:
    found = validity.judge(minute(outcome="connection_error"))
    assert found.verdict == "suspect"
    assert set(codes(found)) == {"error_storm", "target_unhealthy_before"}


def test_the_closed_model_is_judged_by_what_follows_an_answer() -> None:
    users = Phase("chat", "plateau", 0, 60 * SECOND, model="closed", users=10)
    for by_ms, verdict in ((0.0, "valid"), (50.0, "invalid")):
        frame = requests(steady(60, 20), 100 + by_ms, late_ms=by_ms, due_by=["previous"] * 1200)
        assert validity.judge(run(frame, phases=[users])).verdict == verdict


def test_the_worst_reason_comes_first() -> None:
    data = minute(late(0.06, 50), outcome=["server_error"] * 15 + ["ok"] * 1185)
    found = validity.judge(data)
    assert codes(found) == ["schedule_not_kept", "target_unhealthy_before"]
    assert found.verdict == "invalid"


def test_other_programs_samples_need_only_the_six_columns() -> None:
    data = minute()
    bare = data.samples.select("scenario", "step", "phase", "started_us", "ended_us", "outcome")
    assert validity.judge(replace(data, samples=bare)).verdict == "valid"


def test_an_empty_run_without_a_plan_is_not_an_exception() -> None:
    assert validity.judge(run(phases=[])).verdict == "valid"
    info = RunInfo("r", "made", None, None, state="incomplete")
    assert validity.judge(replace(run(phases=[phase(10, 10)]), info=info)).verdict == "invalid"
