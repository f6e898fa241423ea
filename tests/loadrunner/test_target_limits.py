"""Token bucket, quota, and what is left to chance."""

from random import Random

import pytest

from loadrunner.target.draws import EvenChoice, ServiceTime
from loadrunner.target.quota import Quota
from loadrunner.target.recent import Recent
from loadrunner.target.records import Records
from loadrunner.target.token_bucket import TokenBucket
from loadrunner.target.tokens import Tokens


def test_a_full_bucket_lets_its_burst_through_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=10.0, burst=3)
    assert [bucket.take(5.0).is_admitted for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(5.05).is_admitted
    assert bucket.take(5.1).is_admitted


def test_a_bucket_says_when_the_next_token_comes_and_when_it_is_full() -> None:
    bucket = TokenBucket(rate=10.0, burst=3)
    first = bucket.take(0.0)
    assert (first.remaining, first.retry_after_s) == (2, 0.0)
    assert first.reset_s == pytest.approx(0.1)
    bucket.take(0.0)
    bucket.take(0.0)
    refused = bucket.take(0.02)
    assert refused.remaining == 0
    assert refused.retry_after_s == pytest.approx(0.08)
    assert refused.reset_s == pytest.approx(0.28)


def test_a_bucket_holds_no_more_than_its_burst_after_a_long_rest() -> None:
    bucket = TokenBucket(rate=100.0, burst=5)
    bucket.take(0.0)
    assert sum(bucket.take(3600.0).is_admitted for _ in range(50)) == 5


def test_an_overloaded_bucket_admits_exactly_its_rate() -> None:
    bucket = TokenBucket(rate=60.0, burst=10)
    admitted = sum(bucket.take(i / 200).is_admitted for i in range(200 * 60))
    assert admitted == pytest.approx(60 * 60 + 10, abs=1)


def test_a_quota_is_used_up_until_its_window_ends() -> None:
    quota = Quota(requests=2, window_s=10.0)
    assert quota.take(100.0).remaining == 1
    assert quota.take(104.0).is_admitted
    refused = quota.take(107.0)
    assert not refused.is_admitted
    assert (refused.remaining, refused.reset_s) == (0, 3.0)
    assert quota.take(110.0).is_admitted


def test_windows_of_a_quota_follow_each_other_from_the_first_request() -> None:
    quota = Quota(requests=1, window_s=10.0)
    quota.take(100.0)
    assert quota.take(135.0).reset_s == 5.0


@pytest.mark.parametrize("cv", [0.0, 0.1, 1.0])
def test_service_times_have_the_mean_that_the_truth_is_made_of(cv: float) -> None:
    times = ServiceTime(0.054, cv, Random(1))
    drawn = [times.draw() for _ in range(40_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(0.054, rel=0.01)


def test_even_choices_hold_their_shares_in_any_stretch() -> None:
    choice = EvenChoice((0.7, 0.2, 0.07, 0.03))
    drawn = [choice.draw() for _ in range(1000)]
    for start in (0, 137, 800):
        stretch = drawn[start : start + 100]
        counts = [stretch.count(i) for i in range(4)]
        assert counts == pytest.approx([70, 20, 7, 3], abs=1)


def test_recent_counts_forget_what_is_older_than_the_window_but_keep_the_total() -> None:
    recent = Recent(window_s=1.0)
    recent.add(0.0)
    recent.add(0.5)
    recent.add(1.2)
    assert recent.per_s(1.3) == 2.0
    assert recent.total == 3
    assert recent.mean(9.0) is None


def test_a_token_ends_when_its_time_is_over() -> None:
    tokens = Tokens(ttl_s=900.0)
    token = tokens.issue("load-1@example.test", 0.0)
    assert tokens.user(token, 899.9) == "load-1@example.test"
    assert tokens.user(token, 900.0) is None
    assert tokens.user("never issued", 0.0) is None


def test_the_oldest_records_are_forgotten_first_and_no_name_comes_twice() -> None:
    records: Records[str] = Records("cnv", kept=2)
    names = [records.add(text) for text in ("a", "b", "c")]
    assert names == ["cnv-1", "cnv-2", "cnv-3"]
    assert records.get("cnv-1") is None
    assert records.get("cnv-3") == "c"
    records.clear()
    assert records.add("d") == "cnv-4"
