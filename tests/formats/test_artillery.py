"""Artillery: version 2, whose summaries are sketches, and version 1 with its raw latencies."""

import json
from pathlib import Path
from typing import Any

import pytest

from runs.formats import detection
from runs.formats.errors import FormatError
from tests.formats.reading import DATA, outcomes, read, row_of, samples, whole_of

T = 1732352400000
TIMES = {"min": 2, "max": 90, "count": 95, "mean": 12.5, "p50": 10.1, "median": 10.1, "p75": 14,
         "p90": 20.1, "p95": 25.8, "p99": 50.9, "p999": 80.6}  # fmt: skip
AGGREGATE: dict[str, Any] = {
    "counters": {
        "vusers.created": 100, "vusers.failed": 5, "http.requests": 100, "http.responses": 95,
        "http.codes.200": 80, "http.codes.404": 5, "http.codes.503": 10,
        "errors.ETIMEDOUT": 2, "errors.ECONNREFUSED": 3, "http.downloaded_bytes": 0,
    },
    "rates": {"http.request_rate": 10},
    "http.request_rate": None,  # an artefact of merging buckets
    "summaries": {"http.response_time": TIMES, "vusers.session_length": TIMES},
    "histograms": {"http.response_time": TIMES},
    "firstMetricAt": T, "lastMetricAt": T + 10_000, "period": T,
}  # fmt: skip


def text(aggregate: Any, intermediate: Any = ()) -> str:
    return json.dumps({"aggregate": aggregate, "intermediate": list(intermediate)})


def test_version_2_counts_and_its_first_byte_is_no_response_time(tmp_path: Path) -> None:
    found = read(tmp_path, text(AGGREGATE, [{**AGGREGATE, "period": str(T)}]))

    got = row_of(found)
    assert (got.count, got.offered_rps, found.started_at_us) == (100, 10.0, T * 1000)
    assert outcomes(got) == {
        "ok": 80, "client_error": 5, "server_error": 10, "timeout": 2, "connection_error": 3,
    }  # fmt: skip
    assert (got.all_ms.p95, got.all_ms.p99_9, got.all_ms.max) == (25.8, 80.6, 90)
    assert (got.ok_ms.p95, got.response_ms.p95) == (None, None)
    assert "Times end at the first byte" in " ".join(found.notes)
    assert "ECONNREFUSED (3)" in " ".join(found.notes)
    assert whole_of(found).count == 100


def test_with_extended_metrics_the_whole_answer_is_there(tmp_path: Path) -> None:
    counters = {"http.requests": 80, "http.codes.200": 80}
    summaries = {"http.response_time": TIMES, "http.total": {**TIMES, "p95": 33.0}}
    got = row_of(read(tmp_path, text({"counters": counters, "summaries": summaries})))

    assert (got.all_ms.p95, got.response_ms.p95, got.offered_rps) == (33.0, 33.0, None)


def test_version_1_is_computed_from_its_raw_latencies(tmp_path: Path) -> None:
    latencies = [[T + 100 * at, f"id{at}", (at + 1) * 1_000_000, 200] for at in range(100)]
    latencies[7][3] = 500
    own = {"min": 1, "max": 100, "median": 50.5, "p95": 7.0, "p99": 7.0}  # as wrong as they are
    halves = [{"latencies": latencies[:50]}, {"latencies": latencies[50:]}]
    found = read(tmp_path, text({"latency": own, "requestsCompleted": 100}, halves))

    got = row_of(found)
    assert (got.count, got.all_ms.p95, got.all_ms.p99) == (100, 95.0, 99.0)
    assert samples(found, "started_us", "ended_us")[0] == (0, 1_000)  # stamped at the end
    assert (got.statuses, got.error_rate) == ({"200": 99, "500": 1}, None)
    assert found.fidelity.failures is False  # errors have no latency


def test_version_1_without_latencies_gives_no_p95(tmp_path: Path) -> None:
    aggregate = {"requestsCompleted": 10, "codes": {"200": 10}, "errors": {"ECONNRESET": 1},
                 "latency": {"min": 1, "max": 9, "median": 4, "p95": 8, "p99": 9}}  # fmt: skip
    got = row_of(read(tmp_path, text(aggregate)))

    assert (got.count, got.all_ms.p50, got.all_ms.p95, got.all_ms.max) == (11, 4, None, 9)
    assert outcomes(got) == {"ok": 10, "connection_error": 1}


def test_odd_latencies_are_counted(tmp_path: Path) -> None:
    odd = [[T, "a", 1_000_000, 200], [T, "b", None, 200], 7, ["x", "c", 1, 200]]
    found = read(tmp_path, text({}, [{"latencies": odd}]))

    assert found.count == 1
    assert sum("left out" in note for note in found.notes) == 2


def test_what_artillery_2_itself_wrote() -> None:
    """60 users of three requests each: one is fine, one is a 500 each fourth time, one is gone."""
    found = detection.read(DATA / "artillery-2.json")

    got = row_of(found)
    assert got.statuses == {"200": 105, "404": 60, "500": 15}
    assert outcomes(got) == {"ok": 105, "client_error": 60, "server_error": 15}
    assert (got.all_ms.p95, got.all_ms.max) == (40.9, 103)
    assert got.offered_rps == pytest.approx(30.1, 0.01)


def test_what_artillery_1_6_itself_wrote_has_durations_without_times() -> None:
    found = detection.read(DATA / "artillery-1.6.json")

    raw = json.loads((DATA / "artillery-1.6.json").read_text())["intermediate"]
    times = sorted(one / 1e6 for part in raw for one in part["latencies"])
    got = row_of(found)
    assert (got.count, got.statuses) == (180, {"200": 105, "404": 60, "500": 15})
    # Nearest ranks: its own p95 is 24.9, and p99 26.7.
    assert (got.all_ms.p95, got.all_ms.p99) == (times[170], times[178])
    assert got.offered_rps == pytest.approx(28.08, 0.01)
    assert found.fidelity.samples == "histogram"


@pytest.mark.parametrize(
    "content",
    [
        text({}),
        text({"counters": {}}),
        text({"counters": {"websocket.messages_sent": 9}}),
        '{"aggregate": {',
        "",
        "[]",
    ],
)
def test_what_counts_no_request_is_refused_with_its_place(tmp_path: Path, content: str) -> None:
    with pytest.raises(FormatError, match=r"results, line 1, column \d+: "):
        read(tmp_path, content, "artillery")


def test_a_document_that_is_cut_keeps_its_beginning(tmp_path: Path) -> None:
    whole = text(AGGREGATE)
    found = read(tmp_path, whole[: whole.index('"rates"') + 4])

    assert (found.count, found.state) == (100, "incomplete")
    assert "is cut at line 1" in found.notes[0]
