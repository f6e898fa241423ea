"""Runs against each other: what is real, what is noise, and what must not be compared."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.analysis import comparison, report
from runs.analysis.comparison import Change, Comparison, Row
from runs.analysis.plan import Phase
from runs.analysis.report import Report
from runs.analysis.saturation import Saturation
from runs.analysis.validity import Reason, Validity
from tests.analysis.made_runs import SECOND, phase, requests, run, steady
from tests.analysis.test_criteria_judge import not_reached, point

MIRRORED = {
    "better": "worse",
    "worse": "better",
    "no_change": "no_change",
    "inconclusive": "inconclusive",
}


def made(
    scale: float = 1.0,
    seed: int = 1,
    rate: float = 20.0,
    failing: float = 0.0,
    saturation: Sequence[Saturation] = (),
    labels: dict[str, str] | None = None,
) -> Report:
    """A minute of chat/send in one phase, lognormal around `scale` times 100 ms."""
    rng = np.random.default_rng(seed)
    due = steady(60, rate)
    took = 100 * scale * np.exp(0.3 * rng.normal(size=len(due)))
    outcome = np.where(rng.uniform(size=len(due)) < failing, "server_error", "ok")
    data = run(requests(due, took, outcome=list(outcome)), phases=[phase(60, rate)], labels=labels)
    built = report.build(data)
    return replace(built, saturation=tuple(saturation))


def row(found: Comparison, statistic: str) -> Row:
    (one,) = [one for one in found.rows if one.statistic == statistic]
    return one


def change(found: Comparison, statistic: str) -> Change:
    (one,) = row(found, statistic).changes
    assert one is not None
    return one


def test_a_third_slower_is_worse_with_its_ratio_and_interval() -> None:
    found = comparison.compare([made(), made(1.33, seed=2)])
    p95 = change(found, "p95")
    assert p95.verdict == "worse"
    assert p95.ratio is not None
    assert p95.ratio == pytest.approx(1.33, rel=0.05)
    assert p95.ci is not None
    low, high = p95.ci
    assert low is not None
    assert high is not None
    assert 1 < low < p95.ratio < high
    assert p95.difference == pytest.approx(0.33 * (row(found, "p95").values[0] or 0), rel=0.15)
    assert found.verdicts == ("worse",)


def test_a_run_against_itself_has_not_changed() -> None:
    found = comparison.compare([made(), made()])
    assert change(found, "p50").verdict == "no_change"
    assert change(found, "throughput").verdict == "no_change"
    assert change(found, "error_rate").verdict == "no_change"
    assert found.verdicts == ("no_change",)
    assert found.not_comparable == ()


def test_without_any_scatter_the_noise_between_runs_remains() -> None:
    """exp(2.447 * sqrt(2) * 3 %): Student's t of 6 degrees, the noise of two runs."""
    data = run(requests(steady(60, 20), 100), phases=[phase(60, 20)])
    found = comparison.compare([report.build(data)] * 2)
    assert change(found, "p95").ci == pytest.approx((0.9014, 1.1094), abs=1e-3)


def test_of_many_figures_a_few_are_expected_to_stand_out_by_chance() -> None:
    """Benjamini and Hochberg's own example: 15 comparisons, four discoveries."""
    chances = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
        0.4262, 0.5719, 0.6528, 0.7590, 1.0,
    ]  # fmt: skip
    assert comparison.discovery_limit(chances) == 0.0095
    assert comparison.discovery_limit([0.2, 0.9]) == 0.0
    assert comparison.discovery_limit([]) == 0.0


def test_three_per_cent_more_is_within_the_noise_between_runs() -> None:
    found = comparison.compare([made(), made(1.05, seed=2)])
    p50 = change(found, "p50")
    assert p50.verdict == "inconclusive"
    assert p50.reason.startswith("About")
    assert p50.reason.endswith("runs of each would tell a change of 5 %.")


def test_false_alarms_are_rare_where_runs_differ_as_they_usually_do() -> None:
    """The same build twice, 3 % between runs: at most one in ten pairs has a false row."""
    rng = np.random.default_rng(11)
    alarms = 0
    for pair in range(40):
        first, second = (math.exp(rng.normal(0, 0.03)) for _ in range(2))
        found = comparison.compare([made(first, 2 * pair), made(second, 2 * pair + 1)])
        alarms += found.verdicts[0] in ("worse", "better")
    assert alarms <= 5


def test_more_errors_are_worse_and_their_difference_is_in_per_cent_of_requests() -> None:
    found = comparison.compare([made(failing=0.01), made(failing=0.15, seed=2)])
    errors = change(found, "error_rate")
    assert errors.verdict == "worse"
    assert errors.difference == pytest.approx(14, abs=3)


def test_a_percentile_that_nobody_answered_any_more_is_worse_without_a_ratio() -> None:
    found = comparison.compare([made(), made(failing=0.3, seed=2)])
    p95 = change(found, "p95")
    assert (p95.verdict, p95.ratio) == ("worse", None)
    assert "falls among requests without an expected answer" in p95.reason
    assert row(found, "p95").values[1] is None


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (point("chat"), point("chat", 120.0, (114.0, 126.0)), "better"),
        (point("chat", 120.0, (114.0, 126.0)), point("chat"), "worse"),
        (point("chat"), point("chat", 84.0, (80.0, 88.0)), "inconclusive"),
        (point("chat"), replace(not_reached(130.0), scenario="chat"), "better"),
        (point("chat"), replace(not_reached(82.0), scenario="chat"), "inconclusive"),
        (replace(not_reached(130.0), scenario="chat"), point("chat"), "worse"),
    ],
)
def test_capacities(before: Saturation, after: Saturation, verdict: str) -> None:
    found = comparison.compare([made(saturation=[before]), made(saturation=[after])])
    assert change(found, "capacity").verdict == verdict


def test_a_capacity_known_from_below_says_so_and_has_no_value() -> None:
    after = replace(not_reached(130.0), scenario="chat")
    found = comparison.compare([made(saturation=[point("chat")]), made(saturation=[after])])
    capacity = row(found, "capacity")
    assert capacity.values == (80.0, None)
    assert capacity.intervals[1] == (130.0, None)
    assert change(found, "capacity").reason == (
        "Saturation was not reached up to 130/s in the other run."
    )


def test_another_load_is_not_compared_but_its_capacity_is() -> None:
    more = made(rate=22, saturation=[point("chat", 120.0, (114.0, 126.0))])
    found = comparison.compare([made(saturation=[point("chat")]), more])
    assert [one.statistic for one in found.rows] == ["capacity"]
    assert found.not_comparable == (
        "chat was offered 20/s in plateau of run A and 22/s in run B: only its capacity can be"
        " compared.",
    )


def test_a_closed_load_is_never_compared_with_an_open_one() -> None:
    users = Phase("chat", "plateau", 0, 60 * SECOND, model="closed", users=10)
    frame = requests(steady(60, 20), 100, due_by=["previous"] * 1200)
    closed = replace(
        report.build(run(frame, phases=[users])), saturation=(point("chat", 120.0, (119, 121)),)
    )
    found = comparison.compare([made(saturation=[point("chat")]), closed])
    assert all(one is None for row in found.rows for one in row.changes)
    assert found.not_comparable == (
        "The load of chat is open in run A and closed in run B: they are never compared.",
    )
    assert found.verdicts == ("inconclusive",)


def test_other_phases_campaigns_and_environments_are_told() -> None:
    here = made(labels={"env": "staging"})
    spike = run(
        requests(steady(60, 20), 100),
        requests(steady(10, 20, 60), 100, phase="spike"),
        phases=[phase(60, 20), phase(10, 20, start_s=60, name="spike")],
        labels={"env": "production"},
    )
    there = report.build(spike)
    there = replace(there, run=replace(there.run, campaign="other"))
    assert comparison.compare([here, there]).not_comparable == (
        "Run B is of the campaign other, run A of made: only what has the same name and load is"
        " compared.",
        "Run A ran in the environment staging, run B in production: a change may be the"
        " environment's.",
        "chat has spike in run B only.",
    )


def test_nothing_is_concluded_from_a_run_that_is_not_valid() -> None:
    broken = replace(made(2.0), validity=Validity("invalid", (Reason("aborted", None, "…"),)))
    found = comparison.compare([made(), broken])
    assert found.not_comparable == ("Run B is not valid: nothing can be concluded from it.",)
    assert {one.verdict for row in found.rows for one in row.changes if one} == {"inconclusive"}


def test_three_runs_are_held_against_the_first_and_the_worst_row_leads() -> None:
    found = comparison.compare([made(), made(0.6, seed=2), made(1.6, seed=3)])
    assert found.verdicts == ("better", "worse")
    first = found.rows[0]
    assert [one.verdict for one in first.changes if one] == ["better", "worse"]
    means = {one.statistic: one for one in found.means}
    assert means["p95"].ratios == pytest.approx((0.6, 1.6), rel=0.08)
    assert means["p95"].rows == 1


@pytest.mark.parametrize("count", [0, 1, 7])
def test_two_to_six_runs_are_compared(count: int) -> None:
    with pytest.raises(ValueError, match="two to 6 runs"):
        comparison.compare([made()] * count)


def inverse(bound: float | None) -> float | None:
    return None if bound is None else 1 / bound


@settings(deadline=None, max_examples=20)
@given(
    st.floats(0.5, 2), st.floats(0, 0.3), st.floats(0, 0.3), st.integers(0, 99), st.integers(0, 2)
)
def test_swapping_the_sides_mirrors_the_comparison(
    scale: float, failing: float, failing_after: float, seed: int, reached: int
) -> None:
    points = [
        point("chat") if reached else replace(not_reached(100.0), scenario="chat"),
        point("chat", 80 * scale, (76 * scale, 84 * scale))
        if reached < 2
        else replace(not_reached(100 * scale), scenario="chat"),
    ]
    sides = [
        made(1.0, seed, failing=failing, saturation=points[:1]),
        made(scale, seed + 1, failing=failing_after, saturation=points[1:]),
    ]
    there = {one.statistic: one for one in comparison.compare(sides).rows}
    back = {one.statistic: one for one in comparison.compare(sides[::-1]).rows}
    assert there.keys() == back.keys()
    for statistic, one in there.items():
        (forth,), (again,) = one.changes, back[statistic].changes
        assert forth is not None
        assert again is not None
        assert one.values == back[statistic].values[::-1]
        assert again.verdict == MIRRORED[forth.verdict]
        assert inverse(again.ratio) == pytest.approx(forth.ratio)
        if forth.ci is not None:
            assert again.ci is not None
            assert (inverse(again.ci[1]), inverse(again.ci[0])) == pytest.approx(forth.ci)


def test_no_figure_is_infinite_or_not_a_number_whatever_failed() -> None:
    for failing in (0.0, 0.05, 0.5, 1.0):
        for found in (
            comparison.compare([made(), made(failing=failing)]),
            comparison.compare([made(failing=failing), made()]),
            comparison.compare([made(failing=failing), made(failing=failing)]),
        ):
            for one in found.rows:
                figures = list(one.values) + [b for ci in one.intervals if ci for b in ci]
                for two in one.changes:
                    assert two is not None
                    figures += [two.ratio, two.difference, *(two.ci or ())]
                assert all(figure is None or math.isfinite(figure) for figure in figures)


def test_runs_without_samples_have_nothing_to_compare() -> None:
    empty = report.build(run(phases=[phase(10, 10)]))
    found = comparison.compare([empty, made()])
    assert found.rows == ()
    assert found.verdicts == ("inconclusive",)
