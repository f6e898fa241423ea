"""Hyperfoil's JSON and its CSV of totals: nanoseconds, with statistics of each phase, metric and
fork. A phase that warms up is marked as such and is in no total. Histograms stand beside the
summaries of the JSON."""

import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from runs.analysis.percentiles import Spread
from runs.analysis.series import Series
from runs.formats import document, raw, summaries, table
from runs.formats.imported import Imported
from runs.formats.source import Source

NAME: Final = "hyperfoil"
_FAILURES: Final = {
    "connectionErrors": "connection_error",
    "requestTimeouts": "timeout",
    "internalErrors": "generator_error",
}


_TOTALS: Final = ("Phase", "Metric", "Start", "End", "Requests", "Responses")


def recognises(head: bytes) -> bool:
    start = head.lstrip()
    keys = (b'"info"', b'"benchmark"') if b'"info"' in head else (b'"$schema"', b"yperfoil")
    is_run = start.startswith(b"{") and all(key in head for key in keys)
    return _is_totals(head) or is_run


def _is_totals(head: bytes) -> bool:
    return tuple(table.first_record(head)[: len(_TOTALS)]) == _TOTALS


def read(source: Source) -> Imported:
    return _of_totals(source) if _is_totals(source.head) else _of_document(source)


def _of_totals(source: Source) -> Imported:
    """total.csv: the columns of the JSON's summaries under other names."""
    names = table.first_record(source.head)
    entries = [
        entry
        for rows in table.rows(source, names, has_header=True)
        for entry in rows.frame.to_dicts()
        if any(entry.values())
    ]
    stats = [_stat_of(entry) for entry in entries]
    rows = [row for one in stats for row in _rows(one)]
    if not rows:
        raise source.error(2, 1, "nothing can be read: its rows count no request.")
    starts = [one for stat in stats if (one := _start_ms(stat))]
    return summaries.of_rows(
        source,
        NAME,
        rows,
        samples_are="summary",
        started_at_us=min(starts) * 1000 if starts else None,
        length_us=max(row.window_us[1] for row in rows),
        notes=("Percentiles of different phases are not merged.",),
    )


_NAMES: Final = {
    "Requests": "requestCount",
    "Responses": "responseCount",
    "Mean": "meanResponseTime",
    "Min": "minResponseTime",
    "Max": "maxResponseTime",
    "ConnectionErrors": "connectionErrors",
    "RequestTimeouts": "requestTimeouts",
    "InternalErrors": "internalErrors",
    "Invalid": "invalid",
}


def _stat_of(entry: dict[str, Any]) -> dict[str, Any]:
    """A row of total.csv as the JSON has it."""
    values = {name: _number(value) for name, value in entry.items()}
    http = {
        f"status_{found[1]}": values[name]
        for name in entry
        if (found := re.search(r"([1-5]xx|other)$", name))
    }
    return {
        "name": None,
        "phase": entry.get("Phase"),
        "metric": entry.get("Metric"),
        "total": {
            "start": values.get("Start"),
            "end": values.get("End"),
            "summary": {
                **{long: values.get(short) for short, long in _NAMES.items()},
                "percentileResponseTime": {
                    name[1:]: value for name, value in values.items() if name.startswith("p")
                },
                "extensions": {"http": http},
            },
        },
    }


def _number(text: Any) -> float | None:
    try:
        return summaries.number(float(text or ""))
    except ValueError:
        return None


def _of_document(source: Source) -> Imported:
    found = document.read(source)
    found = found if isinstance(found, dict) else {}
    listed = found.get("stats")
    stats = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    rows = [row for one in stats for row in _rows(one)]
    if not rows:
        raise source.error(1, 1, "nothing can be read: its statistics count no request.")
    info = found.get("info") if isinstance(found.get("info"), dict) else {}
    starts = [one for stat in stats if (one := _start_ms(stat))]
    has_histogram = any(_buckets(one) for one in stats)
    return summaries.of_rows(
        source,
        NAME,
        rows,
        samples_are="histogram" if has_histogram else "summary",
        campaign=str((info or {}).get("benchmark") or ""),
        started_at_us=min(starts) * 1000 if starts else None,
        length_us=max(row.window_us[1] for row in rows),
        notes=(
            "Phases that warm up have rows of their own; percentiles of different phases and forks"
            " are not merged.",
        ),
    )


def _start_ms(stat: dict[str, Any]) -> int | None:
    total = stat.get("total")
    start = summaries.count(total.get("start")) if isinstance(total, dict) else 0
    return start if 946684800000 <= start < 4102444800000 else None


def _rows(stat: dict[str, Any]) -> Iterator[Series]:
    total = stat.get("total")
    summary = total.get("summary") if isinstance(total, dict) else None
    if not isinstance(total, dict) or not isinstance(summary, dict):
        return
    count = summaries.count(summary.get("requestCount"))
    if not count:
        return
    length_ms = summaries.count(total.get("end")) - summaries.count(total.get("start"))
    statuses, outcomes = _answers(summary)
    known = sum(outcomes.values())
    outcomes["cut"] += max(0, count - known)
    marks = [
        str(stat.get("fork") or ""),
        summaries.WARM_UP if stat.get("isWarmup") is True else "",
    ]
    phase = " ".join((str(stat.get("phase") or "plateau"), *filter(None, marks)))
    yield summaries.row(
        max(count, known),
        scenario=str(stat.get("name") or "hyperfoil"),
        step=str(stat.get("metric") or "requests"),
        phase=raw.name_of(phase),
        pooled=stat.get("isWarmup") is True,
        length_us=max(0, min(length_ms, 10**12)) * 1000,
        outcomes=outcomes,
        statuses=statuses,
        all_ms=_spread(stat, summary),
        knows_classes=bool(statuses),
    )


def _answers(summary: dict[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    """Classes of statuses where HTTP was spoken; what was invalid failed a check."""
    extensions = summary.get("extensions")
    http = extensions.get("http") if isinstance(extensions, dict) else None
    classes = http if isinstance(http, dict) else {}
    statuses = {
        f"{at}xx": found
        for at in range(1, 6)
        if (found := summaries.count(classes.get(f"status_{at}xx")))
    }
    outcomes = summaries.outcomes_of({f"{one[0]}00": found for one, found in statuses.items()})
    outcomes["check_failed"] += summaries.count(classes.get("status_other"))
    if not statuses:
        responses, invalid = (
            summaries.count(summary.get(key)) for key in ("responseCount", "invalid")
        )
        outcomes |= {"ok": max(0, responses - invalid), "check_failed": min(invalid, responses)}
    for key, outcome in _FAILURES.items():
        outcomes[outcome] += summaries.count(summary.get(key))
    return statuses, outcomes


def _buckets(stat: dict[str, Any]) -> list[dict[str, Any]]:
    histogram = stat.get("histogram")
    listed = histogram.get("percentiles") if isinstance(histogram, dict) else None
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _spread(stat: dict[str, Any], summary: dict[str, Any]) -> Spread:
    """The summary's own percentiles; what it leaves out comes from the histogram's buckets, of
    which the upper edge counts."""
    percentiles = summary.get("percentileResponseTime")
    values = {**(percentiles if isinstance(percentiles, dict) else {}), **summary}
    own = summaries.spread(
        values,
        1e-6,
        min="minResponseTime",
        mean="meanResponseTime",
        p50="50.0",
        p90="90.0",
        p95="95.0",
        p99="99.0",
        p99_9="99.9",
        max="maxResponseTime",
    )
    pairs = [
        (summaries.number(one.get("to")), summaries.count(one.get("count")))
        for one in _buckets(stat)
    ]
    known = [(to, count) for to, count in pairs if to is not None]
    if not known or own.p95 is not None:
        return own
    edges = np.array([to / 1e6 for to, _ in known], dtype=np.float64)
    counts = np.array([count for _, count in known], dtype=np.int64)
    read_off = summaries.spread_of_histogram(edges, counts)
    return Spread(own.min, own.mean, own.p50, own.p90, read_off.p95, own.p99, own.p99_9, own.max)
