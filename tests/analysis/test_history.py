"""When a figure changed over a project's runs: confirmed, suspected, or too early to tell."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.analysis import history
from runs.analysis.history import History

NOISE = np.exp(0.02 * np.random.default_rng(4).normal(size=200))


def levels(*parts: tuple[int, float]) -> list[float]:
    """So many runs at each level, with 2 % of noise."""
    steps = np.concatenate([np.full(runs, level) for runs, level in parts])
    return [float(one) for one in steps * NOISE[: len(steps)]]


def test_a_step_is_confirmed_where_it_began_with_its_size() -> None:
    found = history.detect(levels((20, 100.0), (10, 120.0)))
    (change,) = found.changes
    assert (change.status, change.at, change.direction, change.runs) == (
        "confirmed",
        20,
        "worse",
        10,
    )
    assert change.before == pytest.approx(100, rel=0.02)
    assert change.after == pytest.approx(120, rel=0.02)
    assert change.ratio == pytest.approx(1.2, rel=0.03)
    assert change.ci is not None
    assert 1.1 < change.ci[0] < 1.2 < change.ci[1] < 1.3
    assert [(one.first, one.last, one.runs) for one in found.levels] == [(0, 19, 20), (20, 29, 10)]


@pytest.mark.parametrize(
    ("better", "direction"), [("lower", "better"), ("higher", "worse"), (None, "changed")]
)
def test_whether_a_fall_is_good_depends_on_the_figure(better: str | None, direction: str) -> None:
    found = history.detect(levels((15, 100.0), (15, 80.0)), better=better)  # type: ignore[arg-type]
    assert [one.direction for one in found.changes] == [direction]


def test_steps_one_after_the_other_are_told_apart() -> None:
    found = history.detect(levels((30, 100.0), (30, 130.0), (30, 90.0)))
    assert [one.at for one in found.confirmed] == [30, 60]


@pytest.mark.parametrize("outlier", [1.2, 3.0, 100.0, 0.01])
def test_one_outlier_as_the_newest_run_is_suspected_and_never_confirmed(outlier: float) -> None:
    values = levels((30, 100.0))
    found = history.detect([*values, 100 * outlier])
    (change,) = found.changes
    assert (change.status, change.at, change.runs) == ("suspected", 30, 1)
    assert change.reason == "Seen in 1 run: 2 more runs at this level would confirm it."


def test_two_runs_at_a_new_level_are_suspected_from_the_first_of_them() -> None:
    (change,) = history.detect(levels((30, 100.0), (2, 150.0))).changes
    assert (change.status, change.at, change.runs) == ("suspected", 30, 2)
    assert change.ratio == pytest.approx(1.5, rel=0.05)


def test_a_third_run_confirms_what_two_had_suspected() -> None:
    (change,) = history.detect(levels((30, 100.0), (3, 150.0))).changes
    assert (change.status, change.at) == ("confirmed", 30)


def test_an_outlier_in_the_middle_is_no_change() -> None:
    values = levels((40, 100.0))
    values[20] *= 3
    assert history.detect(values).changes == ()


def test_what_is_material_to_nobody_is_not_told() -> None:
    values = [100 + 0.01 * noise for noise in NOISE[:20]] + [102 + 0.01 * n for n in NOISE[:20]]
    assert history.detect(values).changes == ()
    assert len(history.detect(values, smallest=0.01).changes) == 1


def test_a_history_that_is_too_short_says_how_many_runs_are_missing() -> None:
    found = history.detect(levels((3, 100.0), (2, 200.0)))
    assert (found.runs, found.more_runs, found.changes) == (5, 3, ())
    assert found.reason == "The history is too short: 3 more runs."


def test_runs_without_a_figure_are_passed_over_and_places_stay_those_of_the_runs() -> None:
    values: list[float | None] = list(levels((20, 100.0), (10, 120.0)))
    values[5:5] = [None, math.nan, math.inf]
    (change,) = history.detect(values).changes
    assert change.at == 23
    assert history.detect(values).runs == 30


@pytest.mark.parametrize(
    "values",
    [
        [],
        [None] * 20,
        [5.0] * 20,
        [0.0] * 20,
        [0.0] * 10 + [0.01] * 10,
        [-1.0, 1.0] * 10,
        [1e308] * 9,
    ],
)
def test_degenerate_histories_give_neither_an_exception_nor_a_nan(values: list[float]) -> None:
    found = history.detect(values)
    for change in found.changes:
        assert all(math.isfinite(one) for one in (change.before, change.after))
    assert all(level.median is not None for level in found.levels)


def test_an_error_rate_that_leaves_zero_has_no_ratio() -> None:
    (change,) = history.detect([0.0] * 10 + [0.02, 0.021, 0.019, 0.02]).changes
    assert (change.status, change.ratio, change.ci) == ("confirmed", None, None)
    assert (change.before, change.after) == (0.0, 0.02)


def test_the_prediction_interval_of_a_level_holds_what_comes_next() -> None:
    (level,) = history.detect(levels((40, 100.0))).levels
    assert level.low is not None
    assert level.high is not None
    assert 93 < level.low < 97 < 103 < level.high < 107


def _shape(found: History) -> list[tuple[str, int]]:
    return [(one.status, one.at) for one in found.changes]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    runs=st.integers(8, 60),
    step=st.floats(0.5, 2.0),
    unit=st.sampled_from([1e-3, 0.5, 1000.0]),
)
def test_neither_the_unit_nor_the_end_from_which_one_reads_matters(
    seed: int, runs: int, step: float, unit: float
) -> None:
    rng = np.random.default_rng(seed)
    values = 100 * np.exp(0.03 * rng.normal(size=runs))
    values[runs // 2 :] *= step
    found = history.detect(list(values))
    assert _shape(history.detect(list(values * unit))) == _shape(found)
    backwards = history.detect(list(values[::-1]))
    assert sorted(runs - one.at for one in backwards.confirmed) == [
        one.at for one in found.confirmed
    ]
