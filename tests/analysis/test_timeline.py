"""The columns of the charts, second by second, on samples that can be placed by hand."""

from typing import Any

import polars as pl

from runs.analysis import timeline
from runs.analysis.plan import Phase, Plan
from runs.analysis.run_data import RunData, RunInfo
from runs.formats import health, samples

SECOND = 1_000_000
READINGS = {"t_us": pl.Int64, "probe": pl.String, "metric": pl.String, "value": pl.Float64}


def sample(start_s: float, end_s: float, outcome: str = "ok", **more: Any) -> dict[str, Any]:
    return {
        "scenario": "chat",
        "step": "send",
        "phase": "plateau",
        "due_us": round(start_s * SECOND),
        "started_us": round(start_s * SECOND),
        "ended_us": round(end_s * SECOND),
        "outcome": outcome,
        "status": {"ok": 200, "refused": 429, "server_error": 500}.get(outcome),
        **more,
    }


def run(
    *rows: dict[str, Any],
    seconds: int = 4,
    readings: list[tuple[int, str, str, float]] | None = None,
) -> RunData:
    return RunData(
        info=RunInfo("6e0ad8b0-0000-4000-8000-000000000001", "test", None, None),
        plan=Plan((Phase("chat", "plateau", 0, seconds * SECOND, warm_up_us=SECOND),)),
        samples=pl.DataFrame(rows, schema=samples.SCHEMA),
        readings=pl.DataFrame(readings or [], schema=READINGS, orient="row"),
        health=health.empty(),
    )


def test_what_was_due_counts_where_it_was_due_and_answers_where_they_came() -> None:
    found = timeline.of(run(sample(0.2, 1.4), sample(0.9, 2.0), sample(2.5, 2.6, "server_error")))

    assert found.t_s == (0.0, 1.0, 2.0, 3.0)
    assert found.total.due == (2, 0, 1, 0)
    assert found.total.started == (2, 0, 1, 0)
    assert found.total.answered == (0, 1, 2, 0)
    assert found.total.good == (0, 1, 1, 0)
    assert found.total.outcomes == {"server_error": (0, 0, 1, 0), "ok": (2, 0, 0, 0)}
    assert found.total.classes == {"2xx": (2, 0, 0, 0), "5xx": (0, 0, 1, 0)}


def test_in_flight_is_the_mean_of_each_second() -> None:
    found = timeline.of(run(sample(0.5, 2.5), sample(1.0, 1.25)))

    assert found.total.in_flight == (0.5, 1.25, 0.5, 0.0)


def test_percentiles_are_of_what_was_due_in_the_bin() -> None:
    found = timeline.of(run(sample(0.0, 0.1), sample(0.1, 0.3), sample(1.0, 1.05)))

    assert found.total.p50_ms == (100.0, 50.0, None, None)
    assert found.total.p95_ms == (200.0, 50.0, None, None)


def test_a_percentile_among_requests_without_an_answer_is_null() -> None:
    found = timeline.of(
        run(sample(0.0, 0.1), sample(0.1, 0.2, "timeout"), sample(0.2, 0.3, "refused"))
    )

    assert found.total.p50_ms[0] == 100.0
    assert found.total.p95_ms[0] is None


def test_each_scenario_has_a_track_of_its_own_and_the_total_adds_them_up() -> None:
    found = timeline.of(run(sample(0, 0.1), sample(0, 0.2, scenario="billing")))

    assert list(found.scenarios) == ["chat", "billing"]
    assert found.scenarios["billing"].due == (1, 0, 0, 0)
    assert found.total.due == (2, 0, 0, 0)


def test_retries_are_load_but_were_not_due() -> None:
    found = timeline.of(run(sample(0, 0.1, "refused"), sample(1, 1.1, attempt=2)))

    assert found.total.due == (1, 0, 0, 0)
    assert found.total.started == (1, 1, 0, 0)
    assert found.total.good == (0, 1, 0, 0)


def test_what_was_never_sent_was_due_but_did_not_start() -> None:
    found = timeline.of(run(sample(0, 0, "dropped")))

    assert found.total.due == (1, 0, 0, 0)
    assert found.total.started == (0, 0, 0, 0)
    assert found.total.in_flight == (0.0, 0.0, 0.0, 0.0)


def test_a_long_run_has_wider_bins_and_never_more_than_600() -> None:
    ten_minutes = timeline.of(run(seconds=600))
    hour = timeline.of(run(sample(3599, 3599.5), seconds=3600))
    month = timeline.of(run(seconds=30 * 86400))

    assert (ten_minutes.bin_s, len(ten_minutes.t_s)) == (1.0, 600)
    assert (hour.bin_s, len(hour.t_s), hour.total.due[-1]) == (10.0, 360, 1)
    assert len(month.t_s) <= 600


def test_answers_after_the_last_phase_lengthen_the_clock() -> None:
    assert timeline.of(run(sample(3.5, 6.2))).t_s == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


def test_phases_and_readings_stand_on_the_same_clock() -> None:
    readings = [
        (-500_000, "ops", "pool", 1.0),  # before the run: in the report, not on the chart
        (1_000_000, "ops", "pool", 4.0),
        (1_500_000, "ops", "pool", 6.0),
        (2_250_000, "ops", "pool", 9.0),
    ]
    found = timeline.of(run(readings=readings))

    (band,) = found.phases
    assert (band.scenario, band.start_s, band.judged_s, band.end_s) == ("chat", 0.0, 1.0, 4.0)
    (track,) = found.probes
    assert (track.probe, track.metric) == ("ops", "pool")
    assert (track.t_s, track.values) == ((1.25, 2.25), (5.0, 9.0))


def test_nothing_at_all_is_one_empty_bin() -> None:
    nothing = RunData(run().info, Plan(()), samples.empty(), run().readings, health.empty())

    found = timeline.of(nothing)
    assert (found.t_s, found.total.due, found.total.p50_ms) == ((0.0,), (0,), (None,))
