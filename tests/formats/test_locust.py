"""Locust: what it wrote itself, and its tables with what varies between versions."""

import csv
import json
from pathlib import Path

import pytest

from runs.formats import detection
from runs.formats.errors import FormatError
from tests.formats.reading import DATA, outcomes, read, report_of, row_of, samples, whole_of

PERCENTS = "50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%"
STATS = (
    "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,"
    "Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,"
)


def test_statistics_say_what_they_hold_and_no_more(tmp_path: Path) -> None:
    text = (
        f"{STATS}{PERCENTS}\n"
        "GET,/ok,900,0,20,21.5,3,80,120,90,0,20,22,24,25,30,36,50,62,79,80,80\n"
        "POST,/pay,100,10,40,44.0,9,190,60,10,1,40,44,50,60,70,90,120,150,190,190,190\n"
        ",Aggregated,1000,10,21,23.7,3,190,114,100,1,21,24,27,30,38,48,90,120,180,190,190\n"
    )
    found = read(tmp_path, text)

    clean, failing, whole = row_of(found, "GET /ok"), row_of(found, "POST /pay"), whole_of(found)
    assert found.fidelity.samples == "summary"
    assert (clean.count, clean.offered_rps, clean.response_ms.p95) == (900, 90.0, 36)
    assert (clean.all_ms.mean, clean.all_ms.min, clean.all_ms.max) == (21.5, 3, 80)
    assert (failing.error_rate, failing.all_ms.p95, failing.response_ms.p95) == (0.1, 90, None)
    assert (failing.rate_4xx, failing.rate_5xx) == (None, None)
    assert (whole.count, whole.goodput_rps) == (1000, 99.0)
    assert clean.all_ms.p99_9 is None  # its buckets do not support it


@pytest.mark.parametrize(
    ("percents", "values", "p50", "p95"),
    [
        ("50%,95%", "20,36", 20, 36),
        ("95%,100%", "36,80", 21, 36),  # the median stands in a column of its own
        ("50%,66%", "20,22", 20, None),
        ("50%,95%", "N/A,N/A", 21, None),
    ],
)
def test_percentile_columns_are_configurable(
    tmp_path: Path, percents: str, values: str, p50: float, p95: float | None
) -> None:
    found = read(tmp_path, f"{STATS}{percents}\nGET,/ok,900,0,21,21.5,3,80,120,90,0,{values}\n")

    assert (row_of(found).all_ms.p50, row_of(found).all_ms.p95) == (p50, p95)


HISTORY = (
    f"Timestamp,User Count,Type,Name,Requests/s,Failures/s,{PERCENTS},Total Request Count,"
    "Total Failure Count,Total Median Response Time,Total Average Response Time,"
    "Total Min Response Time,Total Max Response Time,Total Average Content Size\n"
)
NOTHING_YET = "1732352400,1,,Aggregated,0,0," + "N/A," * 11 + "0,0,0,0.0,0.0,0.0,0\n"


def history(time: int, who: str, p95: int, total: int, failed: int) -> str:
    return (
        f"{time},5,{who},50,1,20,22,24,25,30,{p95},50,62,79,80,80,{total},{failed},21,22.5,3,80,9\n"
    )


def test_a_history_of_the_whole_counts_from_the_start(tmp_path: Path) -> None:
    rows = [history(1732352400 + at, ",Aggregated", 30 + at, 50 * at, 0) for at in (1, 2, 10)]
    found = read(tmp_path, HISTORY + NOTHING_YET + "".join(rows))

    got = row_of(found)
    assert (got.count, got.offered_rps, got.all_ms.p95, got.all_ms.max) == (500, 50.0, 40, 80)
    assert found.started_at_us == 1732352400_000_000
    assert whole_of(found).count == 500


def test_percentiles_of_a_full_history_cover_ten_seconds_and_are_not_taken(
    tmp_path: Path,
) -> None:
    rows = [
        history(1732352400 + at, who, 30, total * at, at)
        for at in (1, 10)
        for who, total in (("GET,/ok", 40), ("POST,/pay", 10), (",Aggregated", 50))
    ]
    found = read(tmp_path, HISTORY + NOTHING_YET + "".join(rows))

    got = row_of(found, "GET /ok")
    assert (got.count, got.outcomes["check_failed"]) == (400, 10)
    assert (got.all_ms.p95, got.all_ms.p50, got.all_ms.mean) == (None, 21, 22.5)
    assert whole_of(found).count == 500
    assert "cover ten seconds each" in " ".join(found.notes)


@pytest.mark.parametrize("times", ["", ",First Seen,Last Seen"])
def test_failures_alone_count_nothing_else(tmp_path: Path, times: str) -> None:
    seen = ",2024-11-23T09:00:00Z,2024-11-23T09:01:00Z" if times else ""
    text = (
        f"Method,Name,Error,Occurrences{times}\n"
        f"GET,/ok,\"HTTPError('500 Server Error: Odd for url: /ok')\",7{seen}\n"
        f"GET,/ok,ConnectionRefusedError(111),2{seen}\n"
        f"GET,/ok,CatchResponseError('slow'),1{seen}\n"
        f"GET,/slow,ReadTimeout(),3{seen}\n"
    )
    found = read(tmp_path, text)

    got = row_of(found, "GET /ok")
    assert outcomes(got) == {"server_error": 7, "connection_error": 2, "check_failed": 1}
    assert (got.error_rate, got.offered_rps, got.response_ms.unanswered) == (None, None, None)
    assert outcomes(row_of(found, "GET /slow")) == {"timeout": 3}


def test_exceptions_count_no_requests(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"line 1, column 1: .*Locust's exceptions"):
        read(tmp_path, "Count,Message,Traceback,Nodes\n3,odd,here,local\n")


def test_the_json_is_a_histogram(tmp_path: Path) -> None:
    entry = {
        "name": "/ok", "method": "GET", "start_time": 1732352400.0,
        "last_request_timestamp": 1732352410.0, "num_requests": 100, "num_none_requests": 0,
        "num_failures": 0, "total_response_time": 2500.0, "max_response_time": 1204.0,
        "min_response_time": 8.2, "total_content_length": 900,
        "response_times": {"8": 50, "20": 45, "120": 4, "1200": 1},
        "num_reqs_per_sec": {"1732352400": 10}, "num_fail_per_sec": {},
    }  # fmt: skip
    other = {**entry, "name": "/b", "num_failures": 5, "response_times": {"9": 100}}
    found = read(tmp_path, json.dumps([entry, other]))

    got = row_of(found, "GET /ok")
    assert found.fidelity.samples == "histogram"
    assert (got.all_ms.p50, got.all_ms.p95, got.all_ms.p99, got.all_ms.p99_9) == (8, 20, 120, None)
    assert (got.all_ms.mean, got.all_ms.max, got.offered_rps) == (25.0, 1204.0, 10.0)
    assert (whole_of(found).count, whole_of(found).all_ms.p50) == (200, 9)  # buckets add up


LOG = "timestamp,request_type,name,response_time_ms,response_length,status_code,exception\n"


def test_the_request_log_is_raw(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        LOG + "1732352400.000000,GET,/ok,25.50,120,200,\n"
        "1732352400.100000,GET,/ok,30.00,0,503,HTTPError('503 Server Error')\n"
        "1732352400.200000,GET,/ok,31.00,0,429,HTTPError('429')\n"
        "1732352400.300000,GET,/ok,10.00,0,0,ConnectionRefusedError(111)\n"
        "1732352400.400000,GET,/ok,9000.00,0,0,ReadTimeout('timed out')\n"
        "1732352400.500000,GET,/ok,12.00,9,200,CatchResponseError('no id')\n",
    )

    assert samples(found, "started_us", "ended_us", "status", "outcome") == [
        (0, 25_500, 200, "ok"),
        (100_000, 130_000, 503, "server_error"),
        (200_000, 231_000, 429, "refused"),
        (300_000, 310_000, None, "connection_error"),
        (400_000, 9_400_000, None, "timeout"),
        (500_000, 512_000, 200, "check_failed"),
    ]
    assert found.samples["bytes_in"].to_list()[0] == 120


def test_a_request_log_that_is_cut(tmp_path: Path) -> None:
    rows = "".join(f"1732352400.{at:06d},GET,/ok,25.50,120,200,\n" for at in range(9))
    found = read(tmp_path, (LOG + rows)[:-12])

    assert found.count in (8, 9)
    assert found.state == "incomplete"


# -- What Locust itself wrote: 524 GET /ok, 218 GET /flaky, 74 POST /ok ----------------------------


def test_locusts_own_statistics_and_history_agree() -> None:
    from_stats = detection.read(DATA / "locust-stats.csv")
    from_history = detection.read(DATA / "locust-full-history.csv")

    counts = {
        row.step: (row.count, outcomes(row))
        for row in report_of(from_stats).series
        if not row.pooled
    }
    assert counts == {
        row.step: (row.count, outcomes(row))
        for row in report_of(from_history).series
        if not row.pooled
    }
    assert whole_of(from_stats).count == whole_of(from_history).count == 816


def test_locusts_own_request_log_row_by_row() -> None:
    found = detection.read(DATA / "locust-requests.csv")
    with (DATA / "locust-requests.csv").open() as file:
        rows = list(csv.DictReader(file))

    expected = sorted(
        (round(float(row["timestamp"]) * 1e6), round(float(row["response_time_ms"]) * 1000))
        for row in rows
    )
    first = found.started_at_us or 0
    assert [(start + first, end - start) for start, end in samples(found, "started_us", "ended_us")
            ] == expected  # fmt: skip
    failed = sum(bool(row["exception"]) for row in rows)
    assert len(rows) - whole_of(found).outcomes["ok"] == failed > 0


def test_locusts_own_failures_are_those_of_its_statistics() -> None:
    failures = detection.read(DATA / "locust-failures.csv")
    stats = detection.read(DATA / "locust-stats.csv")

    assert whole_of(failures).count == whole_of(stats).outcomes["check_failed"]


@pytest.mark.parametrize(
    "text", ["", LOG, f"{STATS}{PERCENTS}\n", HISTORY + NOTHING_YET, "[]", '[{"num_requests": 0}]']
)
def test_what_counts_no_request_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError, match=r"results, line \d+, column \d+: "):
        read(tmp_path, text, "locust")
