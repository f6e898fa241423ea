"""k6: points in lines and in a table, and its three summaries."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from runs.formats.errors import FormatError
from tests.formats.reading import outcomes, read, report_of, row_of, samples, whole_of

END = "2024-11-23T09:00:10"
TAGS = {
    "scenario": "checkout",
    "name": "http://shop.test/orders",
    "url": "http://shop.test/orders",
    "method": "GET",
    "status": "200",
    "expected_response": "true",
}
DEFINITION = (
    '{"type":"Metric","data":{"name":"http_reqs","type":"counter","contains":"default",'
    '"thresholds":[],"submetrics":null},"metric":"http_reqs"}\n'
)


def point(metric: str, value: float, time: str = END + "Z", **tags: str) -> str:
    data = {"time": time, "value": value, "tags": TAGS | tags}
    return json.dumps({"metric": metric, "type": "Point", "data": data}) + "\n"


def request(
    time: str = END + "Z",
    duration: float = 30.0,
    blocked: float = 5.0,
    failed: int = 0,
    **tags: str,
) -> str:
    """The points of one request, of which sending and receiving do not matter here."""
    return "".join(
        point(metric, value, time, **tags)
        for metric, value in (
            ("http_reqs", 1),
            ("http_req_duration", duration),
            ("http_req_blocked", blocked),
            ("http_req_connecting", 2.0 if blocked else 0.0),
            ("http_req_tls_handshaking", 1.0 if blocked else 0.0),
            ("http_req_sending", 0.1),
            ("http_req_waiting", duration - 1),
            ("http_req_receiving", 0.9),
            ("http_req_failed", failed),
        )
    )


def test_a_point_is_stamped_at_the_end_and_its_start_is_derived(tmp_path: Path) -> None:
    found = read(tmp_path, DEFINITION + request() + request(END + ".5Z", blocked=0.0))

    # 30 ms of duration and 5 ms of waiting for a connection before it.
    assert found.started_at_us == 1732352410_000_000 - 35_000
    assert samples(found, "started_us", "ended_us", "wait_us", "connect_us", "first_byte_us") == [
        (0, 35_000, 2_000, 3_000, 34_100),
        (505_000, 535_000, 0, 0, 534_100),
    ]
    assert found.samples["reused"].to_list() == [False, True]


def test_requests_with_the_same_stamp_and_tags_are_told_apart(tmp_path: Path) -> None:
    found = read(tmp_path, request(duration=10) + request(duration=20) + request(duration=30))

    took = [ended - started for started, ended in samples(found, "started_us", "ended_us")]
    assert sorted(took) == [15_000, 25_000, 35_000]


def test_what_stands_between_the_points_of_a_request_is_passed_over(tmp_path: Path) -> None:
    text = request() + point("checks", 1, check="is fast") + point("vus", 3) + request()
    shuffled = "".join(reversed(request(END + ".9Z").splitlines(keepends=True)))

    assert read(tmp_path, text + shuffled).count == 3


def test_the_kinds_of_failure(tmp_path: Path) -> None:
    bad: dict[str, Any] = {"failed": 1, "expected_response": "false"}
    found = read(
        tmp_path,
        request()
        + request(**bad, status="404", error_code="1404")
        + request(**bad, status="429", error_code="1429")
        + request(**bad, status="503", error_code="1503")
        + request(**bad, status="0", error_code="1050", error="request timeout")
        + request(**bad, status="0", error_code="1212", error="connection refused")
        + request(status="404"),
    )

    row = row_of(found)
    assert outcomes(row) == {
        "ok": 2,  # a 404 that the script expects is one
        "client_error": 1,
        "refused": 1,
        "server_error": 1,
        "timeout": 1,
        "connection_error": 1,
    }
    assert row.statuses == {"200": 1, "404": 2, "429": 1, "503": 1}
    assert "1212 connection refused" in found.samples["error"].to_list()


def test_all_ms_is_k6s_own_duration_and_the_response_begins_before_the_connection(
    tmp_path: Path,
) -> None:
    row = row_of(read(tmp_path, request() + request(END + ".5Z")))

    assert (row.all_ms.max, row.response_ms.p50, row.offered_rps) == (30.0, 35.0, 2 / 0.535001)
    assert row.dispatch_delay_ms.max is None


def test_steps_are_names_or_else_methods_and_addresses(tmp_path: Path) -> None:
    found = read(
        tmp_path, request() + request(method="POST") + request(name="pay", group="::checkout")
    )

    steps = {row.step for row in report_of(found).series if not row.pooled}
    assert steps == {"GET http://shop.test/orders", "POST http://shop.test/orders", "pay"}
    assert found.plan.scenarios == ("checkout",)


def test_times_of_other_zones_are_the_same_moments(tmp_path: Path) -> None:
    found = read(
        tmp_path, request("2024-11-23T09:00:10.123456789Z") + request("2024-11-23T10:00:10.5+01:00")
    )

    assert [ended for (ended,) in samples(found, "ended_us")] == [35_000, 35_000 + 376_544]


def test_a_run_that_goes_over_from_one_block_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runs.formats.source._BLOCK", 1000)
    monkeypatch.setattr("runs.formats.source._PIECE", 700)
    text = "".join(request(f"{END}.{at:03d}Z", duration=at + 1) for at in range(50))

    found = read(tmp_path, text)

    assert found.count == 50
    assert found.notes == ()
    took = [ended - started for started, ended in samples(found, "started_us", "ended_us")]
    assert sorted(took) == [1000 * (at + 6) for at in range(50)]


def test_a_cut_file_keeps_what_stands_before_the_cut(tmp_path: Path) -> None:
    text = "".join(request(f"{END}.{at:03d}Z") for at in range(10))

    found = read(tmp_path, text[:-2500])

    assert found.state == "incomplete"
    assert found.count in (8, 9)
    assert "is cut: its last line is incomplete" in " ".join(found.notes)


def test_damaged_lines_are_counted_with_the_first_of_them(tmp_path: Path) -> None:
    text = request() + "not json\n" + '{"metric": "http_reqs", "type": "Point", "data": 5}\n'

    found = read(tmp_path, text + request())

    assert found.count == 2
    assert "results: 2 rows left out" in found.notes[0]
    assert "the first is line 10" in found.notes[0]


@pytest.mark.parametrize(
    "line",
    [
        point("http_req_duration", 1.0).replace("1.0", "NaN"),
        point("http_req_duration", 1.0).replace("1.0", "1e999"),
        '{"a":' * 10_000 + "1" + "}" * 10_000 + "\n",
        point("http_req_duration", 1.0, error="x" * 10_000_000),
        point("http_req_duration", 1.0, name="=cmd|' /C calc'!A0"),
        point("http_req_duration", -5.0),
        point("http_req_duration", 1e300),
        point("http_req_duration", 1.0, "0001-01-01T00:00:00Z"),
        point("http_req_duration", 1.0, "9999-12-31T23:59:59Z"),
        point("http_req_duration", 1.0, "yesterday"),
        point("http_req_duration", 1.0, "2024-02-30T00:00:00Z"),
        '{"metric":"http_req_duration","type":"Point","data":null}\n',
        '{"metric":"http_req_duration","type":"Point","data":{"tags":null}}\n',
        "\0\n",
    ],
)
def test_a_hostile_line_is_read_as_data_or_counted(tmp_path: Path, line: str) -> None:
    found = read(tmp_path, request() + line + request(END + ".5Z"))

    assert found.count in (2, 3)
    if found.count == 2:
        assert any("left out" in note for note in found.notes)
    report_of(found)


def test_a_million_names_become_a_bounded_number_of_steps(tmp_path: Path) -> None:
    text = "".join(
        point("http_req_duration", 1.0, f"{END}.{at % 1000:03d}Z", name=f"/orders/{at}")
        for at in range(2_000)
    )

    found = read(tmp_path, text)

    assert found.count == 2_000
    assert len({row.step for row in report_of(found).series}) <= 502
    assert "names 2,000 steps" in " ".join(found.notes)


def test_iterations_stand_for_requests_where_none_went_over_http(tmp_path: Path) -> None:
    lines = [point("iteration_duration", 100.0, f"{END}.{at}Z") for at in range(5)]

    found = read(tmp_path, "".join(lines) + point("dropped_iterations", 3))

    assert samples(found, "step")[0] == ("iteration",)
    assert found.fidelity.failures is False
    assert row_of(found).error_rate is None
    assert any("dropped 3 iterations" in note for note in found.notes)


def test_grpc_calls_stand_for_requests(tmp_path: Path) -> None:
    calls = [
        point("grpc_req_duration", 9.0, f"{END}.{at}Z", name="/shop/Pay", method="Pay", status=one)
        for at, one in enumerate(["0", "0", "14"])
    ]

    row = row_of(read(tmp_path, "".join(calls)))

    assert (row.count, outcomes(row)) == (3, {"check_failed": 1, "ok": 2})


def test_a_run_of_neither_is_refused_and_what_it_holds_is_named(tmp_path: Path) -> None:
    text = DEFINITION + point("ws_sessions", 1) + point("browser_web_vital_lcp", 1200.0)

    with pytest.raises(FormatError, match=r"line 1, column 1: .*only points of browser_.*, ws_"):
        read(tmp_path, text)


def test_iterations_are_journeys_where_both_of_their_tags_are_on(tmp_path: Path) -> None:
    def tagged(at: int, vu: int, iteration: int) -> str:
        metadata = f'"metadata": {{"vu": "{vu}", "iter": "{iteration}"}}, "tags"'
        return request(f"{END}.{at}Z").replace('"tags"', metadata)

    found = read(tmp_path, tagged(1, 1, 0) + tagged(2, 1, 0) + tagged(3, 2, 0) + tagged(4, 1, 1))

    assert samples(found, "user", "journey") == [(1, 0), (1, 0), (2, 0), (1, 1)]
    assert report_of(found).journeys[0].count == 3


def test_connecting_lies_inside_of_the_wait_for_a_connection(tmp_path: Path) -> None:
    """The sum of the parts is k6's own duration again, whatever its clocks say."""
    odd = request(blocked=1.0)  # of which it says that 3 ms went to connecting

    assert samples(read(tmp_path, odd), "ended_us", "wait_us", "connect_us") == [(31_000, 0, 1_000)]
    assert row_of(read(tmp_path, odd)).all_ms.max == 30.0


def test_a_request_of_which_the_last_points_are_cut_off_is_left_out(tmp_path: Path) -> None:
    second = "".join(request(END + ".5Z").splitlines(keepends=True)[:-1])  # it may have failed

    found = read(tmp_path, request() + second)

    assert (found.count, found.state) == (1, "incomplete")
    assert "is cut within the points of a request" in " ".join(found.notes)


HEADER = "metric_name,timestamp,metric_value,error_code,expected_response,name,scenario,status,url"


def csv_request(stamp: str, duration: float, status: str = "200") -> str:
    tags = f",{'true' if status == '200' else 'false'},/orders,checkout,{status},http://shop.test"
    metrics = {"http_reqs": 1.0, "http_req_duration": duration, "http_req_failed": status != "200"}
    return "".join(f"{name},{stamp},{value:f},{tags}\n" for name, value in metrics.items())


def table(*requests: str) -> str:
    return HEADER + ",extra_tags,metadata\n" + "".join(requests)


def test_a_table_with_whole_seconds_is_joined_by_its_order(tmp_path: Path) -> None:
    rows = [csv_request("1732352410", 10), csv_request("1732352410", 20, "500")]
    found = read(tmp_path, table(*rows, csv_request("1732352425", 30)))

    assert sorted(samples(found, "started_us", "ended_us", "outcome")) == [
        (0, 20_000, "server_error"),
        (10_000, 20_000, "ok"),
        (14_990_000, 15_020_000, "ok"),
    ]
    assert any("whole seconds" in note for note in found.notes)


@pytest.mark.parametrize(
    "stamp",
    ["1732352410500", "1732352410500000", "1732352410500000000", "2024-11-23T09:00:10.5Z"],
)
def test_every_time_format_of_a_table(tmp_path: Path, stamp: str) -> None:
    found = read(tmp_path, table(csv_request(stamp, 10), csv_request(stamp, 20)))

    assert found.started_at_us == 1732352410_500_000 - 20_000


def test_a_table_is_read_by_its_header(tmp_path: Path) -> None:
    text = "metric_name,timestamp,metric_value,vu,status,name,metadata\n"
    text += "http_req_duration,1732352410,10.5,,200,/a,vu=7&iter=3\n"

    found = read(tmp_path, text)

    assert samples(found, "step", "user", "outcome") == [("/a", 7, "ok")]


def test_packed_points(tmp_path: Path) -> None:
    assert read(tmp_path, gzip.compress((request() + request()).encode())).count == 2


def trend(**more: Any) -> dict[str, Any]:
    return {"avg": 20.0, "min": 1.0, "med": 18.0, "max": 90.0, "p(90)": 40.0, "p(95)": 50.0, **more}


LEGACY: dict[str, Any] = {
    "metrics": {
        "http_reqs": {"count": 1000, "rate": 50.0},
        # `passes` counts what failed.
        "http_req_failed": {
            "passes": 30,
            "fails": 970,
            "value": 0.03,
            "thresholds": {"rate<0.01": True},
        },
        "http_req_duration": {**trend(), "thresholds": {"p(95)<100": False}},
        "http_req_duration{expected_response:true}": trend(avg=19.0),
    },
    "root_group": {"name": "", "checks": {}},
}
HANDLED = {
    "metrics": {
        "http_reqs": {
            "type": "counter",
            "contains": "default",
            "values": {"count": 1000, "rate": 50.0},
        },
        "http_req_failed": {
            "type": "rate",
            "contains": "default",
            "values": {"rate": 0.03, "passes": 30, "fails": 970},
            "thresholds": {"rate<0.01": {"ok": False}},
        },
        "http_req_duration": {
            "type": "trend",
            "contains": "time",
            "values": trend(),
            "thresholds": {"p(95)<100": {"ok": True}},
        },
        "http_req_duration{expected_response:true}": {"values": trend(avg=19.0)},
    },
    "state": {"testRunDurationMs": 20_000.0},
    "root_group": {"name": ""},
}
MACHINE = {
    "version": "1.0.0",
    "metadata": {"generatedAt": "2024-11-23T09:00:00Z", "k6Version": "1.5.0"},
    "config": {"execution": "local", "duration": 20.0},
    "results": {
        "metrics": [
            {
                "name": "http_reqs",
                "type": "counter",
                "contains": "default",
                "values": {"count": 1000},
            },
            {
                "name": "http_req_failed",
                "type": "rate",
                "values": {"matches": 30, "total": 1000, "rate": 0.03},
            },
            {"name": "http_req_duration", "type": "trend", "contains": "time", "values": trend()},
        ]
    },
}


@pytest.mark.parametrize("summary", [LEGACY, HANDLED, MACHINE], ids=["export", "handle", "machine"])
def test_the_three_summaries_say_the_same(tmp_path: Path, summary: dict[str, Any]) -> None:
    found = read(tmp_path, json.dumps(summary))

    row = row_of(found)
    assert found.fidelity.samples == "summary"
    assert (row.count, row.outcomes["ok"], row.error_rate) == (1000, 970, 0.03)
    assert (row.offered_rps, row.all_ms.p95, row.all_ms.max) == (50.0, 50.0, 90.0)
    assert (row.all_ms.p99, row.response_ms.p95, row.rate_4xx) == (None, None, None)
    assert row.response_ms.unanswered == 0.03
    assert whole_of(found).count == 1000
    assert "because the source does not hold it" in found.notes[-1]


@pytest.mark.parametrize("summary", [LEGACY, HANDLED], ids=["true is failed", "ok is passed"])
def test_thresholds_have_opposite_senses(tmp_path: Path, summary: dict[str, Any]) -> None:
    found = read(tmp_path, json.dumps(summary))

    assert "k6 threshold on http_req_failed: rate<0.01: failed." in found.notes
    assert "k6 threshold on http_req_duration: p(95)<100: passed." in found.notes


def test_percentiles_of_a_clean_summary_are_those_of_the_response(tmp_path: Path) -> None:
    metrics = {**LEGACY["metrics"], "http_req_failed": {"passes": 0, "fails": 1000, "value": 0}}
    row = row_of(read(tmp_path, json.dumps({**LEGACY, "metrics": metrics})))

    assert (row.response_ms.p95, row.ok_ms.mean, row.response_ms.unanswered) == (50.0, 19.0, 0.0)


def test_a_summary_without_requests_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="results, line 1, column 1: nothing can be read"):
        read(tmp_path, '{"metrics": {}, "root_group": {}}')


@pytest.mark.parametrize(
    "text", ["", "{", DEFINITION, '{"metric": 1}\n', "metric_name,timestamp,metric_value\n"]
)
def test_a_file_without_a_request_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError, match=r"results, line \d+, column \d+: "):
        read(tmp_path, text, "k6")
