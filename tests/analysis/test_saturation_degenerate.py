"""Input that says little or nothing: inconclusive, with a reason, never an exception or a NaN."""

import math
from dataclasses import asdict, replace
from typing import Any

import polars as pl
import pytest

from runs.analysis import saturation
from runs.analysis.plan import Phase, Plan
from runs.analysis.run_data import RunData
from runs.analysis.saturation import Saturation
from tests.analysis import staircases
from tests.analysis.staircases import COLUMNS, row

STAIRS = staircases.stages([10.0, 20.0, 30.0])


def _is_sane(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_sane(one) for one in value.values())
    if isinstance(value, list | tuple):
        return all(_is_sane(one) for one in value)
    return not isinstance(value, float) or math.isfinite(value)


def _inconclusive(data: RunData) -> Saturation:
    found = saturation.find(data)[0]
    assert found.verdict == "inconclusive"
    assert found.capacity_jps is None
    assert found.explanation
    assert _is_sane(asdict(found))
    saturation.curve(data, "billing")
    return found


def test_no_samples() -> None:
    found = _inconclusive(staircases.run(STAIRS, []))
    assert "no journey was due" in found.explanation


def test_no_phases() -> None:
    data = RunData(
        staircases.run([], []).info, Plan(()), pl.DataFrame([], schema=COLUMNS),
        pl.DataFrame(), pl.DataFrame(),
    )  # fmt: skip
    assert saturation.find(data) == ()


def test_one_sample() -> None:
    found = _inconclusive(staircases.run(STAIRS, [row("stage_01", 1, 1.0, 1.1)]))
    assert "too few" in found.explanation


def test_one_stage() -> None:
    found = _inconclusive(staircases.queue([40.0]))
    assert "only one level of load" in found.explanation
    assert found.sustained_jps == 40.0


def test_all_failed() -> None:
    rows = [
        row(phase, i, due, due + 0.01, "server_error")
        for i, (phase, due) in enumerate(staircases.arrivals(STAIRS))
    ]
    found = _inconclusive(staircases.run(STAIRS, rows))
    assert "no journey succeeded" in found.explanation


def test_most_failed_at_every_load() -> None:
    rows = [
        row(phase, i, due, due + 0.01, "ok" if i % 4 == 0 else "server_error")
        for i, (phase, due) in enumerate(staircases.arrivals(STAIRS))
    ]
    found = _inconclusive(staircases.run(STAIRS, rows))
    assert "even at the lowest load" in found.explanation


def test_every_stage_the_same() -> None:
    found = _inconclusive(staircases.queue([40.0, 40.0, 40.0]))
    assert "only one level of load" in found.explanation


def test_all_at_the_same_moment() -> None:
    rows = [row("stage_01", i, 0.0, 0.0) for i in range(200)]
    saturation.find(staircases.run(STAIRS, rows))


def test_all_latencies_zero() -> None:
    rows = [row(phase, i, due, due) for i, (phase, due) in enumerate(staircases.arrivals(STAIRS))]
    (found,) = saturation.find(staircases.run(STAIRS, rows))
    assert found.verdict == "not_reached"


def test_a_gap_between_stages_is_no_loss() -> None:
    data = staircases.queue([20.0, 30.0, 40.0])
    late = {"stage_03": 60.0}
    phases = tuple(
        replace(
            phase,
            start_us=phase.start_us + round(late.get(phase.phase, 0) * 1e6),
            end_us=phase.end_us + round(late.get(phase.phase, 0) * 1e6),
        )
        for phase in data.plan.phases
    )
    moved = pl.when(pl.col("phase") == "stage_03").then(60_000_000).otherwise(0)
    samples = data.samples.with_columns(
        [(pl.col(name) + moved).alias(name) for name in ("due_us", "started_us", "ended_us")]
    )
    (found,) = saturation.find(
        replace(data, samples=samples, plan=replace(data.plan, phases=phases))
    )
    assert found.verdict == "not_reached"


def test_a_stage_without_samples_is_no_overload() -> None:
    data = staircases.queue([20.0, 30.0, 40.0, 50.0])
    samples = data.samples.filter(pl.col("phase") != "stage_02")
    (found,) = saturation.find(replace(data, samples=samples))
    assert found.verdict == "not_reached"
    assert _is_sane(asdict(found))


def test_stages_in_which_everything_fails_say_that_a_limit_was_reached_and_no_nonsense() -> None:
    data = staircases.queue([20.0, 30.0, 40.0, 50.0, 60.0])
    samples = data.samples.with_columns(
        outcome=pl.when(pl.col("phase") > "stage_03").then(pl.lit("timeout")).otherwise("outcome")
    )
    (found,) = saturation.find(replace(data, samples=samples))
    assert found.onset_jps == (40.0, 50.0)
    assert _is_sane(asdict(found))


@pytest.mark.parametrize("length_us", [0, 1])
def test_a_phase_without_length_is_left_out(length_us: int) -> None:
    data = staircases.queue([20.0, 30.0, 40.0])
    empty = Phase("billing", "nothing", 0, length_us, rate_from=5.0, rate_to=5.0)
    plan = replace(data.plan, phases=(empty, *data.plan.phases))
    saturation.find(replace(data, plan=plan))


def test_a_scenario_that_is_not_in_the_plan_has_no_curve() -> None:
    assert saturation.curve(staircases.queue([20.0, 30.0]), "nothing") == ()
