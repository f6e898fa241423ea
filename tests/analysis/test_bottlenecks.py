"""Bottlenecks of queues whose limit is known, among metrics that only follow the load."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest

from runs.analysis import bottlenecks, saturation
from runs.analysis.bottlenecks import Bottleneck
from runs.analysis.plan import Phase, ProbeMetric
from runs.analysis.run_data import RunData
from tests.analysis.made_runs import (
    Floats,
    in_use,
    phase,
    queue,
    requests,
    run,
    staircase,
    steady,
)

POOL = 4
METRICS = (
    ProbeMetric("db_pool_in_use", "database", ceiling=float(POOL)),
    ProbeMetric("redis_hit_rate", "cache", better="higher", feeds=("db_pool_in_use",)),
    ProbeMetric("rate_limit_rejections", "rate_limit"),
    ProbeMetric("llm_in_flight", "llm", ceiling=20.0),
    ProbeMetric("cpu", "cpu", ceiling=1.0),
    ProbeMetric("queue_of_mails", "other"),
)
TRUTH = 80.0  # four connections of 50 ms each


@dataclass(frozen=True)
class Made:
    """One scenario's requests: when due, when ended, how long served, and in which phase."""

    due: Floats
    ends: Floats
    service: Floats
    phases: tuple[Phase, ...]

    @property
    def frame(self) -> pl.DataFrame:
        return pl.concat(
            requests(
                self.due[mine],
                (self.ends - self.due)[mine] * 1000,
                scenario=one.scenario,
                step="usage",
                phase=one.phase,
            )
            for one in self.phases
            if (mine := (self.due * 1e6 >= one.start_us) & (self.due * 1e6 < one.end_us)).any()
        )


def billing(rng: np.random.Generator, rates: list[float], seconds: float, mean_s: float) -> Made:
    phases = staircase(rates, seconds)
    due = np.concatenate([steady(seconds, rate, at * seconds) for at, rate in enumerate(rates)])
    service = mean_s * rng.gamma(4, 0.25, len(due))
    return Made(due, queue(due, service, POOL), service, phases)


def readings(
    rng: np.random.Generator, made: Made, end_s: float
) -> dict[str, tuple[Floats, Floats]]:
    """The pool as it was; everything else follows the load, wanders, or does nothing."""
    times = np.arange(-1.0, end_s + 2)
    moments = times[:, None] + np.linspace(0, 1, 20)
    pool = np.array([in_use(made.due, made.ends, made.service, one).mean() for one in moments])
    load = np.array([((made.due >= t) & (made.due < t + 1)).sum() for t in times])
    wander = np.cumsum(rng.normal(size=len(times)))
    return {
        "db_pool_in_use": (times, pool),
        "redis_hit_rate": (times, 0.9 + 0.01 * rng.normal(size=len(times))),
        "rate_limit_rejections": (times, np.cumsum(rng.poisson(2, len(times))).astype(float)),
        "llm_in_flight": (times, 5 + rng.normal(size=len(times))),
        "cpu": (times, 0.1 + 0.004 * load + 0.02 * rng.normal(size=len(times))),
        "queue_of_mails": (times, 10 + wander - wander.min()),
    }


def found_in(data: RunData) -> tuple[Bottleneck, ...]:
    return bottlenecks.find(data, saturation.find(data))


def saturated(seed: int, seconds: float = 6.0) -> RunData:
    """A staircase from half of the capacity to a third beyond it, in under a minute."""
    rng = np.random.default_rng(seed)
    made = billing(rng, [40, 50, 60, 70, 76, 88, 96, 104], seconds, POOL / TRUTH)
    end = 8 * seconds
    return run(made.frame, phases=made.phases, metrics=METRICS, readings=readings(rng, made, end))


@pytest.mark.parametrize("seed", range(10))
def test_the_pool_at_its_ceiling_comes_first_although_the_load_is_what_fills_it(seed: int) -> None:
    first = found_in(saturated(seed))[0]
    assert (first.scenario, first.metric, first.area) == ("billing", "db_pool_in_use", "database")
    assert first.strength == "likely"


def test_the_evidence_names_ceiling_shift_and_correlation_and_claims_no_cause() -> None:
    evidence = found_in(saturated(1))[0].evidence
    assert evidence.startswith("db_pool_in_use moves with the response times of billing:")
    assert "at its ceiling of 4 in 100 % of that time" in evidence
    assert "rank correlation 0." in evidence
    assert "cause" not in evidence


def test_metrics_that_only_follow_the_load_are_not_named() -> None:
    named = [one.metric for seed in range(10) for one in found_in(saturated(seed))]
    assert named.count("db_pool_in_use") == 10
    assert "cpu" not in named  # it follows the load, and stays clear of its ceiling
    assert "llm_in_flight" not in named
    assert "rate_limit_rejections" not in named  # nothing was refused


def test_a_pool_with_room_to_spare_is_cleared_although_it_moves_with_the_harm() -> None:
    """The calls to the model pile up while billing is slow, and stay under half of their pool."""
    data = saturated(5)
    seconds = pl.col("t_us") / 1_000_000
    piled = pl.when(seconds >= 32).then(3 + (seconds - 32) / 2).otherwise(2 + seconds % 2)
    moved = data.readings.with_columns(
        value=pl.when(pl.col("metric") == "llm_in_flight").then(piled).otherwise("value")
    )
    assert [one.metric for one in found_in(replace(data, readings=moved))] == ["db_pool_in_use"]


def test_nothing_is_named_where_nothing_saturates() -> None:
    named: list[Bottleneck] = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        made = billing(rng, [20, 25, 30, 35, 40, 45, 48, 50], 6, POOL / TRUTH)
        values = readings(rng, made, 48)
        data = run(made.frame, phases=made.phases, metrics=METRICS, readings=values)
        named += found_in(data)
    assert len(named) <= 1  # 3 % of 30


def test_cache_misses_that_fill_the_pool_come_before_the_pool() -> None:
    """The cache goes cold for the middle third of a plateau: the pool must serve all of it."""
    rng = np.random.default_rng(4)
    due = steady(90, 60)
    cold = (due >= 30) & (due < 60)
    service = np.where(cold, 0.09, 0.03) * rng.gamma(4, 0.25, len(due))
    phases = (phase(90, 60, scenario="billing"),)
    made = Made(due, queue(due, service, POOL), service, phases)
    values = readings(rng, made, 90)
    times, rate = values["redis_hit_rate"]
    values["redis_hit_rate"] = (times, rate - 0.5 * ((times >= 29) & (times < 62)))
    data = run(made.frame, phases=phases, metrics=METRICS, readings=values)
    first, second = found_in(data)[:2]
    assert (first.metric, second.metric) == ("redis_hit_rate", "db_pool_in_use")
    assert "It feeds db_pool_in_use." in first.evidence


@pytest.mark.parametrize("seed", range(5))
def test_a_rate_limit_is_explained_by_its_rejections_and_nothing_else(seed: int) -> None:
    """60/s are let through; the rejections are a counter, which grows by what is refused."""
    rng = np.random.default_rng(seed)
    rates = [30, 40, 50, 65, 75, 85, 95, 105]
    phases = staircase(rates, 6, scenario="b2b")
    frames, refused_at = [], []
    for one, rate in zip(phases, rates, strict=True):
        due = steady(6, rate, one.start_us / 1e6)
        is_refused = rng.uniform(size=len(due)) > 60 / rate
        refused_at += list(due[is_refused])
        frames.append(
            requests(
                due,
                20.0,
                scenario="b2b",
                step="quote",
                phase=one.phase,
                outcome=["refused" if refused else "ok" for refused in is_refused],
            )
        )
    times = np.arange(-1.0, 50.0)
    made = billing(rng, [40] * 8, 6, POOL / TRUTH)
    values = readings(rng, made, 48)
    values["rate_limit_rejections"] = (times, np.searchsorted(refused_at, times).astype(float))
    data = run(*frames, phases=phases, metrics=METRICS, readings=values)
    named = found_in(data)
    assert [(one.metric, one.strength) for one in named] == [("rate_limit_rejections", "likely")]
    assert "a second on average while the harm lasts" in named[0].evidence
    assert "refusals of b2b" in named[0].evidence


def test_without_readings_there_are_no_bottlenecks() -> None:
    data = saturated(1)
    assert found_in(replace(data, readings=data.readings.clear())) == ()


def test_a_metric_that_never_moves_or_was_hardly_read_is_passed_over() -> None:
    data = saturated(1)
    still = data.readings.with_columns(value=pl.lit(3.0))
    assert found_in(replace(data, readings=still)) == ()
    few = data.readings.filter(pl.col("t_us") < 4_000_000)
    assert found_in(replace(data, readings=few)) == ()


def test_shuffled_samples_and_readings_give_the_same_answer() -> None:
    data = saturated(2)
    shuffled = replace(
        data,
        samples=data.samples.sample(fraction=1, shuffle=True, seed=1),
        readings=data.readings.sample(fraction=1, shuffle=True, seed=1),
    )
    assert found_in(shuffled) == found_in(data)


def test_one_reading_every_five_seconds_still_tells() -> None:
    data = saturated(3, seconds=12)
    sparse = data.readings.filter(pl.col("t_us") % 5_000_000 == 0)
    first = found_in(replace(data, readings=sparse))[0]
    assert first.metric == "db_pool_in_use"


def test_an_empty_run_has_none() -> None:
    assert found_in(run(phases=[])) == ()
    assert found_in(run(phases=staircase([1, 2], 10), metrics=METRICS)) == ()
