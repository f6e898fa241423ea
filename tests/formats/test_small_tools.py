"""oha, hey, ab, wrk, autocannon, Hyperfoil, Taurus, Goose: what each holds, and what not."""

import json
from pathlib import Path
from typing import Any

import pytest

from runs.formats import detection
from runs.formats.errors import FormatError
from tests.formats.reading import DATA, outcomes, read, row_of, samples, whole_of

# -- oha ---------------------------------------------------------------------------------------

OHA: dict[str, Any] = {
    "summary": {"successRate": 0.9, "total": 10.0, "slowest": 0.09, "fastest": 0.002,
                "average": 0.0125, "requestsPerSec": 100.0, "totalData": 9, "sizePerRequest": None,
                "sizePerSec": 1.0},
    "responseTimeHistogram": {"0.002": 10},
    "latencyPercentiles": {"p10": 0.003, "p25": 0.005, "p50": 0.01, "p75": 0.02, "p90": 0.03,
                           "p95": 0.04, "p99": 0.08, "p99.9": 0.085, "p99.99": 0.09},
    "rps": {"mean": 100.0},
    "details": {"DNSDialup": {"average": 0.001}},
    "statusCodeDistribution": {"200": 850, "500": 50},
    "errorDistribution": {"aborted due to deadline": 40, "connection refused": 60},
}  # fmt: skip


def test_oha_counts_and_seconds(tmp_path: Path) -> None:
    found = read(tmp_path, json.dumps(OHA))

    got = row_of(found)
    assert outcomes(got) == {"ok": 850, "server_error": 50, "connection_error": 60, "cut": 40}
    assert (got.count, got.all_ms.p95, got.all_ms.p99_9, got.all_ms.max) == (1000, 40, 85, 90)
    assert (got.ok_ms.p95, got.response_ms.p95) == (None, None)
    assert found.fidelity.absolute_time is False
    assert whole_of(found).statuses == {"200": 850, "500": 50}


def test_oha_tells_the_times_of_successes_where_it_is_asked_to(tmp_path: Path) -> None:
    broken_down = {**OHA, "latencyPercentilesSuccessful": {"p50": 0.009, "p95": 0.03}}

    assert row_of(read(tmp_path, json.dumps(broken_down))).ok_ms.p95 == 30


def test_oha_where_nothing_succeeded(tmp_path: Path) -> None:
    nothing = {"successRate": None, "total": 1.0, "slowest": None, "fastest": None, "average": None}
    text = json.dumps({"summary": nothing, "latencyPercentiles": {"p50": None},
                       "statusCodeDistribution": {},
                       "errorDistribution": {"connection refused": 7}})  # fmt: skip
    got = row_of(read(tmp_path, text, "oha"))

    assert (got.count, got.error_rate, got.all_ms.p50) == (7, 1.0, None)


def test_newer_oha_has_milliseconds_among_its_metrics(tmp_path: Path) -> None:
    latency = {"min": 2, "mean": 12.5, "p50": 10, "p95": 40, "p99": 80, "max": 90}
    text = json.dumps({"metrics": {"success_rate": 1, "latency_ms": latency},
                       "statusCodeDistribution": {"200": 5}})  # fmt: skip

    assert row_of(read(tmp_path, text)).all_ms.p95 == 40


def test_oha_rows_are_successes_alone(tmp_path: Path) -> None:
    header = "request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status\n"
    found = read(
        tmp_path, header + "0.5,0.001,0.002,0.009,0.010,12,200\n0.25,0,0,0.018,0.020,12,500\n"
    )

    assert samples(found, "started_us", "ended_us", "connect_us", "reused", "status") == [
        (0, 20_000, 0, True, 500),
        (250_000, 260_000, 2_000, False, 200),
    ]
    got = row_of(found)
    assert (got.all_ms.max, got.error_rate, got.response_ms.p50) == (20, None, None)
    assert "successes only" in " ".join(found.notes)


# -- hey ---------------------------------------------------------------------------------------

HEY = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset"


def test_hey_rows_have_an_offset(tmp_path: Path) -> None:
    rows = "0.0125,0.0020,0.0010,0.0001,0.0090,0.0014,200,0.5000\n" + (
        "0.0200,0.0000,0.0000,0.0001,0.0180,0.0019,500,0.2500\n"
    )
    found = read(tmp_path, f"{HEY}\n{rows}")

    assert samples(found, "started_us", "ended_us", "first_byte_us", "status", "outcome") == [
        (0, 20_000, 18_100, 500, "server_error"),
        (250_000, 262_500, 261_100, 200, "ok"),
    ]
    got = row_of(found)
    assert (got.statuses, got.error_rate, got.all_ms.max) == ({"200": 1, "500": 1}, None, 20)


def test_older_hey_has_neither_status_nor_offset(tmp_path: Path) -> None:
    header = ",".join(HEY.split(",")[:6])
    found = read(tmp_path, header + "\n" + "0.0125,0,0,0,0.0090,0.0014\n" * 20)

    got = row_of(found)
    assert (got.count, got.offered_rps, got.all_ms.p50, got.error_rate) == (20, None, 12.5, None)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_rows_that_went_through_a_spreadsheet(tmp_path: Path, separator: str) -> None:
    row = "0.0125,0.0020,0.0010,0.0001,0.0090,0.0014,200,0.5000"
    saved = row.replace(",", separator).replace(".", ",")
    found = read(tmp_path, f"{HEY.replace(',', separator)}\n{saved}\n")
    assert samples(found, "ended_us", "connect_us", "status") == [(12_500, 2_000, 200)]


def test_heys_own_text() -> None:
    found = detection.read(DATA / "hey.txt")

    got = row_of(found)
    assert outcomes(got) == {"ok": 254, "server_error": 61}
    assert (got.all_ms.p50, got.all_ms.p95, got.all_ms.max) == (48.0, 57.0, 83.7)
    assert got.offered_rps == pytest.approx(103.7693, rel=1e-4)  # as it prints


def test_heys_errors_are_counted(tmp_path: Path) -> None:
    text = (DATA / "hey.txt").read_text().rstrip() + (
        '\n\nError distribution:\n  [3]\tGet "http://x": dial tcp: connection refused\n'
        '  [2]\tGet "http://x": context deadline exceeded (Client.Timeout exceeded)\n\n'
    )
    got = row_of(read(tmp_path, text))

    assert outcomes(got) == {"ok": 254, "server_error": 61, "connection_error": 3, "timeout": 2}


def test_heys_own_rows() -> None:
    found = detection.read(DATA / "hey.csv")

    lines = (DATA / "hey.csv").read_text().splitlines()[1:]
    times = sorted(float(line.split(",")[0]) * 1000 for line in lines)
    assert row_of(found).all_ms.max == pytest.approx(times[-1])
    assert row_of(found).all_ms.p50 == pytest.approx(times[(len(times) + 1) // 2 - 1])


# -- ab ----------------------------------------------------------------------------------------


def test_abs_own_table_has_coarse_starts_and_no_failures() -> None:
    found = detection.read(DATA / "ab.tsv")

    lines = (DATA / "ab.tsv").read_text().splitlines()[1:]
    totals = sorted(int(line.split("\t")[4]) for line in lines)
    got = row_of(found)
    assert (got.count, got.all_ms.p95, got.all_ms.max) == (500, totals[474], totals[-1])
    # It lasted less than ten times its resolution, so that no rate is known.
    assert (got.error_rate, got.offered_rps, got.goodput_rps) == (None, None, None)
    assert found.fidelity.failures is False


def test_abs_own_percentiles() -> None:
    got = row_of(detection.read(DATA / "ab.csv"))

    assert (got.count, got.all_ms.p50, got.all_ms.p95) == (0, 5.621, 11.995)


def test_what_ab_prints(tmp_path: Path) -> None:
    clean = row_of(detection.read(DATA / "ab.txt"))
    failing = row_of(detection.read(DATA / "ab-failures.txt"))

    assert (clean.count, clean.response_ms.p95, clean.all_ms.max) == (500, 12, 18)
    assert outcomes(failing) == {"ok": 242, "check_failed": 58}
    assert failing.response_ms.p95 is None


# -- wrk ---------------------------------------------------------------------------------------

WRK2 = """Running 30s test @ http://127.0.0.1:8080/
  2 threads and 100 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     9.74ms    5.23ms  40.86ms   68.91%
    Req/Sec     1.06k   181.31     1.78k    69.92%
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    9.02ms
 75.000%   12.91ms
 90.000%   17.00ms
 99.000%    1.25s
 99.900%    2.10m
100.000%    2.20m

  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)
       0.921     0.000000            1         1.00
#[Mean    =        9.747, StdDeviation   =        5.235]
#[Max     =       40.832, Total count    =        39500]
#[Buckets =           27, SubBuckets     =         2048]
----------------------------------------------------------
  Latency Distribution (HdrHistogram - Uncorrected Latency (measured without taking delayed starts into account))
 50.000%  800.00us
 99.000%    2.00ms
#[Mean    =        0.900, StdDeviation   =        0.2]
#[Max     =        3.000, Total count    =        39500]
----------------------------------------------------------
  60000 requests in 30.00s, 19.2MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 600
Requests/sec:   2000.28
Transfer/sec:    639.25KB
"""  # noqa: E501


def test_of_two_distributions_of_wrk2_the_corrected_one_is_taken(tmp_path: Path) -> None:
    got = row_of(read(tmp_path, WRK2))

    times = got.all_ms
    assert (times.p50, times.p90, times.p99, times.p99_9) == (9.02, 17.0, 1250.0, 126_000.0)
    assert (times.mean, times.max) == (9.747, 40.832)
    assert outcomes(got) == {
        "ok": 59_400, "check_failed": 600, "connection_error": 6, "timeout": 4,
    }  # fmt: skip


def test_what_wrk_itself_printed() -> None:
    got = row_of(detection.read(DATA / "wrk.txt"))

    assert outcomes(got) == {"check_failed": 102, "ok": 538}
    assert (got.rate_5xx, got.response_ms.p95) == (None, None)
    assert got.all_ms.p50 is not None


@pytest.mark.parametrize(
    ("text", "ms"), [("800.00us", 0.8), ("1.25s", 1250.0), ("2.00m", 120_000.0), ("1.00h", 3.6e6)]
)
def test_units_of_wrk(tmp_path: Path, text: str, ms: float) -> None:
    got = row_of(read(tmp_path, WRK2.replace("    9.02ms", f"  {text}")))

    assert got.all_ms.p50 == ms


def test_a_number_of_wrk_that_is_none_is_not_known(tmp_path: Path) -> None:
    """As the fuzzer found it."""
    got = row_of(read(tmp_path, WRK2.replace("requests in 30.00s", "requests in 3.0.00s")))

    assert (got.count, got.offered_rps) == (60_010, None)


def test_a_wrk_that_was_killed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"line 3, column 1: .*did not come to its end"):
        read(tmp_path, "\n".join(WRK2.splitlines()[:3]))


# -- autocannon --------------------------------------------------------------------------------


def test_the_text_of_autocannon_is_not_taken_for_that_of_wrk(tmp_path: Path) -> None:
    text = "Running 3s test @ http://127.0.0.1:8080\n5 connections\n\n┌─────────┬──────┐\n"
    (tmp_path / "file").write_text(text, "utf-8")
    with pytest.raises(FormatError, match="no tool known here"):
        detection.read(tmp_path / "file")


def test_what_autocannon_itself_wrote() -> None:
    found = detection.read(DATA / "autocannon.json")

    own = json.loads((DATA / "autocannon.json").read_text())
    got = row_of(found)
    assert got.statuses == {code: one["count"] for code, one in own["statusCodeStats"].items()}
    assert (got.all_ms.p99, got.all_ms.p95) == (own["latency"]["p99"], None)
    assert outcomes(got) == {"ok": own["2xx"], "server_error": own["5xx"]}


def test_errors_of_autocannon_hold_its_timeouts(tmp_path: Path) -> None:
    text = json.dumps({
        "latency": {"average": 3.2, "p50": 2, "p95": 9, "p97_5": 11, "p99_9": 30, "max": 44},
        "duration": 10.0, "errors": 7, "timeouts": 4, "2xx": 80, "4xx": 3, "5xx": 2, "non2xx": 5,
    })  # fmt: skip
    got = row_of(read(tmp_path, text))

    assert outcomes(got) == {
        "ok": 80, "client_error": 3, "server_error": 2, "timeout": 4, "connection_error": 3,
    }  # fmt: skip
    assert (got.count, got.all_ms.mean, got.all_ms.p95, got.all_ms.p99_9) == (92, 3.2, 9, 30)


# -- Hyperfoil ---------------------------------------------------------------------------------


def hyperfoil(phase: str, requests: int, is_warmup: bool = False, **more: Any) -> dict[str, Any]:
    summary = {
        "requestCount": requests, "responseCount": requests - 3, "invalid": 1,
        "connectionErrors": 1, "requestTimeouts": 2, "internalErrors": 0,
        "minResponseTime": 1_000_000, "meanResponseTime": 5_000_000, "maxResponseTime": 90_000_000,
        "percentileResponseTime": {"50.0": 4_000_000, "90.0": 9_000_000, "99.0": 40_000_000,
                                   "99.9": 80_000_000},
        "extensions": {"http": {"status_2xx": requests - 8, "status_4xx": 2, "status_5xx": 3}},
        **more,
    }  # fmt: skip
    total = {"phase": phase, "start": 1732352400000, "end": 1732352410000, "summary": summary}
    return {"name": "shop", "phase": phase, "metric": "home", "isWarmup": is_warmup,
            "total": total, "histogram": {"percentiles": [
                {"from": 0, "to": 5_000_000, "count": requests // 2},
                {"from": 5_000_000, "to": 12_000_000, "count": requests - requests // 2},
            ]}}  # fmt: skip


def test_hyperfoil_keeps_warm_up_apart(tmp_path: Path) -> None:
    stats = [hyperfoil("ramp", 100, True), hyperfoil("main", 1000)]
    text = json.dumps({"info": {"id": "1", "benchmark": "shop"}, "$schema": "x", "stats": stats})
    found = read(tmp_path, text)

    rows = {row.phase: row for row in found.rows if row.phase}
    assert list(rows) == ["ramp warm-up", "main"]
    assert [row.pooled for row in rows.values()] == [True, False]
    assert outcomes(rows["main"]) == {
        "ok": 992, "client_error": 2, "server_error": 3, "connection_error": 1, "timeout": 2,
    }  # fmt: skip
    times = rows["main"].all_ms
    assert (times.p50, times.p95, times.p99_9, times.max) == (4, 12, 80, 90)
    assert (rows["main"].offered_rps, found.fidelity.samples) == (100, "histogram")
    assert (found.campaign, whole_of(found).count) == ("shop", 1000)


def test_hyperfoils_totals(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "Phase,Metric,Start,End,Requests,Responses,Mean,StdDev,Min,p50.0,p90.0,p99.0,p99.9,p99.99,"
        "Max,ConnectionErrors,RequestTimeouts,InternalErrors,Invalid,BlockedTime,http.status_2xx,"
        "http.status_5xx,MinSessions,MaxSessions\n"
        "main,home,1732352400000,1732352410000,100,98,5000000,0,1000000,4000000,9000000,40000000,"
        "80000000,85000000,90000000,1,1,0,0,0,95,3,1,10\n",
    )

    got = row_of(found)
    assert outcomes(got) == {"ok": 95, "server_error": 3, "connection_error": 1, "timeout": 1}
    assert (got.phase, got.all_ms.p50, got.all_ms.p99_9, got.offered_rps) == ("main", 4, 80, 10)


# -- Taurus ------------------------------------------------------------------------------------

TAURUS = (
    "label,avg_ct,avg_lt,avg_rt,bytes,concurrency,fail,stdev_rt,succ,throughput,perc_0.0,perc_50.0,"
    "perc_90.0,perc_95.0,perc_99.0,perc_99.9,perc_100.0,rc_200,rc_500\n"
    "home,0.00100,0.00900,0.01250,900,10,0,0.001,80,80,0.002,0.010,0.02,0.025,0.05,0.08,0.09,80,0\n"
    "pay,0.00100,0.00900,0.03000,900,10,5,0.001,15,20,0.002,0.030,0.04,0.050,0.06,0.08,0.09,15,5\n"
    ",0.00100,0.00900,0.01600,900,10,5,0.001,95,100,0.002,0.012,0.03,0.040,0.06,0.08,0.09,95,5\n"
)
TAURUS_XML = """<?xml version='1.0' encoding='UTF-8'?>
<FinalStatus><TestDuration>10.000000</TestDuration>
<Group label=""><throughput value="100"><name>throughput</name><value>100</value></throughput>
<avg_rt value="0.01600"/><succ value="95"/><fail value="5"/><perc value="0.04000" param="95.0"/>
<rc value="95" param="200"/><rc value="5" param="500"/></Group>
<Group label="home"><avg_rt value="0.01250"/><succ value="80"/><fail value="0"/>
<perc value="0.02500" param="95.0"/><rc value="80" param="200"/></Group>
<Group label="pay"><avg_rt value="0.03"/><succ value="15"/><fail value="5"/></Group>
</FinalStatus>
"""


def test_taurus_counts_samples_as_throughput(tmp_path: Path) -> None:
    found = read(tmp_path, TAURUS)

    home, pay, whole = row_of(found, "home"), row_of(found, "pay"), whole_of(found)
    assert (home.count, home.response_ms.p95, home.offered_rps) == (80, 25, None)
    assert (pay.error_rate, pay.statuses, pay.response_ms.p95) == (
        0.25,
        {"200": 15, "500": 5},
        None,
    )
    assert (whole.count, whole.all_ms.p50, whole.all_ms.mean) == (100, 12, 16)


def test_the_xml_of_taurus_knows_how_long_it_took(tmp_path: Path) -> None:
    found = read(tmp_path, TAURUS_XML)

    home, whole = row_of(found, "home"), whole_of(found)
    assert (home.count, home.all_ms.p95, home.offered_rps) == (80, 25, 8)
    assert (whole.count, whole.error_rate, whole.statuses) == (100, 0.05, {"200": 95, "500": 5})


def test_what_taurus_itself_dumped() -> None:
    """A run of 228 requests; its table and its XML hold the same figures."""
    from_table, from_xml = (detection.read(DATA / f"taurus.{end}") for end in ("csv", "xml"))

    for found in (from_table, from_xml):
        whole = whole_of(found)
        assert (whole.count, whole.statuses) == (228, {"200": 214, "500": 14})
        assert (whole.all_ms.p50, whole.all_ms.p95, whole.all_ms.max) == (29, 60, 121)
        assert row_of(found, "/flaky").error_rate == 14 / 53
    assert (whole_of(from_table).offered_rps, whole_of(from_xml).offered_rps) == (None, 228 / 5)


def test_the_xml_of_taurus_that_is_cut(tmp_path: Path) -> None:
    found = read(tmp_path, TAURUS_XML[: TAURUS_XML.index('<perc value="0.02500"')])

    assert (found.state, whole_of(found).count) == ("incomplete", 100)


# -- Goose -------------------------------------------------------------------------------------


def goose(at_ms: int, took_ms: int, status: int = 200, **more: Any) -> str:
    record = {
        "elapsed": at_ms, "scenario_index": 0, "scenario_name": "Shop", "transaction_index": "0",
        "transaction_name": "", "raw": {"method": "Get", "url": "http://shop.test/", "headers": [],
        "body": ""}, "name": "home", "final_url": "http://shop.test/", "redirected": False,
        "response_time": took_ms, "status_code": status, "success": status == 200, "update": False,
        "user": 1, "error": "", "coordinated_omission_elapsed": 0, "user_cadence": 0, **more,
    }  # fmt: skip
    return json.dumps(record) + "\n"


def test_goose_rows_that_are_updates_or_made_up(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        goose(0, 10)
        + goose(100, 20)
        + goose(100, 20, success=False, update=True, error="no id in it")
        + goose(200, 30, 503)
        + goose(300, 900, coordinated_omission_elapsed=900)
        + goose(400, 5, 0, error="operation timed out"),
    )

    assert samples(found, "step", "started_us", "ended_us", "outcome") == [
        ("Get home", 0, 10_000, "ok"),
        ("Get home", 100_000, 120_000, "check_failed"),
        ("Get home", 200_000, 230_000, "server_error"),
        ("Get home", 400_000, 405_000, "timeout"),
    ]
    assert "1 row left out: Goose made them up" in found.notes[0]
    assert found.fidelity.absolute_time is False
