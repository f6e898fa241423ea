"""Artillery's JSON of a run: version 2, whose summaries are sketches, and version 1, which holds
raw latencies (with their times, or without in its later releases) and whose own p95 and p99 are
wrong.

`http.response_time` is the first byte, not the whole answer. Percentiles of intermediates cannot
be merged, so that only the aggregate's are taken.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl

from runs.analysis.percentiles import UNKNOWN, Spread
from runs.formats import document, raw, summaries
from runs.formats.imported import ALL, REQUESTS, Imported
from runs.formats.left_out import LeftOut
from runs.formats.source import Source

NAME: Final = "artillery"
_NETWORK: Final = re.compile("E[A-Z]{4,}")
_CODES: Final = "http.codes."
_TIMEOUTS: Final = ("ETIMEDOUT", "ESOCKETTIMEDOUT", "timeout", "Timeout")
_PERCENTILES: Final = {
    "min": "min",
    "mean": "mean",
    "p50": "p50",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "p99_9": "p999",
    "max": "max",
}


def recognises(head: bytes) -> bool:
    start = head.lstrip()
    return start.startswith(b"{") and (
        b'"aggregate"' in head[:4096] or b'"intermediate"' in head[:4096]
    )


def read(source: Source) -> Imported:
    found = document.read(source)
    found = found if isinstance(found, dict) else {}
    aggregate, intermediate = found.get("aggregate"), found.get("intermediate")
    periods = (
        [one for one in intermediate if isinstance(one, dict)]
        if isinstance(intermediate, list)
        else []
    )
    latencies = [one["latencies"] for one in periods if isinstance(one.get("latencies"), list)]
    if not any(latencies) and isinstance(aggregate, dict):
        whole = aggregate.get("latencies")
        latencies = [whole] if isinstance(whole, list) else []
    if any(isinstance(entry, list) for entries in latencies for entry in entries):
        return _of_latencies(source, latencies)
    durations_ns = [
        one for entries in latencies for entry in entries if (one := summaries.number(entry))
    ]
    known = aggregate if isinstance(aggregate, dict) else {}
    return _of_aggregate(source, known, periods, durations_ns)


# -- Version 1: raw latencies --------------------------------------------------------------------


def _of_latencies(source: Source, latencies: list[list[Any]]) -> Imported:
    left_out = LeftOut(source.name)
    rows = list(_rows(latencies, left_out))
    frame = pl.DataFrame(
        rows,
        schema={"stamp": pl.Float64, "took": pl.Float64, "status": pl.Int64},
        orient="row",
    )
    status = pl.when(pl.col("status") > 0).then(pl.col("status"))
    ended = raw.micros(pl.col("stamp"), 1e3)
    # Stamped when the answer came: the start is so much earlier.
    found = frame.select(
        pl.lit(ALL).alias("scenario"),
        pl.lit(REQUESTS).alias("step"),
        (ended - raw.micros(pl.col("took"), 1e-3)).alias("started_us"),
        ended.alias("ended_us"),
        status.alias("status"),
        raw.outcome(status.is_null() | (status >= 400), status).alias("outcome"),
    )
    return raw.of_samples(
        source, NAME, [found], left_out=left_out, failures=False, notes=lambda: _V1_NOTES
    )


_V1_NOTES: Final = (
    "Artillery 1's own p95 and p99 are not taken: the figures are computed from its raw latencies.",
    "Requests without an answer have no latency: they are missing because the source does not hold"
    " them.",
)


def _rows(latencies: list[list[Any]], left_out: LeftOut) -> Iterator[tuple[float, float, int]]:
    """(stamp in ms, nanoseconds, status) of entries `[ts, id, ns, code]`."""
    for entries in latencies:
        for entry in entries:
            if not isinstance(entry, list) or len(entry) < 4:
                left_out.add("it is no [time, id, latency, code]")
                continue
            stamp, took = summaries.number(entry[0]), summaries.number(entry[2])
            if stamp is None or took is None:
                left_out.add("no readable time or latency")
                continue
            yield stamp, took, summaries.count(entry[3])


# -- Version 2, and what version 1 computed ----------------------------------------------------


def _of_aggregate(
    source: Source,
    aggregate: dict[str, Any],
    periods: list[dict[str, Any]],
    durations_ns: list[float],
) -> Imported:
    """Version 2, and version 1, which in its later releases holds durations without times."""
    if not aggregate and periods:
        raise source.error(1, 1, "nothing can be read: its aggregate is missing; it may be cut.")
    counters = aggregate.get("counters")
    version_1 = "requestsCompleted" in aggregate or not isinstance(counters, dict)
    known = _of_version_1(aggregate) if version_1 else dict(counters or {})
    statuses = {
        key.removeprefix(_CODES): summaries.count(one)
        for key, one in known.items()
        if key.startswith(_CODES)
    }
    errors = {
        key.removeprefix("errors."): summaries.count(one)
        for key, one in known.items()
        if key.startswith("errors.")
    }
    outcomes = summaries.outcomes_of(statuses)
    answered = sum(statuses.values())
    sent = max(summaries.count(known.get("http.requests")), answered)
    if version_1:  # it counts answers; what failed in the network comes on top
        sent += sum(one for key, one in errors.items() if _NETWORK.match(key))
    timeouts = sum(one for key, one in errors.items() if any(word in key for word in _TIMEOUTS))
    outcomes["timeout"] = min(timeouts, sent - answered)
    outcomes["connection_error"] = sent - answered - outcomes["timeout"]
    if not sent:
        raise source.error(1, 1, "nothing can be read: it counts no request over HTTP.")
    first, last = (_time(aggregate.get(key)) for key in ("firstMetricAt", "lastMetricAt"))
    length_us = max(0, last - first) if first is not None and last is not None else 0
    length_us = length_us or _length_of_version_1_us(aggregate)
    spread, note, is_whole_answer = _spread(aggregate)
    if durations_ns:
        spread, note, is_whole_answer = _spread_of(durations_ns), _V1_NOTES[0], True
    row = summaries.row(
        sent,
        length_us=length_us,
        outcomes=outcomes,
        statuses=statuses,
        all_ms=spread,
        ok_ms=None if is_whole_answer else UNKNOWN,
        knows_classes=True,
    )
    return summaries.of_rows(
        source,
        NAME,
        [row, summaries.whole(row)],
        samples_are="histogram" if durations_ns else "summary",
        started_at_us=first,
        length_us=length_us,
        notes=(note, *_error_notes(errors)),
    )


def _of_version_1(aggregate: dict[str, Any]) -> dict[str, Any]:
    """The counters of version 1 under the names of version 2."""
    codes, errors = aggregate.get("codes"), aggregate.get("errors")
    found: dict[str, Any] = {"http.requests": aggregate.get("requestsCompleted")}
    for prefix, counts in ((_CODES, codes), ("errors.", errors)):
        found |= {
            f"{prefix}{key}": one
            for key, one in (counts.items() if isinstance(counts, dict) else ())
        }
    return found


def _spread(aggregate: dict[str, Any]) -> tuple[Spread, str, bool]:
    """The whole answer's time where extended metrics were on, else the first byte's, which is no
    response time; what is said of it; and whether it is the whole answer's."""
    listed = aggregate.get("summaries") or aggregate.get("histograms")
    known = listed if isinstance(listed, dict) else {}
    for name, what in (
        ("http.total", "Times are whole answers (http.total)"),
        (
            "http.response_time",
            "Times end at the first byte (http.response_time), so they are in all_ms alone: when"
            " answers were complete is missing because the source does not hold it",
        ),
    ):
        if isinstance(known.get(name), dict):
            found = summaries.spread(known[name], **_PERCENTILES)
            note = f"{what}; percentiles are within 1 % (a sketch)."
            return found, note, name == "http.total"
    latency = aggregate.get("latency")
    if isinstance(latency, dict):
        found = summaries.spread(latency, min="min", p50="median", max="max")
        return found, "Artillery 1 computes p95 and p99 wrongly; they are not taken.", True
    return UNKNOWN, "The file holds no response times.", False


def _spread_of(durations_ns: list[float]) -> Spread:
    values = np.array(durations_ns) / 1e6
    return summaries.spread_of_histogram(values, np.ones(len(values), dtype=np.int64))


def _length_of_version_1_us(aggregate: dict[str, Any]) -> int:
    """What its count and its mean rate say, 0 where they do not."""
    rps = aggregate.get("rps")
    mean = summaries.number(rps.get("mean")) if isinstance(rps, dict) else None
    count = summaries.count(aggregate.get("requestsCompleted"))
    return round(min(count / mean, 1e9) * 1e6) if mean and mean > 1e-6 else 0


def _error_notes(errors: dict[str, int]) -> tuple[str, ...]:
    if not errors:
        return ()
    named = ", ".join(f"{key} ({count:,})" for key, count in list(errors.items())[:5])
    return (raw.name_of(f"Errors by name: {named}."),)


def _time(value: Any) -> int | None:
    """Milliseconds since 1970 as microseconds, where they can be true."""
    found = summaries.number(value)
    return round(found * 1000) if found and 946684800000 <= found < 4102444800000 else None
