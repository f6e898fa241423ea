"""Groups of repeats against each other, and the noise between runs that repeats teach."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.analysis import comparison, report
from runs.analysis.comparison import Noise
from runs.analysis.plan import Phase
from runs.analysis.report import Report
from runs.analysis.run_data import RunData
from runs.analysis.validity import Reason, Validity
from tests.analysis.made_runs import SECOND, phase, requests, run, steady
from tests.analysis.test_comparison import MIRRORED, change, inverse, made, row
from tests.analysis.test_criteria_judge import not_reached, point


def repeats(
    factors: Sequence[float], seed: int = 0, failing: float = 0.0, capacity: float | None = None
) -> list[Report]:
    """Runs whose times are all multiplied by a factor each."""
    points = [] if capacity is None else [point("chat", capacity, (capacity - 2, capacity + 2))]
    return [
        made(factor, seed + at, failing=failing, saturation=points)
        for at, factor in enumerate(factors)
    ]


def drawn(rng: np.random.Generator, noise: float, runs: int) -> list[float]:
    return [float(one) for one in np.exp(noise * rng.normal(size=runs))]


def test_three_against_three_tells_what_one_against_one_does_not() -> None:
    old, new = repeats([1.0, 1.01, 0.99]), repeats([1.1, 1.11, 1.09], seed=9)
    assert change(comparison.compare([old[0], new[0]]), "p50").verdict == "inconclusive"
    found = comparison.compare_groups([old, new])
    p50 = change(found, "p50")
    assert p50.verdict == "worse"
    assert p50.ratio == pytest.approx(1.1, rel=0.02)
    assert [len(group) for group in found.groups] == [3, 3]
    assert row(found, "p50").values[0] == pytest.approx(100, rel=0.03)


def test_repeats_that_differ_widely_make_the_same_change_uncertain() -> None:
    old, new = repeats([0.8, 1.0, 1.25]), repeats([0.88, 1.1, 1.375], seed=9)
    p50 = change(comparison.compare_groups([old, new]), "p50")
    assert p50.verdict == "inconclusive"
    assert p50.reason == "The figure varies too much for more runs to tell."


@pytest.mark.parametrize("noise", [0.02, 0.06])
def test_the_noise_between_runs_is_learned_from_groups_of_repeats(noise: float) -> None:
    rng = np.random.default_rng(5)
    groups = [repeats(drawn(rng, noise, 4), seed=10 * at) for at in range(6)]
    learned = comparison.learn(groups).get("p50")
    assert learned is not None
    assert learned.degrees == 12  # of 18, no more than these are believed
    assert math.sqrt(learned.variance) == pytest.approx(noise, rel=0.5)


def test_a_project_without_noise_tells_smaller_changes_than_one_with_much() -> None:
    quiet = comparison.learn([repeats([1.0, 1.002, 0.998, 1.0], seed=at) for at in (0, 10)])
    loud = comparison.learn([repeats([0.85, 1.1, 1.0, 1.2], seed=at) for at in (0, 10)])
    pair = [made(1.0, 50), made(1.12, 51)]
    assert change(comparison.compare(pair, quiet), "p50").verdict == "worse"
    assert change(comparison.compare(pair, loud), "p50").verdict == "inconclusive"
    assert {
        one.source for one in comparison.compare(pair, loud).noise if one.statistic == "p50"
    } == {"history"}
    assert {one.source for one in comparison.compare(pair).noise} == {"assumed"}


def test_what_is_not_valid_teaches_nothing_and_counts_nowhere() -> None:
    broken = replace(made(3.0), validity=Validity("invalid", (Reason("aborted", None, "…"),)))
    assert comparison.learn([[made(), broken], [broken, broken], [made()]]) == Noise()
    found = comparison.compare_groups([[made(), made(seed=2)], [made(seed=3), broken]])
    assert change(found, "p50").verdict != "worse"
    assert found.not_comparable == ("1 of the 2 runs B are not valid: they are left out.",)
    found = comparison.compare_groups([[made()], [broken, broken]])
    assert found.not_comparable == (
        "None of the runs B is valid: nothing can be concluded from them.",
    )
    assert {one.verdict for one in (change(found, "p50"), change(found, "p95"))} == {"inconclusive"}


def test_a_percentile_that_is_unanswered_in_one_of_three_runs_is_not_concluded_from() -> None:
    half = [*repeats([1.0, 1.0], seed=5), *repeats([1.0], seed=7, failing=0.3)]
    p95 = change(comparison.compare_groups([repeats([1.0] * 3), half]), "p95")
    assert (p95.verdict, p95.ratio) == ("inconclusive", None)


def test_capacities_of_repeats_join_and_one_that_went_further_leaves_the_top_open() -> None:
    old, new = repeats([1.0] * 3, capacity=80), repeats([1.0] * 3, seed=9, capacity=100)
    assert change(comparison.compare_groups([old, new]), "capacity").verdict == "better"
    beyond = [*new[:2], made(1.0, 20, saturation=[replace(not_reached(130.0), scenario="chat")])]
    capacity = change(comparison.compare_groups([old, beyond]), "capacity")
    assert capacity.ci is not None
    assert capacity.ci[1] is None


def test_a_side_without_a_run_and_too_many_sides_are_refused() -> None:
    for groups in ([[made()], []], [[made()]], [[made()]] * 7):
        with pytest.raises(ValueError, match="compare"):
            comparison.compare_groups(groups)


def test_what_only_one_side_has_is_kept_beside_the_rows() -> None:
    other = made()
    series = tuple(replace(one, step="other") if one.step else one for one in other.series)
    found = comparison.compare([made(), replace(other, series=series)])
    assert found.rows == ()
    assert {one.step for one in found.only_in} == {"send", "other"}
    assert found.not_comparable == (
        "chat has the step send in run A only.",
        "chat has the step other in run B only.",
    )


@settings(deadline=None, max_examples=15)
@given(
    st.floats(0.7, 1.5), st.integers(1, 3), st.integers(1, 3), st.integers(0, 99),
    st.floats(0, 0.2),
)  # fmt: skip
def test_swapping_the_sides_mirrors_groups_too(
    scale: float, runs: int, others: int, seed: int, failing: float
) -> None:
    rng = np.random.default_rng(seed)
    old = repeats(drawn(rng, 0.05, runs), seed, failing=failing / 2, capacity=80)
    new = repeats([scale * one for one in drawn(rng, 0.05, others)], seed + 7, failing, 80 / scale)
    there = {one.statistic: one for one in comparison.compare_groups([old, new]).rows}
    back = {one.statistic: one for one in comparison.compare_groups([new, old]).rows}
    assert there.keys() == back.keys()
    for statistic, one in there.items():
        (forth,), (again,) = one.changes, back[statistic].changes
        assert forth is not None
        assert again is not None
        assert again.verdict == MIRRORED[forth.verdict]
        assert inverse(again.ratio) == pytest.approx(forth.ratio)
        if forth.ci is not None:
            assert again.ci is not None
            assert [inverse(end) for end in again.ci[::-1]] == pytest.approx(list(forth.ci))


def test_false_alarms_of_three_against_three_keep_to_their_share_whatever_the_noise() -> None:
    """Of 120 rows of nothing new at 1, 5 and 10 % between runs, 5 % are to leave out 1."""
    rng = np.random.default_rng(3)
    library = [made(1.0, seed) for seed in range(6)]
    alarms = 0
    for noise in (0.01, 0.05, 0.10):
        for _ in range(40):
            sides = [
                [_scaled(library[3 * side + at], factor) for at, factor in enumerate(factors)]
                for side, factors in enumerate((drawn(rng, noise, 3), drawn(rng, noise, 3)))
            ]
            ci = change(comparison.compare_groups(sides), "p50").ci
            assert ci is not None
            assert ci[0] is not None
            assert ci[1] is not None
            alarms += not ci[0] <= 1 <= ci[1]
    assert alarms <= 13


def _scaled(whole: Report, factor: float) -> Report:
    """The same run with its p50 multiplied."""

    def scaled(one: object) -> object:
        response = one.response_ms  # type: ignore[attr-defined]
        low, high = response.ci["p50"] or (1.0, 1.0)
        ci = {**response.ci, "p50": (low * factor, high * factor)} if response.ci["p50"] else {}
        times = replace(response, p50=response.p50 * factor, ci={**response.ci, **ci})
        return replace(one, response_ms=times)  # type: ignore[type-var]

    series = tuple(one if one.pooled else scaled(one) for one in whole.series)
    return replace(whole, series=series)  # type: ignore[arg-type]


def test_other_company_is_told_where_a_scenario_itself_has_the_same_load() -> None:
    def with_other(rate: float) -> Report:
        other = requests(steady(60, rate), 50.0, scenario="billing")
        chat = requests(steady(60, 20), 100.0)
        phases = [phase(60, 20), phase(60, rate, scenario="billing")]
        return report.build(run(chat, other, phases=phases))

    assert comparison.compare([with_other(10), with_other(20)]).not_comparable == (
        "billing was offered 10/s in plateau of run A and 20/s in run B: only its capacity can be"
        " compared.",
        "The mix of scenarios differs between run A and run B: chat has the same load in both and"
        " can be compared, but a change may be the mix's.",
    )


@pytest.mark.parametrize(("users", "is_compared"), [(10, True), (12, False)])
def test_closed_loads_are_the_same_where_their_users_are(users: int, is_compared: bool) -> None:
    """Whatever rate comes of it: that follows from how fast the answers were."""

    def closed(count: int, rate: float) -> Report:
        plan = Phase("chat", "plateau", 0, 60 * SECOND, model="closed", users=count)
        frame = requests(steady(60, rate), 100, due_by=["previous"] * round(60 * rate))
        return report.build(run(frame, phases=[plan]))

    found = comparison.compare([closed(10, 20), closed(users, 26)])
    assert bool(found.rows) is is_compared
    if not is_compared:
        assert found.not_comparable == (
            "chat had 10 users in plateau of run A and 12 users in run B: only its capacity can be"
            " compared.",
        )


@pytest.mark.parametrize(
    ("planned", "offered", "is_compared"),
    [
        (20, 21.2, True),  # by chance: 1,200 arrivals that were drawn at random
        (21, 20, False),  # the plan asked for more, whatever came of it
        (20, 26, False),  # no chance does that
    ],
)
def test_open_loads_are_the_same_where_their_plans_are(
    planned: float, offered: float, is_compared: bool
) -> None:
    def opened(plan: float, rate: float) -> Report:
        return report.build(run(requests(steady(60, rate), 100), phases=[phase(60, plan)]))

    found = comparison.compare([opened(20, 20), opened(planned, offered)])
    assert bool(found.rows) is is_compared
    if not is_compared:
        told = planned if planned != 20 else offered
        assert f"in plateau of run A and {told:g}/s in run B" in found.not_comparable[0]


def test_relative_criteria_take_repeats_as_their_baseline() -> None:
    def minute(took: float, criteria: Sequence[str] = ()) -> RunData:
        frame = requests(steady(60, 20), np.asarray(took + np.arange(1200) % 7, dtype=np.float64))
        return run(frame, phases=[phase(60, 20)], criteria=criteria)

    now = minute(120, ["p50(chat) < baseline + 10%"])
    (judged,) = report.build(now, [minute(90), minute(100), minute(110)]).criteria
    assert judged.verdict == "fail"
    assert judged.limit == pytest.approx(1.1 * (93 * 103 * 113) ** (1 / 3), rel=0.001)


def test_a_run_under_another_load_is_no_repeat() -> None:
    found = comparison.compare_groups(
        [[made(), made(seed=2)], [made(seed=3), made(3.0, 4, rate=40)]]
    )
    assert change(found, "p50").verdict != "worse"
    assert found.not_comparable == (
        "1 of the 2 runs B had other scenarios or another load than the first: they are left out.",
    )
