"""The row for the whole system: only where scenarios ran together, and only what they share."""

from heapq import heapreplace

import polars as pl

from runs.analysis import saturation
from runs.analysis.plan import Plan
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
