"""An expected gain is a figure that later runs can be held against."""

import pytest

from runs.analysis import gain


@pytest.mark.parametrize(
    ("text", "statistic", "factor"),
    [
        ("p95 of billing/usage -30 %", "p95(billing/usage)", 0.7),
        ("capacity of billing +80 %", "capacity(billing)", 1.8),
        ("p95(billing/usage@stage_04) −12.5%", "p95(billing/usage@stage_04)", 0.875),
        ("rate_5xx of chat/send@plateau -90 %", "rate_5xx(chat/send@plateau)", 0.1),
        ('capacity of "my flow" +50 %', 'capacity("my flow")', 1.5),
    ],
)
def test_a_figure_is_read(text: str, statistic: str, factor: float) -> None:
    found = gain.read(text)
    assert found is not None
    assert found.statistic == statistic
    assert found.factor == pytest.approx(factor)


@pytest.mark.parametrize(
    "text", ["", "much faster", "p95 -30 %", "speed of billing +3 %", "p95 of billing +0 %"]
)
def test_what_is_no_figure_is_left_as_it_is(text: str) -> None:
    assert gain.read(text) is None


def test_the_share_that_came() -> None:
    expected = gain.read("p95 of billing -40 %")
    assert expected is not None
    assert expected.share_reached(0.8) == pytest.approx(0.5)  # -20 % of -40 %
    assert expected.share_reached(1.2) == pytest.approx(-0.5)  # the wrong way
