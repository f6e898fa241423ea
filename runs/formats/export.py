"""Samples as other tools write them, for the dashboards that a team already has.

`k6` is the JSON of `k6 run --out json`: three points for each request. `jtl` is JMeter's CSV with
its default columns. Neither knows a request that was due and never sent, so those are left out.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from runs.analysis.outcomes import UNSENT

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SLICE: Final = 50_000
_JTL: Final = (
    "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,"
    "failureMessage,bytes,sentBytes,grpThreads,allThreads,URL,Latency,IdleTime,Connect\n"
)
_COLUMNS: Final = (
    *("scenario", "step", "phase", "user", "started_us", "first_byte_us", "ended_us"),
    *("status", "outcome", "error", "bytes_in", "bytes_out", "connect_us"),
)
Row = dict[str, Any]


def k6(samples: pl.LazyFrame, started_at_ns: int) -> Iterator[str]:
    """Lines of JSON, a few thousand at a time; times are those of the requests' ends, as k6
    stamps them."""
    yield "".join(_k6_metric(name, kind, holds) for name, kind, holds in _K6_METRICS)
    yield from _written(samples, lambda row: _k6_points(row, started_at_ns))


def jtl(samples: pl.LazyFrame, started_at_ns: int) -> Iterator[str]:
    """CSV with its header; `timeStamp` is the start, `label` is SCENARIO/STEP."""
    yield _JTL
    yield from _written(samples, lambda row: _jtl_line(row, started_at_ns))


FORMATS: Final = {"k6": k6, "jtl": jtl}


def _written(samples: pl.LazyFrame, line: Callable[[Row], str]) -> Iterator[str]:
    """What was sent, in the order of the samples, in slices of bounded size."""
    count = samples.select(pl.len()).collect().item()
    for first in range(0, count, _SLICE):
        rows = samples.select(_COLUMNS).slice(first, _SLICE).collect()
        sent = rows.filter(~pl.col("outcome").is_in(UNSENT))
        yield "".join(line(row) for row in sent.iter_rows(named=True))


_K6_METRICS: Final = (
    ("http_reqs", "counter", "default"),
    ("http_req_duration", "trend", "time"),
    ("http_req_failed", "rate", "default"),
)


def _k6_metric(name: str, kind: str, holds: str) -> str:
    data: Row = {"name": name, "type": kind, "contains": holds, "thresholds": []}
    return json.dumps({"type": "Metric", "data": data, "metric": name}) + "\n"


def _k6_points(row: Row, started_at_ns: int) -> str:
    at = _EPOCH + timedelta(microseconds=started_at_ns // 1000 + row["ended_us"])
    is_good = row["outcome"] == "ok"
    tags = {
        "scenario": row["scenario"],
        "name": f"{row['scenario']}/{row['step']}",
        "phase": row["phase"],
        "status": str(row["status"] or 0),
        "expected_response": "true" if is_good else "false",
    }
    if row["error"]:
        tags["error"] = row["error"]
    values = (
        ("http_reqs", 1),
        ("http_req_duration", (row["ended_us"] - row["started_us"]) / 1000),
        ("http_req_failed", 0 if is_good else 1),
    )
    time = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    points = (
        {"metric": name, "type": "Point", "data": {"time": time, "value": value, "tags": tags}}
        for name, value in values
    )
    return "".join(json.dumps(point) + "\n" for point in points)


def _jtl_line(row: Row, started_at_ns: int) -> str:
    started_us, is_good = row["started_us"], row["outcome"] == "ok"
    first_byte_us = row["first_byte_us"] or row["ended_us"]
    fields = (
        (started_at_ns // 1000 + started_us) // 1000,
        (row["ended_us"] - started_us) // 1000,
        f"{row['scenario']}/{row['step']}",
        row["status"] or "Non HTTP response code",
        "OK" if is_good else row["outcome"],
        f"{row['scenario']} 1-{(row['user'] or 0) + 1}",
        "",
        "true" if is_good else "false",
        "" if is_good else row["error"] or row["outcome"],
        row["bytes_in"] or 0,
        row["bytes_out"] or 0,
        *(1, 1, ""),
        (first_byte_us - started_us) // 1000,
        0,
        (row["connect_us"] or 0) // 1000,
    )
    return ",".join(_csv(one) for one in fields) + "\n"


def _csv(value: Any) -> str:
    text = str(value)
    if any(one in text for one in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
