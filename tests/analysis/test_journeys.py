"""Journeys, put together from literal samples."""

import itertools
from dataclasses import replace

import polars as pl
import pytest

from runs.analysis import journeys
from runs.analysis.plan import Phase, Plan
from runs.analysis.run_data import RunData, RunInfo
from tests.analysis.staircases import COLUMNS, row


def _of(*rows: dict[str, object]) -> pl.DataFrame:
    return journeys.of(pl.DataFrame(list(rows), schema=COLUMNS))


def test_a_journey_is_good_when_each_step_answered_as_expected() -> None:
    found = _of(
        row("plateau", 1, 0.0, 0.1, step="login"),
        row("plateau", 1, 0.1, 0.3, step="chat"),
        row("plateau", 2, 1.0, 1.1, step="login"),
        row("plateau", 2, 1.1, 1.2, "server_error", step="chat"),
    )
    assert found["good"].to_list() == [True, False]
    assert found["due_us"].to_list() == [0, 1_000_000]
    assert found["ended_us"].to_list() == [300_000, 1_200_000]
    assert found["requests"].to_list() == [2, 2]
    assert found["outcome"].to_list() == ["ok", "server_error"]


def test_a_retry_that_succeeds_makes_the_journey_good() -> None:
    found = _of(
        row("plateau", 1, 0.0, 0.1, "refused"),
        row("plateau", 1, 0.5, 0.6, attempt=2),
        row("plateau", 2, 1.0, 1.1, "refused"),
        row("plateau", 2, 1.5, 1.6, "refused", attempt=2),
    )
    assert found["good"].to_list() == [True, False]
    assert found["refused"].to_list() == [False, True]
    assert found["requests"].to_list() == [1, 1]


def test_a_retry_of_one_step_does_not_excuse_another() -> None:
    found = _of(
        row("plateau", 1, 0.0, 0.1, "timeout", step="login"),
        row("plateau", 1, 0.2, 0.3, step="chat", attempt=1),
        row("plateau", 1, 0.4, 0.5, step="chat", attempt=2),
    )
    assert found["good"].to_list() == [False]
    assert found["timed_out"].to_list() == [True]


def test_the_outcome_is_that_of_the_first_step_that_failed() -> None:
    found = _of(
        row("plateau", 1, 0.2, 0.3, "check_failed", step="read"),
        row("plateau", 1, 0.0, 0.1, "server_error", step="write"),
    )
    assert found["outcome"].to_list() == ["server_error"]
    assert found["status"].to_list() == [500]


def test_a_journey_belongs_to_the_phase_in_which_it_began() -> None:
    found = _of(
        row("spike", 1, 5.1, 5.2, step="chat"),
        row("plateau", 1, 4.9, 5.1, step="login"),
    )
    assert found["phase"].to_list() == ["plateau"]


def test_the_same_number_means_another_journey_for_another_worker_user_or_scenario() -> None:
    found = _of(
        row("plateau", 1, 0.0, 0.1),
        row("plateau", 1, 0.1, 0.2, worker=1),
        row("plateau", 1, 0.2, 0.3, user=1),
        row("plateau", 1, 0.3, 0.4, scenario="chat"),
    )
    assert found.height == 4


def test_samples_without_journey_are_a_journey_each() -> None:
    found = _of(
        row("plateau", None, 0.0, 0.1, user=None, worker=None),
        row("plateau", None, 0.1, 0.2, user=None, worker=None),
    )
    assert found.height == 2
    assert found["good"].to_list() == [True, True]


def test_only_the_columns_that_every_spool_has_are_needed() -> None:
    found = journeys.of(
        pl.DataFrame(
            {
                "scenario": ["billing", "billing"],
                "step": ["usage", "usage"],
                "phase": ["plateau", "plateau"],
                "started_us": [10, 20],
                "ended_us": [30, 40],
                "outcome": ["ok", "timeout"],
            }
        )
    )
    assert found["due_us"].to_list() == [10, 20]
    assert found["good"].to_list() == [True, False]
    assert found["status"].to_list() == [None, None]


def test_no_samples_are_no_journeys() -> None:
    found = _of()
    assert found.is_empty()
    assert found.columns == list(journeys.SCHEMA)


def test_absurd_times_are_no_reason_to_fail() -> None:
    found = _of(
        row("plateau", 1, 0.0, 0.1, started_us=-(2**62), due_us=2**62),
        row("plateau", 2, 0.0, 0.1, started_us=None, due_us=None, ended_us=None),
    )
    assert found.height == 2


def test_absurd_identities_are_told_apart() -> None:
    found = _of(
        row("plateau", 2**62, 0.0, 0.1, user=2**62, worker=-(2**62)),
        row("plateau", 1, 0.1, 0.2, user=-(2**62), worker=2**62),
        row("plateau", 1, 0.2, 0.3, user=-(2**62), worker=2**62, step="other"),
    )
    assert found.height == 2


def test_rows_leave_the_warm_up_out_and_judge_only_what_was_sent_and_not_cut() -> None:
    phase = Phase("billing", "plateau", 0, 10_000_000, warm_up_us=1_000_000)
    rows = [
        row("plateau", 1, 0.5, 9.0),
        row("plateau", 2, 1.0, 1.1),
        row("plateau", 3, 2.0, 2.3),
        row("plateau", 4, 3.0, 3.0, "server_error"),
        row("plateau", 5, 4.0, 4.0, "dropped"),
        row("plateau", 6, 9.9, 12.0, "cut"),
    ]
    frame = pl.DataFrame(rows, schema=COLUMNS)
    data = RunData(
        RunInfo("r", "c", None, None), Plan((phase,)), frame, pl.DataFrame(), pl.DataFrame()
    )
    (entry,) = journeys.rows(data)
    assert entry.count == 5
    assert entry.success_rate == pytest.approx(2 / 3)
    assert (entry.duration_ms.min, entry.duration_ms.max) == (100.0, 300.0)


def test_rows_of_a_phase_without_journeys_are_unknown_not_zero() -> None:
    phase = Phase("billing", "plateau", 0, 10_000_000)
    frame = pl.DataFrame([], schema=COLUMNS)
    data = RunData(
        RunInfo("r", "c", None, None), Plan((phase,)), frame, pl.DataFrame(), pl.DataFrame()
    )
    (entry,) = journeys.rows(data)
    assert (entry.count, entry.success_rate, entry.duration_ms.p95) == (0, None, None)


def test_a_phase_that_only_the_samples_name_has_its_row_and_a_repeated_one_has_one() -> None:
    rows = [row("again", 1, 0.5, 0.6), row("again", 2, 5.5, 5.6), row("other", 3, 20.0, 20.1)]
    twice = tuple(
        Phase("billing", "again", start, start + 1_000_000, rate_from=1, rate_to=1)
        for start in (0, 5_000_000)
    )
    frame = pl.DataFrame(rows, schema=COLUMNS)
    data = RunData(
        RunInfo("r", "c", None, None), Plan(twice), frame, pl.DataFrame(), pl.DataFrame()
    )
    found = {one.phase: one.count for one in journeys.rows(data)}
    assert found == {"again": 2, "other": 1}


def test_of_very_many_samples_the_journeys_are_put_together_in_pieces_and_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of its two steps in turn, so that the samples of a journey lie far apart; some are of
    no journey, some of negative numbers, and the numbers of the two workers are the same."""
    numbers = [*range(-7, 40), None]
    rows = [
        row("plateau", number, at / 10, at / 10 + 0.3, scenario=scenario, step=step) | {"worker": w}
        for at, (step, scenario, w, number) in enumerate(
            itertools.product(("ask", "read"), ("billing", "chat"), (0, 1), numbers)
        )
    ]
    data = RunData(
        info=RunInfo("run", "campaign", None, None),
        plan=Plan(()),
        samples=pl.DataFrame(rows, schema=COLUMNS),
        readings=pl.DataFrame(),
        health=pl.DataFrame(),
    )
    whole = journeys.of_run(replace(data))
    assert whole.height == 2 * 2 * (47 + 2)

    monkeypatch.setattr(journeys, "_PIECE", 40)

    assert journeys.of_run(replace(data)).equals(whole)
