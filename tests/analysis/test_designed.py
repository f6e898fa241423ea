"""Repeats of a campaign taken as one: what criteria say of all of them."""

from dataclasses import replace

import numpy as np
import pytest

from runs.analysis import report
from runs.analysis.criteria import Judgement
from runs.analysis.designed import Designed
from runs.analysis.run_data import RunData
from runs.analysis.validity import Reason, Validity
from tests.analysis.made_runs import phase, requests, run, staircase, steady

P95 = "p95(chat) < 200ms"


def minute(scale: float = 1.0, seed: int = 1, failing: float = 0.0, rate: float = 20) -> RunData:
    """Lognormal around 100 ms times the scale: a p95 of 164 ms times it."""
    rng = np.random.default_rng(seed)
    due = steady(60, rate)
    took = 100 * scale * np.exp(0.3 * rng.normal(size=len(due)))
    outcome = np.where(rng.uniform(size=len(due)) < failing, "server_error", "ok")
    return run(requests(due, took, outcome=list(outcome)), phases=[phase(60, rate)])


def designed(*runs: RunData, text: str = P95, baseline: Designed | None = None) -> Designed:
    found = Designed((text,), "interval", baseline)
    for data in runs:
        found.add(data, report.build(data))
    return found


def only(found: Designed) -> Judgement:
    (one,) = found.judgements()
    return one


def test_what_one_run_leaves_open_its_repeats_decide() -> None:
    first = minute(1.13, 1)
    alone = designed(first)
    assert only(alone).verdict == "inconclusive"
    assert not alone.is_decided
    more = designed(first, minute(1.12, 2), minute(1.12, 3), minute(1.13, 4))
    assert only(more).verdict == "pass"
    assert more.is_decided
    assert more.report().verdict == "pass"
    ends = [only(one).ci for one in (alone, more)]
    widths = [(ci[1] or 0) - (ci[0] or 0) for ci in ends if ci]
    assert widths[1] < 0.6 * widths[0]


def test_the_figure_is_the_geometric_mean_and_requests_add_up() -> None:
    found = only(designed(minute(0.5, 1), minute(2.0, 1)))
    assert found.measured == pytest.approx(only(designed(minute(1.0, 1))).measured, rel=0.01)
    assert found.count == 2400


def test_repeats_that_differ_more_than_they_say_of_themselves_have_a_wider_interval() -> None:
    alike = only(designed(*(minute(1.0, seed) for seed in range(3)))).ci
    unlike = only(designed(minute(0.7, 0), minute(1.0, 1), minute(1.4, 2))).ci
    assert alike is not None
    assert unlike is not None
    assert (unlike[1] or 0) / (unlike[0] or 1) > 1.4 * (alike[1] or 0) / (alike[0] or 1)


def test_runs_that_are_not_valid_are_kept_and_count_nowhere() -> None:
    found = designed(minute(1.0, 1))
    broken = replace(
        report.build(minute(9.0, 2)), validity=Validity("invalid", (Reason("x", None, "…"),))
    )
    found.add(minute(9.0, 2), broken)
    assert len(found.reports) == 2
    assert only(found).measured == only(designed(minute(1.0, 1))).measured


def test_without_a_valid_run_nothing_is_decided_and_the_report_is_that_of_the_last() -> None:
    found = Designed((P95,), "interval")
    broken = replace(
        report.build(minute()),
        validity=Validity("invalid", (Reason("x", None, "…"),)),
        verdict="invalid",
    )
    found.add(minute(), broken)
    assert not found.is_decided
    assert found.judgements() == ()
    assert found.report().verdict == "invalid"


def test_error_rates_add_their_requests_up() -> None:
    data = [minute(seed=seed, failing=0.02) for seed in range(3)]
    found = only(designed(*data, text="error_rate(chat) < 5%"))
    assert found.verdict == "pass"
    assert found.measured == pytest.approx(2, abs=0.7)
    assert found.count == 3600


def test_a_percentile_unanswered_in_most_runs_fails_and_in_few_is_left_open() -> None:
    good, bad = minute(seed=1), minute(seed=2, failing=0.4)
    assert only(designed(good, bad, minute(seed=3, failing=0.4))).verdict == "fail"
    rare = only(designed(good, minute(seed=4), bad))
    assert rare.verdict == "inconclusive"
    assert "in 1 of 3 runs it falls among the requests" in rare.reason.lower()


def test_runs_too_short_for_intervals_of_their_own_have_one_together_from_three_on() -> None:
    def short(seed: int) -> RunData:
        rng = np.random.default_rng(seed)
        return run(requests(steady(2, 20), 50 + 5 * rng.uniform(size=40)), phases=[phase(2, 20)])

    assert only(designed(short(1), short(2))).verdict == "inconclusive"
    assert only(designed(short(1), short(2), short(3))).verdict == "pass"


def test_a_limit_may_be_relative_to_repeats_of_a_baseline() -> None:
    text = "p95(chat) < baseline + 10%"
    before = designed(minute(1.0, 1), minute(1.01, 2), minute(0.99, 3), text=text)
    assert (
        only(designed(minute(1.3, 4), minute(1.31, 5), text=text, baseline=before)).verdict
        == "fail"
    )
    faster = designed(minute(0.8, 4), minute(0.81, 5), minute(0.8, 6), text=text, baseline=before)
    assert only(faster).verdict == "pass"


def test_capacities_of_repeats_are_judged_together() -> None:
    phases = staircase((10, 20, 30, 40), 10, scenario="chat")
    frames = [
        requests(steady(10, rate, 10 * at), 20, phase=f"stage_{at + 1:02d}")
        for at, rate in enumerate((10, 20, 30, 40))
    ]
    data = run(*frames, phases=phases)
    found = only(designed(data, data, text="capacity(chat) > 20/s"))
    assert found.verdict == "pass"


def test_degenerate_runs_are_inconclusive_and_never_an_exception() -> None:
    empty = run(phases=[phase(10, 10)])
    one = run(requests([1.0], 10.0), phases=[phase(10, 10)])
    for text in (
        P95,
        "error_rate(chat) == 0%",
        "max(chat) < 1s",
        "count(chat) > 3",
        "mean(chat) < 1s",
    ):
        for data in ((empty, empty), (one, one, one), (empty, one)):
            assert only(designed(*data, text=text)).verdict in ("pass", "fail", "inconclusive")
