"""The load of another tool's run, recovered from when its requests started, and what it shows."""

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runs.analysis import criteria, histogram, saturation, seconds
from runs.analysis.run_data import RunData
from runs.formats import spool
from runs.formats.imported import Imported
from tests.formats import test_jmeter, test_k6, test_vegeta
from tests.formats.reading import RUN_ID, read, report_of, row_of

SERVICE_MS, SERVERS, TIMEOUT_MS = 40, 4, 2_000  # 100 requests/s
STAGE_MS = 10_000
RATES = (40, 60, 80, 110, 125, 140)


def queue() -> Iterator[tuple[int, int, bool]]:
    """(start, duration, answered) in ms of requests that come at a steady rate, stage by stage."""
    free = [0.0] * SERVERS
    for stage, rate in enumerate(RATES):
        for at in range(rate * STAGE_MS // 1000):
            start = stage * STAGE_MS + at * 1000 // rate
            begins = max(start, free[0])
            took = begins - start + SERVICE_MS + at % 5
            if took > TIMEOUT_MS:
                yield start, TIMEOUT_MS, False
                continue
            heapq.heapreplace(free, begins + SERVICE_MS + at % 5 - 2)
            yield start, round(took), True


def as_jmeter() -> str:
    bad: dict[str, Any] = {
        "success": "false",
        "responseCode": "Non HTTP response code: a.SocketTimeoutException",
    }
    rows = sorted(queue(), key=lambda one: one[0] + one[1])
    return test_jmeter.table(
        *(
            test_jmeter.row(at, took, f"Users 1-{number % 300}", **({} if ok else bad))
            for number, (at, took, ok) in enumerate(rows)
        )
    )


def as_k6() -> str:
    lines = []
    for at, took, ok in sorted(queue(), key=lambda one: one[0] + one[1]):
        stamp, status = str(test_jmeter.T + at + took), "200" if ok else "0"
        code = "" if ok else "1050"
        lines.append(test_k6.csv_request(stamp, took, status).replace(",false,", f"{code},false,"))
    return test_k6.table(*lines)


def as_vegeta() -> str:
    late = "0,{},5,40,context deadline exceeded"
    return "".join(
        f"{test_vegeta.NS + at * 10**6},{('200,{},5,40,' if ok else late).format(took * 10**6)}\n"
        for at, took, ok in queue()
    )


@pytest.mark.parametrize("write", [as_jmeter, as_k6, as_vegeta])
def test_a_staircase_of_any_tool_shows_where_it_saturates(tmp_path: Path, write: object) -> None:
    assert callable(write)
    found = read(tmp_path, write())

    point = report_of(found).saturation[0]
    assert point.verdict == "reached"
    assert point.capacity_jps == pytest.approx(100, rel=0.06)
    assert point.up_to_jps == pytest.approx(140, rel=0.05)
    curve = saturation.curve(data_of(found), found.plan.scenarios[0])
    offered = [one.offered_jps for one in curve]
    assert all(any(abs(one / rate - 1) < 0.1 for one in offered) for rate in RATES)


def data_of(found: Imported) -> RunData:
    return found.run_data(spool.info_of(found.manifest(RUN_ID)))


def test_where_failures_are_not_held_nothing_is_said_of_saturation(tmp_path: Path) -> None:
    header = "request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status\n"
    rows = (f"{at / 1000},0,0,0.01,{took / 1000},9,200\n" for at, took, ok in queue() if ok)
    found = read(tmp_path, header + "".join(rows))

    point = report_of(found).saturation[0]
    assert (point.verdict, point.capacity_jps) == ("inconclusive", None)
    assert "The source does not hold it" in point.explanation


def test_all_times_of_k6_are_its_own_everywhere(tmp_path: Path) -> None:
    """In the report, in criteria, and in the histograms that are kept beside the samples."""
    requests = (
        test_k6.request(f"2024-11-23T09:00:{at:02d}Z", duration=10 + at) for at in range(20)
    )
    found = read(tmp_path, "".join(requests))

    data = data_of(found)
    (judged,) = criteria.evaluate(("all_p95(*) < 1s",), data, (), None, ())
    kept = seconds.histograms(data).filter(kind="all")
    assert row_of(found).all_ms.p95 == 28.0
    assert row_of(found).response_ms.p50 == 24.0  # 5 ms more each
    assert judged.measured == 28.0
    assert kept["count"].sum() == 20
    assert histogram.from_table(kept).quantile_us(0.95) == pytest.approx(28_000, rel=0.001)
