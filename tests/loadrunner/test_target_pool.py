"""The pool: one FIFO queue in front of c servers, solved exactly."""

import pytest

from loadrunner.target.pool import Pool


def test_a_job_starts_at_once_while_a_server_is_free() -> None:
    pool = Pool(size=2, max_wait_s=5.0, window_s=1.0)
    assert pool.admit(10.0, 0.5) == (10.0, 10.0, 10.5)
    assert pool.admit(10.1, 0.5) == (10.1, 10.1, 10.6)


def test_a_job_that_finds_all_servers_busy_starts_when_the_first_is_free() -> None:
    pool = Pool(size=2, max_wait_s=5.0, window_s=1.0)
    pool.admit(10.0, 0.5)
    pool.admit(10.0, 0.2)
    assert pool.admit(10.1, 0.5) == (10.1, 10.2, 10.7)
    assert pool.admit(10.1, 0.5) == (10.1, 10.5, 11.0)


def test_a_queue_that_is_never_empty_loses_no_time_between_jobs() -> None:
    pool = Pool(size=4, max_wait_s=1e9, window_s=1.0)
    ends = [pool.admit(0.0, 0.054).left_s for _ in range(4000)]
    assert max(ends) == pytest.approx(4000 * 0.054 / 4)


def test_who_would_wait_longer_than_allowed_gives_up_at_the_end_of_that_wait() -> None:
    pool = Pool(size=1, max_wait_s=0.3, window_s=1.0)
    pool.admit(0.0, 1.0)
    visit = pool.admit(0.5, 1.0)
    assert not visit.is_served
    assert tuple(visit) == (0.5, None, 0.8)
    # The one who gave up has taken nobody's turn.
    assert pool.admit(0.9, 1.0) == (0.9, 1.0, 2.0)
    assert (pool.served_total, pool.gave_up_total) == (2, 1)


def test_the_reading_is_the_mean_over_the_window_beside_the_state_of_the_moment() -> None:
    pool = Pool(size=2, max_wait_s=5.0, window_s=1.0)
    pool.admit(10.0, 0.5)  # at work 10.0 to 10.5
    pool.admit(10.0, 1.0)  # at work 10.0 to 11.0
    pool.admit(10.2, 0.5)  # waits 10.2 to 10.5, at work to 11.0
    reading = pool.reading(10.75)
    # Over 9.75 to 10.75: 0.5 + 0.75 + 0.25 server-seconds, 0.3 waiting.
    assert reading.in_use == pytest.approx(1.5)
    assert reading.waiting == pytest.approx(0.3)
    assert (reading.in_use_now, reading.waiting_now, reading.size) == (2, 0, 2)
    # Only the first job has ended: it took 500 ms and had not waited.
    assert reading.service_ms == pytest.approx(500)
    assert reading.wait_ms == pytest.approx(0)


def test_a_saturated_pool_reads_its_full_size() -> None:
    pool = Pool(size=4, max_wait_s=100.0, window_s=1.0)
    for i in range(300):
        pool.admit(i * 0.01, 0.054)
    reading = pool.reading(3.0)
    assert reading.in_use == pytest.approx(4.0)
    assert reading.served_per_s == pytest.approx(74, abs=1)
    assert reading.waiting_now == 300 - 4 - 220  # 55 jobs of each server are done by 3 s


def test_an_idle_pool_knows_no_latency() -> None:
    reading = Pool(size=4, max_wait_s=1.0, window_s=1.0).reading(5.0)
    assert (reading.in_use, reading.waiting_now) == (0.0, 0)
    assert reading.wait_ms is None
    assert reading.service_ms is None


def test_reset_frees_every_server() -> None:
    pool = Pool(size=1, max_wait_s=100.0, window_s=1.0)
    pool.admit(0.0, 50.0)
    pool.reset()
    assert pool.admit(1.0, 0.1).started_s == 1.0
    assert pool.wait_s(1.05) == pytest.approx(0.05)
