"""Trends: one statistic over a project's runs, the oldest first, with intervals."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest import tokens
from runs import processing, store
from runs.models import Run
from tests.api_client import MONDAY, Api, add_run
from tests.builders import manifest_of, phase, steady, write_spool

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return Api(tokens.create("tests", ["read"])[0])


def measured(day: int, response_ms: float, **columns: Any) -> Run:
    """A run of that day whose every request took so long, in two phases."""
    run = add_run(started_at=MONDAY + timedelta(days=day), seed=day, **columns)
    lines = [
        *steady(20, 10, response_ms=response_ms),
        *steady(20, 10, start_s=10, phase="spike", response_ms=response_ms * 3),
    ]
    phases = [phase(10, 20), phase(10, 20, start_s=10, name="spike")]
    spool = write_spool(store.spool_of(run.pk), lines, phases=phases, run_id=str(run.pk))
    Run.objects.filter(pk=run.pk).update(manifest=manifest_of(spool))
    processing.process(run.pk, lambda _stage: None)
    return run


def line(api: Api, statistic: str, **query: Any) -> list[Any]:
    found = api.get("projects/shop/trends", statistic=statistic, **query).json()
    assert len(found["series"]) == 1, found
    return [point["value"] for point in found["series"][0]["points"]]


def test_a_percentile_over_the_runs_comes_oldest_first_with_its_intervals(
    api: Api, data_folder: Path
) -> None:
    second, first = measured(2, 30), measured(1, 20)

    found = api.get("projects/shop/trends", statistic="p95(billing/usage@plateau)").json()

    assert (found["unit"], found["statistic"]) == ("ms", "p95(billing/usage@plateau)")
    [series] = found["series"]
    assert (series["scenario"], series["step"], series["phase"]) == ("billing", "usage", "plateau")
    assert [point["run"] for point in series["points"]] == [str(first.pk), str(second.pk)]
    assert [point["value"] for point in series["points"]] == [20.0, 30.0]
    low, high = series["points"][0]["ci"]
    assert low <= 20.0 <= high
    assert series["points"][0]["count"] == 200


@pytest.mark.parametrize(
    ("statistic", "values"),
    [
        ("p95", [20.0]),  # of everything, where nothing is named
        ("p95(billing)", [20.0]),  # the plateau, where no phase is named
        ("p95(*@spike)", [60.0]),
        ("ok_p99.9(billing/usage@plateau)", [20.0]),
        ("service_p50(billing/usage@spike)", [60.0]),
        ("mean(billing)", [20.0]),
        ("count(billing)", [200]),
        ("error_rate(billing)", [0.0]),
        ("goodput(billing/usage@plateau)", [20.0]),
    ],
)
def test_a_statistic_is_written_as_in_a_criterion(
    api: Api, data_folder: Path, statistic: str, values: list[float]
) -> None:
    measured(1, 20)

    assert line(api, statistic) == pytest.approx(values, abs=0.1)


def test_every_step_that_the_statistic_names_is_a_line(api: Api, data_folder: Path) -> None:
    run = add_run()
    lines = [*steady(20, 10, step="list"), *steady(20, 10, step="show", response_ms=50)]
    spool = write_spool(store.spool_of(run.pk), lines, run_id=str(run.pk))
    Run.objects.update(manifest=manifest_of(spool))
    processing.process(run.pk, lambda _stage: None)

    series = api.get("projects/shop/trends", statistic="p50(billing)").json()["series"]

    assert [(one["step"], one["points"][0]["value"]) for one in series] == [
        ("list", 20.0),
        ("show", 50.0),
    ]


def test_capacity_that_was_not_reached_is_a_point_without_a_value(
    api: Api, data_folder: Path
) -> None:
    measured(1, 20)

    assert line(api, "capacity(billing)") == [None]


def test_only_runs_that_may_be_believed_are_shown_and_the_newest_of_them(
    api: Api, data_folder: Path
) -> None:
    measured(1, 10, campaign="other")
    measured(2, 20)
    measured(3, 30)
    Run.objects.filter(pk=measured(4, 40).pk).update(validity="invalid")
    add_run(processing="failed")

    assert line(api, "p50(billing)") == [10.0, 20.0, 30.0]
    assert line(api, "p50(billing)", runs=1) == [30.0]
    assert line(api, "p50(billing)", campaign="other") == [10.0]


@pytest.mark.parametrize(
    ("statistic", "detail"),
    [
        ("p95(billing", "A ) is missing"),
        ("p94(billing)", "column 1"),
        ("p95(a) < 3ms and p95(b)", "column"),
        ("", "it is empty"),
        ("probe_max(pool@spike)", "leave the phase away"),
    ],
)
def test_a_statistic_that_cannot_be_read_is_refused(
    api: Api, data_folder: Path, statistic: str, detail: str
) -> None:
    run = add_run()
    Run.objects.filter(pk=run.pk).update(report={"probes": [], "series": []})

    answer = api.get("projects/shop/trends", statistic=statistic)

    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


def test_the_history_says_when_it_changed_and_by_how_much(api: Api, data_folder: Path) -> None:
    runs = [measured(day, (20 if day < 9 else 30) + 0.1 * (day % 3)) for day in range(13)]

    [series] = api.get("projects/shop/trends", statistic="p95").json()["series"]

    [change] = series["changes"]
    assert (change["run"], change["runs"]) == (str(runs[9].pk), 4)
    assert (change["status"], change["direction"]) == ("confirmed", "worse")
    assert change["ratio"] == pytest.approx(1.5, abs=0.02)
    assert change["ci"][0] < change["ratio"] < change["ci"][1]
    assert (series["more_runs"], series["reason"]) == (0, "")


def test_a_short_history_says_how_many_runs_it_lacks(api: Api, data_folder: Path) -> None:
    measured(1, 20)

    [series] = api.get("projects/shop/trends", statistic="p95").json()["series"]

    assert (series["changes"], series["more_runs"]) == ([], 7)
    assert series["reason"] == "The history is too short: 7 more runs."
