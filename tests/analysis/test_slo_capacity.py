"""The highest load that met the criteria, asked of every phase with a constant load."""

from dataclasses import replace

import pytest

from runs.analysis import report, saturation, slo_capacity
from runs.analysis.run_data import RunData
from tests.analysis import made_runs, staircases
from tests.analysis.test_saturation import STAIRS

# Four servers of 54 ms: 20, 40 and 60/s are kept up with.
SERVICE_MS = 54


def _with(*criteria: str) -> RunData:
    data = staircases.queue(STAIRS, servers=4, service_s=SERVICE_MS / 1000)
    return replace(data, plan=replace(data.plan, criteria=criteria))


def _highest(*criteria: str) -> float | None:
    data = _with(*criteria)
    points = slo_capacity.added(saturation.find(data), saturation.kept_up(data), data)
    return points[0].slo_capacity_jps


@pytest.mark.parametrize(
    ("criteria", "highest"),
    [
        (("p95(billing/usage@stage_01) < 60ms",), 60.0),
        (("p95(*@stage_01) < 60ms",), 60.0),
        (("p95(billing/usage@stage_01) < 50ms",), None),
        (("p95(billing/usage@stage_01) < 60ms", "error_rate(*@stage_02) < 1%"), 60.0),
        (("p95(billing/usage@stage_01) < 60ms and p50(billing@stage_01) < 50ms",), None),
        (("not p50(billing@stage_01) < 50ms",), 60.0),
        # What speaks of the load itself, or of a baseline, says nothing of what is good enough.
        (("throughput(billing@stage_01) > 1000/s",), None),
        (("p95(billing/usage@stage_01) < 1.1 * baseline",), None),
        (("this is no criterion",), None),
        ((), None),
    ],
)
def test_the_highest_load_that_met_the_criteria(
    criteria: tuple[str, ...], highest: float | None
) -> None:
    assert _highest(*criteria) == highest


def test_the_report_has_it() -> None:
    data = _with("p95(billing/usage@stage_01) < 60ms")
    empty = made_runs.run()
    built = report.build(replace(data, readings=empty.readings, health=empty.health))
    assert built.saturation[0].slo_capacity_jps == 60.0


def test_refusals_do_not_make_a_load_beyond_the_limit_good_enough() -> None:
    data = staircases.bucket(STAIRS, limit=65)
    data = replace(data, plan=replace(data.plan, criteria=("p95(*@stage_01) < 60ms",)))
    points = slo_capacity.added(saturation.find(data), saturation.kept_up(data), data)
    assert points[0].slo_capacity_jps == 60.0
