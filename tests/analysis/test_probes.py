"""Readings before, during and after a run."""

import polars as pl

from runs.analysis import probes
from runs.analysis.plan import Phase, Plan, Probe, ProbeMetric
from runs.analysis.probes import During, ProbeSummary
from runs.analysis.run_data import RunData, RunInfo
from runs.formats import health, samples

SCHEMA = {"t_us": pl.Int64, "probe": pl.String, "metric": pl.String, "value": pl.Float64}


def run(*readings: tuple[int, float], metrics: tuple[str, ...] = ("pool",)) -> RunData:
    """Readings of ops/pool in seconds, around a load of ten seconds."""
    lines = [(t_s * 1_000_000, "ops", "pool", value) for t_s, value in readings]
    plan = Plan(
        (Phase("chat", "plateau", 0, 10_000_000),),
        (Probe("ops", tuple(ProbeMetric(name) for name in metrics)),),
    )
    return RunData(
        info=RunInfo("6e0ad8b0-0000-4000-8000-000000000001", "test", None, None),
        plan=plan,
        samples=samples.empty(),
        readings=pl.DataFrame(lines, schema=SCHEMA, orient="row"),
        health=health.empty(),
    )


def test_before_is_the_last_reading_ahead_of_the_load_and_after_the_last_of_all() -> None:
    data = run((-2, 9.0), (-1, 1.0), (0, 2.0), (5, 6.0), (10, 4.0), (12, 3.0))

    assert probes.rows(data) == (ProbeSummary("ops", "pool", 1.0, During(2.0, 4.0, 6.0), 3.0),)


def test_without_readings_around_the_load_its_first_and_last_stand_in() -> None:
    data = run((3, 7.0), (1, 5.0))

    assert probes.rows(data) == (ProbeSummary("ops", "pool", 5.0, During(5.0, 6.0, 7.0), 7.0),)


def test_a_metric_that_was_never_read_is_unknown_not_zero() -> None:
    data = run((1, 5.0), metrics=("hit_rate", "pool"))

    hit_rate, pool = probes.rows(data)
    assert hit_rate == ProbeSummary("ops", "hit_rate", None, During(None, None, None), None)
    assert pool.before == 5.0


def test_a_reading_that_is_not_a_number_counts_as_none() -> None:
    assert probes.rows(run((1, float("nan")), (2, 4.0)))[0].during == During(4.0, 4.0, 4.0)
