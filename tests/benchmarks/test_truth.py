"""The truth that generators are held against, by figures that can be worked out by hand."""

import pytest

from benchmarks._delays import percentile
from benchmarks._truth_server import finish_ns
from benchmarks.truth import analytic_us

MS = 1_000_000


@pytest.mark.parametrize(
    ("arrives_ms", "leaves_ms", "why"),
    [
        (100, 105, "far from the freeze"),
        (4_990, 4_995, "over before the freeze begins"),
        (4_997, 6_002, "3 ms of work before the freeze, 2 ms after it"),
        (5_000, 6_005, "the freeze has begun"),
        (5_999, 6_005, "the freeze is about to end"),
        (6_000, 6_005, "the freeze is over"),
        (25_400, 26_005, "every ten seconds anew"),
    ],
)
def test_a_freezing_server_answers_when_its_work_is_done(
    arrives_ms: int, leaves_ms: int, why: str
) -> None:
    assert finish_ns(arrives_ms * MS, 5 * MS, 0) == leaves_ms * MS, why


@pytest.mark.parametrize(
    ("q", "wanted_ms"),
    [
        # Of all requests 10.05 % are held up; how long is spread evenly from 25 ms to 1,005 ms,
        # 0.98 ms a request: each comes 1 ms later and leaves 20 us later than the one before.
        (0.5, 5.0),
        (0.95, 519.5),
        (0.99, 911.5),
        (0.999, 1_000.0),
    ],
)
def test_a_stall_of_a_second_in_ten_shows_in_the_percentiles(q: float, wanted_ms: float) -> None:
    assert percentile(analytic_us(30.0), q) / 1000 == pytest.approx(wanted_ms, abs=1.0)


def test_928_of_10_000_requests_wait_longer_than_a_tenth_of_a_second() -> None:
    # The first 923 of the freeze, (1,004.5 - 100) / 0.98, and those of the 5 ms before it.
    assert (analytic_us(10.0) > 100_000).sum() == 928
