"""The row for the whole system: only where scenarios ran together, and only what they share."""

from dataclasses import replace
from heapq import heapreplace

import polars as pl
import pytest

from runs.analysis import saturation
from runs.analysis.plan import Phase, Plan
from runs.analysis.run_data import RunData
from tests.analysis import staircases
from tests.analysis.staircases import row

STAIRS = [20.0, 40.0, 60.0, 80.0, 100.0, 120.0]


def _together(*runs: RunData) -> RunData:
    phases = tuple(phase for run in runs for phase in run.plan.phases)
    samples = pl.concat([run.samples for run in runs])
    return RunData(runs[0].info, Plan(phases), samples, runs[0].readings, runs[0].health)


def _named(data: RunData, scenario: str) -> RunData:
    phases = tuple(
        staircases.stages([p.rate_from or 0 for p in data.plan.phases], scenario=scenario)
    )
    samples = data.samples.with_columns(scenario=pl.lit(scenario))
    return RunData(data.info, Plan(phases), samples, data.readings, data.health)


def _shared_pool(rates: list[float], servers: int, service_s: float) -> RunData:
    """Two scenarios at the same rates, which wait for the same servers."""
    chat, billing = (staircases.stages(rates, scenario=name) for name in ("chat", "billing"))
    free, rows = [0.0] * servers, []
    for journey, (phase, due) in enumerate(staircases.arrivals(chat)):
        for name in ("chat", "billing"):
            ended = max(due, free[0]) + service_s
            heapreplace(free, ended)
            rows.append(row(phase, journey, due, ended, scenario=name))
    return staircases.run([*chat, *billing], rows)


def test_one_scenario_alone_has_no_row_for_the_system() -> None:
    assert [one.scenario for one in saturation.find(staircases.queue(STAIRS))] == ["billing"]


def test_scenarios_that_share_a_pool_saturate_together() -> None:
    found = saturation.find(_shared_pool([10, 20, 30, 40, 50, 60, 70], 4, 0.054))
    assert [one.scenario for one in found] == ["chat", "billing", None]
    whole = found[-1]
    assert whole.verdict == "reached"
    assert whole.ci_jps is not None
    assert whole.ci_jps[0] <= 4 / 0.054 <= whole.ci_jps[1]
    assert "chat and billing" in whole.explanation


def test_a_limit_of_one_scenario_is_not_the_systems() -> None:
    b2b = _named(staircases.bucket(STAIRS, limit=60), "b2b")
    chat = _named(staircases.queue([10, 10, 10, 10, 10, 10]), "chat")
    whole = saturation.find(_together(b2b, chat))[-1]
    assert whole.scenario is None
    assert whole.verdict == "not_reached"
    assert whole.sustained_jps is None
    assert "b2b" in whole.explanation


def test_scenarios_that_all_keep_up_reach_nothing_together() -> None:
    chat = _named(staircases.queue([10, 20, 30, 40, 50, 60]), "chat")
    other = _named(staircases.queue([10, 20, 30, 40, 50, 60]), "other")
    whole = saturation.find(_together(chat, other))[-1]
    assert (whole.verdict, whole.sustained_jps) == ("not_reached", 120.0)


def test_the_row_of_the_whole_has_requests_and_headroom_at_the_mix_of_the_peaks() -> None:
    data = _shared_pool([10, 20, 30, 40, 50, 60, 70], 4, 0.054)
    peaks = {"chat": 20.0, "billing": 20.0}
    whole = saturation.find(replace(data, plan=replace(data.plan, peak_jps=peaks)))[-1]
    assert whole.capacity_rps == whole.capacity_jps
    assert whole.headroom is not None
    assert whole.headroom.ratio == pytest.approx(4 / 0.054 / 40, rel=0.02)


def test_peaks_at_another_mix_say_nothing_of_the_wholes_headroom() -> None:
    data = _shared_pool([10, 20, 30, 40, 50, 60, 70], 4, 0.054)
    peaks = {"chat": 35.0, "billing": 5.0}
    whole = saturation.find(replace(data, plan=replace(data.plan, peak_jps=peaks)))[-1]
    assert whole.verdict == "reached"
    assert whole.headroom is None


def test_users_of_several_scenarios_who_wait_saturate_what_they_share() -> None:
    counts = [1, 2, 3, 4, 6, 8, 12]
    phases, rows, free, journey = [], [], [0.0] * 4, 0
    for i, count in enumerate(counts):
        start, end = 5.0 * i, 5.0 * (i + 1)
        stage = f"stage_{i + 1:02d}"
        asking = []
        for name in ("chat", "billing"):
            phases.append(
                Phase(name, stage, round(start * 1e6), round(end * 1e6), "closed", users=count)
            )
            asking += [(start, name)] * count
        free = [max(one, start) for one in free]
        while asking:
            asking.sort()
            due, name = asking.pop(0)
            if due >= end:
                break
            ended = max(due, min(free)) + 0.05
            free[free.index(min(free))] = ended
            rows.append(row(stage, journey, due, ended, scenario=name))
            asking.append((ended, name))
            journey += 1
    found = saturation.find(staircases.run(phases, rows))
    assert [one.scenario for one in found] == ["chat", "billing", None]
    assert found[-1].verdict == "reached"
    assert found[-1].capacity_jps == pytest.approx(80, rel=0.03)
    assert "closed model" in found[-1].explanation
