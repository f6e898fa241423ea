"""How response times are spread: spectrum, heatmap, modes, Apdex, first token."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runs.analysis import distribution
from runs.analysis.distribution import SpectrumPoint
from tests.analysis.made_runs import phase, requests, run, steady

WHERE = ("chat", "send", "plateau")


def micros(ms: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(np.round(ms * 1000), dtype=np.int64)


def test_the_spectrum_holds_nearest_ranks_of_one_to_a_hundred() -> None:
    points = {one.q: one for one in distribution.spectrum(np.arange(1, 101) * 1000)}
    assert [points[q].ms for q in (0.0, 0.5, 0.9, 0.95, 0.99, 1.0)] == [1, 50, 90, 95, 99, 100]
    assert not points[0.9].few
    assert points[0.95].few  # five of a hundred lie beyond it
    assert list(points) == sorted(points)


def test_quantiles_among_the_unanswered_are_null() -> None:
    points = {one.q: one.ms for one in distribution.spectrum(np.arange(1, 91) * 1000, 10)}
    assert (points[0.9], points[0.95], points[1.0]) == (90, None, None)
    assert distribution.spectrum(np.empty(0, dtype=np.int64)) == ()
    assert distribution.spectrum(np.array([7000])) == (
        SpectrumPoint(0.0, 7.0, True),
        SpectrumPoint(0.5, 7.0, True),
        SpectrumPoint(1.0, 7.0, True),
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=300), st.integers(0, 50))
def test_a_spectrum_never_falls_whatever_the_order_of_the_samples(
    times: list[int], unanswered: int
) -> None:
    values = np.array(times)
    points = distribution.spectrum(values, unanswered)
    known = [one.ms for one in points if one.ms is not None]
    assert known == sorted(known)
    assert distribution.spectrum(values[::-1], unanswered) == points


@pytest.mark.parametrize("sort", ["lognormal", "exponential", "uniform", "heavy tail"])
def test_one_hump_is_one_mode(sort: str) -> None:
    rng = np.random.default_rng(2)
    times = {
        "lognormal": 50 * np.exp(rng.normal(size=3000)),
        "exponential": rng.exponential(50, 3000),
        "uniform": rng.uniform(10, 90, 3000),
        "heavy tail": 10 * (1 + rng.pareto(1.5, 3000)),
    }[sort]
    (mode,) = distribution.modes(micros(times))
    assert (mode.low_ms, mode.high_ms, mode.share) == (None, None, 1.0)


def test_hits_and_misses_of_a_cache_are_two_modes_with_their_shares() -> None:
    rng = np.random.default_rng(3)
    is_hit = rng.uniform(size=4000) < 0.9
    times = np.where(is_hit, 2.0, 40.0) * np.exp(0.3 * rng.normal(size=4000))
    fast, slow = distribution.modes(micros(times))
    assert fast.ms == pytest.approx(2, rel=0.2)
    assert slow.ms == pytest.approx(40, rel=0.2)
    assert slow.share == pytest.approx(0.1, abs=0.02)
    assert fast.high_ms == slow.low_ms
    assert fast.high_ms is not None
    assert 4 < fast.high_ms < 25


def test_equal_times_are_one_mode_and_few_are_none() -> None:
    (mode,) = distribution.modes(np.full(500, 5000))
    assert mode.ms == pytest.approx(5)
    assert distribution.modes(np.full(50, 5000)) == ()
    assert distribution.modes(np.zeros(500, dtype=np.int64))[0].share == 1.0


def test_apdex_counts_half_of_what_takes_up_to_four_times_the_threshold() -> None:
    """100 ms: 60 at 50 ms, 30 at 300 ms, 5 at 500 ms, 5 failed: (60 + 15) / 100."""
    took = [50.0] * 60 + [300.0] * 30 + [500.0] * 5 + [50.0] * 5
    outcome = ["ok"] * 95 + ["server_error"] * 5
    data = run(requests(steady(10, 10), took, outcome=outcome), phases=[phase(10, 10)])
    found = distribution.apdex(data, *WHERE, threshold_ms=100)
    assert (found.satisfied, found.tolerating, found.frustrated) == (60, 30, 10)
    assert found.score == 0.75
    assert found.ci is not None


def test_apdex_of_nothing_is_unknown_and_a_threshold_must_be_a_time() -> None:
    data = run(requests(steady(10, 10), 50), phases=[phase(10, 10)])
    nothing = distribution.apdex(data, "chat", "send", "spike", threshold_ms=100)
    assert (nothing.score, nothing.ci) == (None, None)
    assert nothing.reason == "There are no samples of chat/send@spike."
    for threshold in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="above zero"):
            distribution.apdex(data, *WHERE, threshold_ms=threshold)


def test_the_first_token_has_its_own_times_and_the_rest_a_speed() -> None:
    """200 ms to the first of 11 tokens, then 10 in half a second: 20 tokens a second."""
    due = steady(10, 10)
    first = np.round(due * 1e6).astype(np.int64) + 200_000
    frame = requests(due, 700.0, first_token_us=first, tokens=[11] * 100)
    found = distribution.of(run(frame, phases=[phase(10, 10)]), *WHERE).first_token
    assert found is not None
    assert (found.count, found.first_ms.p50, found.rest_ms.p95) == (100, 200.0, 500.0)
    assert found.tokens_per_s == pytest.approx(20)
    assert distribution.of(run(requests(due, 700.0)), *WHERE).first_token is None


def test_the_heatmap_holds_every_request_where_it_was_due() -> None:
    took = np.array([10.0] * 50 + [1000.0] * 50)
    outcome = ["ok"] * 90 + ["timeout"] * 10
    data = run(requests(steady(10, 10), took, outcome=outcome), phases=[phase(10, 10)])
    found = distribution.heatmap(data)
    counts = np.array(found.counts)
    assert found.bin_s == 1.0
    assert counts.shape == (len(found.edges_ms) - 1, 10)
    assert counts.sum(axis=0).tolist() == [10] * 9 + [0]
    assert found.unanswered == (0,) * 9 + (10,)
    for at, row in enumerate(counts):
        if row[:5].any():
            assert found.edges_ms[at] <= 10 < found.edges_ms[at + 1]
        if row[5:].any():
            assert found.edges_ms[at] <= 1000 < found.edges_ms[at + 1]


@pytest.mark.parametrize("hours", [0.001, 1, 30])
def test_a_heatmap_never_grows_beyond_its_limits(hours: float) -> None:
    seconds = hours * 3600
    rng = np.random.default_rng(1)
    due = np.sort(rng.uniform(0, seconds, 500))
    took = np.exp(rng.uniform(-7, 12, 500))
    data = run(requests(due, took), phases=[phase(seconds, 1)])
    found = distribution.heatmap(data, "chat", "send")
    assert len(found.t_s) <= distribution.MOST_COLUMNS
    assert len(found.edges_ms) <= distribution.MOST_ROWS + 1
    assert np.array(found.counts).sum() == 500


def test_without_samples_everything_is_empty() -> None:
    data = run(phases=[phase(10, 10)])
    found = distribution.of(data, *WHERE)
    assert (found.count, found.unanswered, found.spectrum, found.modes) == (0, None, (), ())
    assert found.reason == "There are no samples of chat/send@plateau."
    heat = distribution.heatmap(data)
    assert (heat.edges_ms, heat.counts) == ((), ())
    assert heat.unanswered == (0,) * 10
