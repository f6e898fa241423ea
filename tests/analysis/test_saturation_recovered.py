"""Runs without a schedule, as other tools leave them: the load is that of what started."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from runs.analysis import saturation
from runs.analysis.plan import Phase, Plan
from runs.analysis.run_data import RunData
from runs.analysis.saturation import Saturation, recovered
from runs.analysis.saturation import flow as flows
from tests.analysis import staircases
from tests.analysis.staircases import row
from tests.analysis.test_saturation import STAIRS, closed_run


def _unscheduled(data: RunData) -> RunData:
    """As a reader of another tool's results gives it: one phase, nothing due, no journeys."""
    end_us = int(data.samples["ended_us"].max() or 0)  # type: ignore[call-overload]
    samples = data.samples.with_columns(
        due_us=pl.lit(None, pl.Int64),
        journey=pl.lit(None, pl.Int64),
        phase=pl.lit("plateau"),
    )
    return replace(data, samples=samples, plan=Plan((Phase("billing", "plateau", 0, end_us + 1),)))


def _found(data: RunData) -> Saturation:
    (found,) = saturation.find(_unscheduled(data))
    return found


def test_an_open_staircase_without_a_schedule_has_the_same_capacity() -> None:
    found = _found(staircases.queue(STAIRS, servers=4, service_s=0.054))
    truth = 4 / 0.054
    assert found.verdict == "reached"
    assert found.capacity_jps == pytest.approx(truth, rel=0.02)
    assert found.ci_jps is not None
    assert found.ci_jps[0] <= truth <= found.ci_jps[1]
    assert "Nothing was due" in found.explanation


def test_more_and_more_users_who_wait_show_the_capacity_by_what_is_in_flight() -> None:
    found = _found(closed_run([1, 2, 3, 4, 6, 8, 12, 16], servers=4, service_s=0.05))
    assert found.verdict == "reached"
    assert found.capacity_jps == pytest.approx(80, rel=0.03)
    assert found.ci_jps is not None
    assert found.ci_jps[0] <= 80 <= found.ci_jps[1]


def test_few_users_who_wait_do_not_look_like_a_limit() -> None:
    found = _found(closed_run([1, 2, 3, 4, 5, 6], servers=8, service_s=0.05))
    assert found.verdict == "not_reached"
    assert found.capacity_jps is None


def test_one_number_of_users_who_wait_says_nothing_of_the_limit() -> None:
    found = _found(closed_run([16, 16, 16, 16], servers=4, service_s=0.05))
    assert found.verdict == "inconclusive"
    assert found.capacity_jps is None
    assert found.explanation.startswith("Where billing saturates cannot be told")


def test_a_constant_open_load_that_is_kept_up_with_says_nothing_of_the_limit() -> None:
    found = _found(staircases.queue([40.0, 40.0, 40.0, 40.0], servers=4, service_s=0.054))
    assert found.verdict == "inconclusive"


@pytest.mark.parametrize("count", [0, 1, 2, 19])
def test_a_few_requests_without_a_schedule_are_inconclusive(count: int) -> None:
    rows = [row("plateau", None, i / 10, i / 10 + 0.05, due_us=None) for i in range(count)]
    plan = Plan((Phase("billing", "plateau", 0, 2_000_000),))
    data = replace(staircases.run([], rows), plan=plan)
    (found,) = saturation.find(data)
    assert found.verdict == "inconclusive"
    assert saturation.curve(data, "billing") is not None


def test_the_time_is_cut_where_the_rate_of_the_starts_changes() -> None:
    due = np.concatenate([np.arange(0, 20, 1 / 30), np.arange(20, 40, 1 / 60)])
    nothing, zeros = np.zeros(len(due), dtype=bool), np.zeros(len(due), dtype=np.int64)
    flow = flows.Flow(
        due, due + 0.01, ~nothing, nothing, nothing, nothing, zeros, zeros, zeros + 1, zeros
    )
    pieces = recovered.segments(flow, Phase("billing", "plateau", 0, 40_000_000))
    assert len(pieces) == 2
    assert pieces[0].end == pytest.approx(20, abs=1)
