"""What must hold whatever the target: units, order and refusals."""

import re
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.simulators import fronts, queues, tiers
from benchmarks.simulators.system import Simulated
from runs.analysis import saturation
from runs.analysis.run_data import RunData
from runs.analysis.saturation import Saturation

MAKERS = {**queues.MAKERS, **tiers.MAKERS, **fronts.MAKERS}
KINDS = (
    *("queue", "collapse", "contention", "closed", "rate_limit", "user_limit", "quota"),
    *("cached", "direct", "several", "paused", "in_turn", "gateway"),
)
LIMITS = ("rate_limit", "quota")
SYSTEMS = st.tuples(
    st.sampled_from(KINDS),
    st.sampled_from(["stairs", "short", "spike"]),
    st.integers(0, 10**6),
)
FEW = settings(max_examples=15, deadline=None, derandomize=True)


def _made(system: tuple[str, str, int]) -> Simulated:
    kind, profile, seed = system
    return MAKERS[kind](np.random.default_rng(seed), profile, True)


def _found(data: RunData) -> Saturation:
    return saturation.find(data)[0]


def _scaled(data: RunData, factor: int) -> RunData:
    samples = data.samples.with_columns(
        [pl.col(name) * factor for name in ("due_us", "started_us", "ended_us")]
    )
    phases = tuple(
        replace(
            phase,
            start_us=phase.start_us * factor,
            end_us=phase.end_us * factor,
            rate_from=None if phase.rate_from is None else phase.rate_from / factor,
            rate_to=None if phase.rate_to is None else phase.rate_to / factor,
            think_time_s=phase.think_time_s * factor,
        )
        for phase in data.plan.phases
    )
    return replace(data, samples=samples, plan=replace(data.plan, phases=phases))


@given(SYSTEMS, st.sampled_from([2, 4, 16]))
@FEW
def test_times_scaled_by_s_divide_the_capacity_by_s(
    system: tuple[str, str, int], factor: int
) -> None:
    data = _made(system).data
    plain, scaled = _found(data), _found(_scaled(data, factor))
    assert scaled.verdict == plain.verdict
    if plain.capacity_jps is None:
        assert scaled.capacity_jps is None
    else:
        assert scaled.capacity_jps is not None
        # Windows are rounded to seconds as people count them, whatever the unit.
        tolerance = 0.02 if plain.cause == "quota" else 1e-3
        assert scaled.capacity_jps == pytest.approx(plain.capacity_jps / factor, rel=tolerance)


@given(SYSTEMS, st.integers(0, 100))
@FEW
def test_the_order_of_the_samples_does_not_matter(system: tuple[str, str, int], seed: int) -> None:
    data = _made(system).data
    shuffled = replace(data, samples=data.samples.sample(fraction=1, shuffle=True, seed=seed))
    assert _found(shuffled) == _found(data)


@given(SYSTEMS, st.integers(2, 4))
@FEW
def test_merged_shards_equal_the_whole(system: tuple[str, str, int], shards: int) -> None:
    """Each worker keeps its own journeys in its own file; numbers of workers tell them apart."""
    data = _made(system).data
    samples = data.samples.with_columns(worker=pl.col("journey") % shards)
    parts = [samples.filter(pl.col("worker") == one) for one in range(shards)]
    merged = replace(data, samples=pl.concat(parts[::-1]))
    assert _found(merged) == _found(replace(data, samples=samples))


@given(st.sampled_from(["rate_limit", "user_limit", "quota", "limited"]), st.integers(0, 10**6))
@FEW
def test_dropping_refusals_never_raises_the_capacity(kind: str, seed: int) -> None:
    data = _made((kind, "stairs", seed)).data
    kept = replace(data, samples=data.samples.filter(pl.col("outcome") != "refused"))
    whole, part = _found(data), _found(kept)
    if whole.capacity_jps is not None and part.capacity_jps is not None:
        assert part.capacity_jps <= whole.capacity_jps * 1.05


@given(SYSTEMS)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_what_was_sustained_is_never_more_than_the_capacity(system: tuple[str, str, int]) -> None:
    found = _found(_made(system).data)
    if found.capacity_jps is not None and found.sustained_jps is not None:
        assert found.ci_jps is not None
        assert found.ci_jps[0] <= found.capacity_jps <= found.ci_jps[1]
        assert found.sustained_jps <= found.capacity_jps * (1 + 1e-9) or found.cause in LIMITS
        assert found.sustained_jps <= found.ci_jps[1]


@given(SYSTEMS)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_sentence_does_not_contradict_the_figure(system: tuple[str, str, int]) -> None:
    found = _found(_made(system).data)
    falls = re.search(r"goodput falls, to ([\d.,]+)/s", found.explanation)
    rises = re.search(r"goodput still rises, to ([\d.,]+)/s", found.explanation)
    if falls:
        assert found.capacity_jps is not None
        assert float(falls[1].replace(",", "")) < found.capacity_jps
    if rises:
        assert found.capacity_jps is not None
        assert float(rises[1].replace(",", "")) > 0.97 * found.capacity_jps


def test_the_simulators_are_not_part_of_the_product() -> None:
    assert not any(name.startswith("runs") and "simulators" in name for name in sys.modules)
