"""Figures as people read them."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from runs.analysis import wording

NOW = datetime(2024, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"),
        (0.01234, "0.0123"),
        (7.0, "7"),
        (12.34, "12.3"),
        (123.4, "123"),
        (12345.6, "12,346"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_a_number_keeps_three_significant_digits(value: float | None, words: str) -> None:
    assert wording.number(value) == words


@pytest.mark.parametrize(
    ("value", "interval", "words"),
    [
        (74.13, (73.2, 75.1), ("74.1", "73.2 to 75.1")),
        (74.13, (72.9, 75.3), ("74", "73 to 75")),
        (1234.5, (1200, 1270), ("1,234", "1,200 to 1,270")),
        (0.512, (0.498, 0.526), ("0.51", "0.50 to 0.53")),
        (74.13, None, ("74.1", "")),
        (74.13, (None, 80.0), ("74.1", "")),
        (None, (1.0, 2.0), ("–", "")),
    ],
)
def test_an_interval_decides_the_digits(
    value: float | None, interval: tuple[float | None, float | None], words: tuple[str, str]
) -> None:
    assert wording.figure_and_interval(value, interval) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(12.34, "12.3 ms"), (999.0, "999 ms"), (1000.0, "1 s"), (1234.0, "1.23 s"), (None, "–")],
)
def test_milliseconds_become_seconds_from_a_thousand_on(value: float | None, words: str) -> None:
    assert wording.milliseconds(value) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0 %"), (0.004, "0.40 %"), (0.00001, "< 0.01 %"), (0.383, "38.3 %"), (1.0, "100 %")],
)
def test_something_never_reads_as_nothing(share: float, words: str) -> None:
    assert wording.percent(share) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(4.25, "4.2 s"), (60, "1 min"), (90, "1 min 30 s"), (59.96, "60 s"), (7500, "2 h 5 min")],
)
def test_durations_use_two_units_at_most(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(seconds=61), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=20), "2 weeks ago"),
        (timedelta(days=-2), "in 2 days"),
    ],
)
def test_times_are_said_from_now(ago: timedelta, words: str) -> None:
    assert wording.relative(NOW - ago, NOW) == words


@pytest.mark.parametrize(
    ("ratio", "words"), [(1.18, "+18 %"), (0.9, "−10 %"), (1.034, "+3.4 %"), (1.0, "±0 %")]
)
def test_a_ratio_is_a_signed_change(ratio: float, words: str) -> None:
    assert wording.change(ratio) == words


def test_a_capacity_says_whether_it_was_reached() -> None:
    billing = {"scenario": "billing", "verdict": "reached", "bound": "exact", "up_to_jps": 120.0}
    known = {"capacity_jps": 74.2, "ci_jps": [72.9, 75.3]}
    assert wording.capacity(billing | known) == "Billing saturates at 74/s (73 to 75)"
    lower = billing | known | {"bound": "lower"}
    assert wording.capacity(lower) == "Billing saturates at 74/s or more (73 to 75)"
    assert (
        wording.capacity(billing | {"scenario": "chat", "verdict": "not_reached"})
        == "Chat: saturation not reached up to 120/s"
    )
    open_point = billing | {"verdict": "inconclusive"}
    told = "Billing: too little evidence of a saturation point"
    assert wording.capacity(open_point) == f"{told} up to 120/s"
    assert wording.capacity(open_point | {"up_to_jps": None}) == told
    assert "does not pin down" in wording.capacity(billing | {"capacity_jps": None})


def test_headroom_is_a_ratio_with_its_peak() -> None:
    entry = {"peak_jps": 50.0, "ratio": 1.68, "ci": [1.62, 1.74]}
    assert wording.headroom(entry) == "1.68× the production peak of 50/s (1.62 to 1.74)"
    open_end = {"peak_jps": 50.0, "ratio": 1.2, "ci": [1.2, None]}
    assert wording.headroom(open_end) == "at least 1.20× the production peak of 50/s"
