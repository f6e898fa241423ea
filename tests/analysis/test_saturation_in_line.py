"""What was seen of single loads goes before what a model makes of the overload."""

from collections.abc import Sequence

import numpy as np
import pytest

from runs.analysis.saturation import balance, closed, open_model, words
from runs.analysis.saturation.balance import Baseline, Stage
from runs.analysis.saturation.closed import Closed, Level
from runs.analysis.saturation.flow import Flow, Segment
from runs.analysis.saturation.open_model import Found
from runs.analysis.saturation.refusals import Limit


def _stage(
    offered: float, loss: float = 0.0, doubt: float = 0.001, goodput: float | None = None
) -> Stage:
    """Overloaded, and for good, where it loses more than 2 %."""
    bad = loss > 0.02
    goodput = offered * (1 - loss) if goodput is None else goodput
    return Stage(
        Segment(f"at {offered}", offered, offered + 10, False), (offered, offered + 10), offered,
        goodput, round(10 * offered), loss, loss / doubt, 0.0, 0.0, 9.0 if bad else 0.0,
        is_lasting=bad, is_overloaded=bad, doubt=doubt,
    )  # fmt: skip


def _found(capacity: float, ci: tuple[float, float], stages: Sequence[Stage]) -> Found:
    return open_model._in_line(Found("reached", tuple(stages), capacity, ci, "queue"))


STAIRS = (_stage(60), _stage(80), _stage(100), _stage(120, 0.1), _stage(140, 0.2))


def test_an_estimate_between_what_was_kept_up_with_and_what_was_lost_stays() -> None:
    found = _found(108, (106, 110), STAIRS)
    assert (found.capacity, found.ci) == (108, (106, 110))
    assert found.sustained == 100


def test_an_estimate_far_above_a_load_that_was_lost_is_of_something_else() -> None:
    found = _found(135, (130, 140), STAIRS)
    assert found.ci is not None
    assert found.capacity == pytest.approx(110, abs=3)
    assert 96 < found.ci[0] < 102
    assert 118 < found.ci[1] < 124


def test_an_estimate_below_a_load_that_was_kept_up_with_is_raised_to_it() -> None:
    """The findings of a real server: a stage of 75/s was answered whole, and 68/s was reported."""
    found = _found(90, (85, 95), STAIRS)
    assert found.capacity == found.sustained == 100
    assert found.ci is not None
    assert found.ci[0] == 85
    assert found.ci[1] > 100


def test_a_stage_too_short_to_show_the_loss_raises_nothing_and_is_not_said_to_be_sustained() -> (
    None
):
    short = (_stage(60), _stage(80), _stage(100, doubt=0.05), _stage(120, 0.1))
    found = _found(90, (85, 95), short)
    assert (found.capacity, found.ci) == (90, (85, 95))
    assert found.sustained == 80


def test_a_small_loss_that_is_sure_is_not_sustained() -> None:
    stages = (_stage(60), _stage(80), _stage(100, 0.015), _stage(120, 0.1))
    assert [one.offered for one in balance.sustained(stages)] == [60, 80]
    assert [one.offered for one in balance.kept(stages)] == [60, 80, 100]


def test_credit_behind_a_limit_carries_a_load_that_is_not_sustained() -> None:
    limit = Limit(False, None, "global")
    found = Found("reached", STAIRS, 90.0, (89.0, 91.0), "rate_limit", limit=limit)
    assert found.sustained == 80


def test_of_users_who_wait_the_best_of_many_stages_is_not_more_than_the_capacity() -> None:
    levels = tuple(Level("", n, (0.0, 9.0), x, 1.0, x) for n, x in ((1, 50.0), (2, 99), (3, 103)))
    assert Closed("reached", levels, 101.0, (99.0, 104.0)).sustained == 101
    assert Closed("not_reached", levels).sustained == 103
    assert closed.find(_empty(), ()).sustained is None


def _empty() -> Flow:
    nothing, flags = np.zeros(0), np.zeros(0, dtype=bool)
    numbers = np.zeros(0, dtype=np.int64)
    return Flow(nothing, nothing, flags, flags, flags, flags, numbers, numbers, numbers, numbers)


def test_stages_that_lose_one_after_the_other_are_evidence_together() -> None:
    """A call in thirteen lacks in each of two stages of a hundred calls: neither is proof."""
    due = np.arange(0, 60, 0.1)
    good = (due < 20) | (np.arange(len(due)) % 13 > 0)
    flags, numbers = np.zeros(len(due), dtype=bool), np.zeros(len(due), dtype=np.int64)
    flow = Flow(
        due, due + 0.05, good, flags, flags, flags, numbers, numbers, numbers + 1, numbers
    )  # fmt: skip
    base = Baseline(np.full(64, 0.05), 0.0)
    row = tuple(
        balance._marked(
            Stage(Segment("", a, b, False), (a, b), 10.0, 9.2, 200, 0.08, 4.0, 0, 0, 1, False)
        )
        for a, b in ((20.0, 40.0), (40.0, 60.0))
    )
    assert all(one.is_lasting for one in balance._together(flow, row, base))
    assert not balance._together(flow, row[:1], base)[0].is_lasting


@pytest.mark.parametrize(
    ("goodput", "said"),
    [(60.0, "goodput falls, to 60/s"), (110, "stays at 110/s"), (130, "still rises, to 130/s")],
)
def test_the_sentence_says_what_became_of_goodput(goodput: float, said: str) -> None:
    stages = (*STAIRS[:3], _stage(140, 0.2, goodput=goodput))
    found = Found("reached", stages, 110.0, (108.0, 112.0), "queue")
    assert said in words.of_open("billing", found, 100.0, 140.0)
