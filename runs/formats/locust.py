"""Locust: its request log, statistics, history, failures and JSON statistics.

Percentiles of its CSV files are rounded to two digits, and those of a history cover ten seconds
or everything so far: they are never averaged, and p99.9 is not taken from them. Statistics count
failures without saying which times were theirs.
"""

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl

from runs.analysis.percentiles import Spread
from runs.analysis.series import Series
from runs.formats import document, raw, summaries, table
from runs.formats.imported import Imported
from runs.formats.left_out import LeftOut
from runs.formats.source import Source

NAME: Final = "locust"
_SCENARIO: Final = "locust"
_REQUEST_LOG: Final = ("timestamp", "request_type", "name", "response_time_ms")
_STATISTICS: Final = ("Type", "Name", "Request Count", "Failure Count")
_HISTORY: Final = ("Timestamp", "User Count", "Type", "Name")
_FAILURES: Final = ("Method", "Name", "Error", "Occurrences")
_EXCEPTIONS: Final = ("Count", "Message", "Traceback")
_AGGREGATED: Final = "Aggregated"
_MOMENTS: Final = ("Median", "Average", "Min", "Max")
_STATUS: Final = re.compile(r"\b([45]\d\d) (?:Client|Server) Error|status\D{0,8}([45]\d\d)\b")
_ROUNDED: Final = "Locust rounds percentiles to two digits; p99.9 is not taken from its buckets."
_UNKNOWN_FAILURES: Final = (
    "Failures are counted without their statuses: 4xx and 5xx cannot be told apart."
)


def recognises(head: bytes) -> bool:
    return _layout(head) is not None or _is_json(head)


def _layout(head: bytes) -> tuple[str, ...] | None:
    header = tuple(table.first_record(head))
    known = (_REQUEST_LOG, _STATISTICS, _HISTORY, _FAILURES, _EXCEPTIONS)
    return next((one for one in known if header[: len(one)] == one), None)


def _is_json(head: bytes) -> bool:
    return head.lstrip().startswith(b"[") and (
        b'"num_requests"' in head or b'"response_times"' in head or b'"num_none_requests"' in head
    )


def read(source: Source) -> Imported:
    layout = _layout(source.head)
    if layout == _REQUEST_LOG:
        return _of_request_log(source)
    if layout == _STATISTICS:
        return _of_statistics(source)
    if layout == _HISTORY:
        return _of_history(source)
    if layout == _FAILURES:
        return _of_failures(source)
    if layout == _EXCEPTIONS:
        raise source.error(
            1,
            1,
            "nothing can be read: these are Locust's exceptions, which count no requests. Take"
            " its _stats.csv, its --json or its request log.",
        )
    return _of_json(source)


# -- The request log: a row a request ------------------------------------------------------------


def _of_request_log(source: Source) -> Imported:
    left_out = LeftOut(source.name)
    return raw.of_samples(source, NAME, _logged(source, left_out), left_out=left_out)


def _logged(source: Source, left_out: LeftOut) -> Iterator[pl.DataFrame]:
    names = table.first_record(source.head)
    optional = ("status_code", "exception", "response_length")
    for rows in table.rows(source, names, has_header=True):
        lacking = [pl.lit(None, pl.String).alias(one) for one in optional if one not in names]
        frame = rows.frame.with_columns(
            *lacking,
            started=table.numbers(pl.col("timestamp")),
            took=table.numbers(pl.col("response_time_ms")),
        )
        needed = {"started": "timestamp", "took": "response_time_ms"}
        yield _samples(table.readable(rows, frame, names, left_out, needed))


def _samples(frame: pl.DataFrame) -> pl.DataFrame:
    """The stamp is the start; a status of 0 is no answer."""
    started = (pl.col("started") * 1e6).round().cast(pl.Int64, strict=False)
    status = table.whole_numbers(pl.col("status_code"))
    status = pl.when(status > 0).then(status)
    error = pl.col("exception").replace("", None)
    failed = error.is_not_null() | (status >= 400).fill_null(value=False)
    return frame.select(
        pl.lit(_SCENARIO).alias("scenario"),
        pl.concat_str("request_type", "name", separator=" ", ignore_nulls=True).alias("step"),
        started.alias("started_us"),
        (started + (pl.col("took") * 1000).round().cast(pl.Int64, strict=False)).alias("ended_us"),
        status.alias("status"),
        raw.outcome(
            failed,
            status,
            timed_out=status.is_null() & error.str.contains("(?i)timed? ?out"),
            unconnected=status.is_null() & error.str.contains("(?i)connect|socket|resolution"),
        ).alias("outcome"),
        error.alias("error"),
        table.whole_numbers(pl.col("response_length")).alias("bytes_in"),
    )


# -- Computed statistics ---------------------------------------------------------------------------


def _table(source: Source) -> pl.DataFrame:
    """A small table, whole. A last row that is cut short is left out."""
    names = table.first_record(source.head)
    frames = [
        rows.frame.filter(~pl.all_horizontal(pl.all().is_null()))
        for rows in table.rows(source, names, has_header=True)
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(names, pl.String()))


def _of_statistics(source: Source) -> Imported:
    entries = _table(source).to_dicts()
    whole = next((one for one in entries if _is_whole(one)), {})
    rate, count = _number(whole.get("Requests/s")), _count(whole.get("Request Count"))
    length_us = round(count / rate * 1e6) if rate else 0
    rows = [_row(entry, entry, length_us) for entry in entries]
    return _of_rows(source, rows, length_us=length_us, notes=(_ROUNDED, _UNKNOWN_FAILURES))


def _of_history(source: Source) -> Imported:
    """The last row of each name counts everything; its percentiles do only where the history has
    no names, else they cover ten seconds."""
    frame = _table(source)
    entries = list({(one["Type"], one["Name"]): one for one in frame.to_dicts()}.values())
    is_full = any(not _is_whole(one) for one in entries)
    times = [_number(one) for one in frame["Timestamp"]]
    known = [one for one in times if one is not None and 946684800 <= one < 4102444800]
    started_us = round(min(known) * 1e6) if known else None
    length_us = round((max(known) - min(known)) * 1e6) if known else 0
    rows = [_row(_totals(one), {} if is_full else one, length_us) for one in entries]
    notes = [_ROUNDED, _UNKNOWN_FAILURES]
    if is_full:
        notes.append("The percentiles of this history cover ten seconds each and cannot be joined.")
    return _of_rows(source, rows, started_at_us=started_us, length_us=length_us, notes=tuple(notes))


def _totals(entry: dict[str, Any]) -> dict[str, Any]:
    """The columns of a history under the names that statistics have."""
    names = ["Request Count", "Failure Count", *(f"{one} Response Time" for one in _MOMENTS)]
    return {**entry, **{name: entry.get(f"Total {name}") for name in names}}


def _of_failures(source: Source) -> Imported:
    """Failures alone: how many requests there were is not in this file."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for entry in _table(source).to_dicts():
        step = (str(entry.get("Method") or ""), str(entry.get("Name") or ""))
        error, count = str(entry.get("Error") or ""), _count(entry.get("Occurrences"))
        outcome = _outcome_of(error)
        mine = counts.setdefault(step, {})
        mine[outcome] = mine.get(outcome, 0) + count
    rows = [
        summaries.failures_only(_step(*step), outcomes, scenario=_SCENARIO)
        for step, outcomes in counts.items()
    ]
    note = (
        "The file counts failures only: requests, times and rates are missing because the source"
        " does not hold them. Import the statistics or the request log for those."
    )
    return _of_rows(source, rows, notes=(note,))


def _outcome_of(error: str) -> str:
    found = _STATUS.search(error)
    if found:
        code = int(found[1] or found[2])
        return "refused" if code == 429 else "client_error" if code < 500 else "server_error"
    lowered = error.lower()
    if "timeout" in lowered or "timed out" in lowered:
        return "timeout"
    return "connection_error" if "connection" in lowered else "check_failed"


def _of_json(source: Source) -> Imported:
    """`response_times` counts requests by rounded response time: a histogram."""
    found = document.read(source)
    entries = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    starts = [_number(one.get("start_time")) for one in entries]
    ends = [_number(one.get("last_request_timestamp")) for one in entries]
    known = [one for one in (*starts, *ends) if one is not None and 946684800 <= one < 4102444800]
    started_us = round(min(known) * 1e6) if known else None
    length_us = round((max(known) - min(known)) * 1e6) if known else 0
    rows = [_row_of_json(one, length_us) for one in entries]
    return _of_rows(
        source,
        [*rows, *_merged(entries, length_us)],
        samples_are="histogram",
        started_at_us=started_us,
        length_us=length_us,
        notes=(
            "Locust rounds times to 1 ms below 100 ms, 10 ms below 1 s, 100 ms below 10 s:"
            " percentiles are as coarse. p99.9 is not taken from its buckets.",
            _UNKNOWN_FAILURES,
        ),
    )


def _merged(entries: list[dict[str, Any]], length_us: int) -> list[Series]:
    """All entries as one: histograms of the same buckets add up."""
    added = ("num_requests", "num_none_requests", "num_failures", "total_response_time")
    buckets: dict[str, int] = {}
    for entry in entries:
        found = entry.get("response_times")
        for key, count in found.items() if isinstance(found, dict) else ():
            buckets[key] = buckets.get(key, 0) + summaries.count(count)
    lows = [summaries.number(one.get("min_response_time")) for one in entries]
    highs = [summaries.number(one.get("max_response_time")) for one in entries]
    whole = {
        **{key: sum(summaries.number(one.get(key)) or 0 for one in entries) for key in added},
        "response_times": buckets,
        "min_response_time": min((one for one in lows if one is not None), default=None),
        "max_response_time": max((one for one in highs if one is not None), default=None),
    }
    return [summaries.whole(_row_of_json(whole, length_us))]


def _row_of_json(entry: dict[str, Any], length_us: int) -> Series:
    buckets = entry.get("response_times")
    pairs = [
        (value, summaries.count(count))
        for key, count in (buckets.items() if isinstance(buckets, dict) else ())
        if (value := _number(key)) is not None
    ]
    values = np.array([value for value, _ in pairs], dtype=np.float64)
    counts = np.array([count for _, count in pairs], dtype=np.int64)
    spread = summaries.spread_of_histogram(values, counts)
    count = max(summaries.count(entry.get("num_requests")), 0)
    timed = count - summaries.count(entry.get("num_none_requests"))
    total_ms = summaries.number(entry.get("total_response_time"))
    exact = summaries.spread(entry, min="min_response_time", max="max_response_time")
    most = math.inf if exact.max is None else exact.max  # a bucket's value may lie above it
    return _built(
        str(entry.get("method") or ""),
        str(entry.get("name") or ""),
        count,
        summaries.count(entry.get("num_failures")),
        length_us,
        Spread(
            min=exact.min,
            mean=total_ms / timed if total_ms is not None and timed > 0 else None,
            p50=_at_most(spread.p50, most),
            p90=_at_most(spread.p90, most),
            p95=_at_most(spread.p95, most),
            p99=_at_most(spread.p99, most),
            p99_9=None,
            max=exact.max,
        ),
    )


def _at_most(value: float | None, most: float) -> float | None:
    return None if value is None else min(value, most)


def _of_rows(source: Source, rows: list[Series], **more: Any) -> Imported:
    rows = [row for row in rows if row.count]
    if not rows:
        raise source.error(2, 1, "nothing can be read: it counts no request.")
    return summaries.of_rows(source, NAME, rows, **{"samples_are": "summary", **more})


def _row(entry: dict[str, Any], percentiles: dict[str, Any], length_us: int) -> Series:
    values = {f"{name}": _number(entry.get(f"{name} Response Time")) for name in _MOMENTS}
    values |= {name: _number(percentiles.get(name)) for name in ("50%", "90%", "95%", "99%")}
    spread = summaries.spread(
        values,
        min="Min",
        mean="Average",
        p50="50%" if values["50%"] is not None else "Median",
        p90="90%",
        p95="95%",
        p99="99%",
        max="Max",
    )
    return _built(
        str(entry.get("Type") or ""),
        str(entry.get("Name") or ""),
        _count(entry.get("Request Count")),
        _count(entry.get("Failure Count")),
        length_us,
        spread,
        is_whole=_is_whole(entry),
    )


def _built(
    method: str,
    name: str,
    count: int,
    failed: int,
    length_us: int,
    all_ms: Spread,
    *,
    is_whole: bool = False,
) -> Series:
    failed = min(failed, count)
    row = summaries.row(
        count,
        scenario=_SCENARIO,
        step=_step(method, name),
        length_us=length_us,
        outcomes={"ok": count - failed, "check_failed": failed},
        all_ms=all_ms,
    )
    return summaries.whole(row) if is_whole else row


def _step(method: str, name: str) -> str:
    return f"{method} {name}".strip()


def _is_whole(entry: dict[str, Any]) -> bool:
    """The row that adds up all others."""
    return entry.get("Name") == _AGGREGATED and not entry.get("Type")


def _number(text: Any) -> float | None:
    """A number in a table; `N/A` is none."""
    if not isinstance(text, str):
        return summaries.number(text)
    try:
        return summaries.number(float(text))
    except ValueError:
        return None


def _count(text: Any) -> int:
    return summaries.count(_number(text))
