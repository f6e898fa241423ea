"""k6: its raw points as JSON lines or CSV, and its three summaries.

Every point is stamped at the end of its request. `http_req_duration` is sending, waiting and
receiving; waiting for a connection, connecting and TLS stand in `http_req_blocked`, before it. A
request's points share time and tags and stand together, which is the only thing that joins them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from runs.analysis.percentiles import Spread
from runs.analysis.series import Series
from runs.formats import document, lines, raw, summaries, table
from runs.formats.imported import ALL, REQUESTS, Imported
from runs.formats.left_out import LeftOut
from runs.formats.segment import Notes
from runs.formats.source import Source

NAME: Final = "k6"
_HTTP: Final = (
    *("http_reqs", "http_req_duration", "http_req_blocked", "http_req_connecting"),
    *("http_req_tls_handshaking", "http_req_receiving", "http_req_failed"),
)
# What stands for requests where a script made none over HTTP, in this order.
_INSTEAD: Final = ("grpc_req_duration", "iteration_duration")
_TAGS: Final = (
    *("name", "url", "method", "status", "scenario", "group"),
    *("error", "error_code", "expected_response"),
)
_POINT: Final[dict[str, pl.DataType]] = {
    "metric": pl.String(),
    "type": pl.String(),
    "data": pl.Struct(
        {
            "time": pl.String(),
            "value": pl.Float64(),
            "tags": pl.Struct(dict.fromkeys(_TAGS, pl.String())),
            "metadata": pl.Struct({"vu": pl.String(), "iter": pl.String()}),
        }
    ),
}
_SAME: Final = ("time", *_TAGS)
_CSV_HEADER: Final = ("metric_name", "timestamp", "metric_value")
_RFC3339: Final = "%Y-%m-%dT%H:%M:%S%.f%:z"
# Seconds, milliseconds and microseconds since 1970, as microseconds; beyond are nanoseconds.
_UNITS_US: Final = ((10**11, 1_000_000), (10**14, 1000), (10**17, 1))

# A stretch of equal stamps that is longer than this is not held back for the next frame.
_LONGEST_STRETCH: Final = 2_000_000


def recognises(head: bytes) -> bool:
    return _is_lines(head) or _is_csv(head) or _is_summary(head)


def _is_lines(head: bytes) -> bool:
    first = head.split(b"\n", 1)[0]
    return b'"metric"' in first and (b'"Metric"' in first or b'"Point"' in first)


def _is_csv(head: bytes) -> bool:
    return tuple(table.first_record(head)[:3]) == _CSV_HEADER


def _is_summary(head: bytes) -> bool:
    """One of the three, as far as a beginning shows it."""
    start = head.lstrip()
    if not start.startswith(b"{") or b'"summary"' in head[:200]:
        return False
    if b'"k6Version"' in head:
        return True
    has_metrics = b'"metrics"' in head or b'"root_group"' in head
    return has_metrics and any(
        word in head for word in (b'"root_group"', b'"http_req', b'"iterations"', b'"data_sent"')
    )


def read(source: Source) -> Imported:
    """Points become samples; summaries rows of the report."""
    if _is_lines(source.head):
        return _of_points(source, _points_of_lines)
    if _is_csv(source.head):
        return _of_points(source, _points_of_csv)
    return _of_summary(source)


# -- Points ------------------------------------------------------------------------------------


@dataclass
class _Seen:
    """What the points say beside the requests."""

    left_out: LeftOut
    instead: dict[str, list[pl.DataFrame]] = field(
        default_factory=lambda: {name: [] for name in _INSTEAD}
    )
    dropped: int = 0
    used: str = ""
    has_fractions: bool = False
    others: dict[str, None] = field(default_factory=dict)  # metrics of no request

    def notes(self) -> Notes:
        found = []
        if self.used == "grpc_req_duration":
            found.append("The run made no HTTP requests: its gRPC calls are the samples.")
        elif self.used:
            found.append(
                "The run made no HTTP requests: its iterations are the samples. Whether they"
                " succeeded is not in the file."
            )
        if not self.has_fractions:
            found.append(
                "The file's times are whole seconds (K6_CSV_TIME_FORMAT is unix unless it is set):"
                " the course over time is known to a second only."
            )
        if self.dropped:
            found.append(
                f"k6 dropped {self.dropped:,} iterations that it could not start in time: the load"
                " was lower than the script asks for."
            )
        return tuple(found)


def _of_points(source: Source, points: Any) -> Imported:
    seen = _Seen(LeftOut(source.name))
    requests = list(_requests(points(source, seen.left_out), seen, source))
    if not any(frame.height for frame in requests):
        requests = _instead(seen)
        _refuse_others(source, seen)
    return raw.of_samples(
        source,
        NAME,
        requests,
        left_out=seen.left_out,
        failures=seen.used != "iteration_duration",
        resolution_us=lambda: 1 if seen.has_fractions else 1_000_000,
        notes=seen.notes,
    )


def _refuse_others(source: Source, seen: _Seen) -> None:
    """A run of WebSockets, a browser or nothing at all: what the file holds instead is named."""
    if not seen.used and seen.others and not seen.left_out.count:
        named = ", ".join(sorted(seen.others)[:8])
        raise source.error(
            1,
            1,
            "nothing can be read: it holds no request over HTTP (no http_req_duration), no gRPC"
            f" call and no iteration, only points of {named}.",
        )


def _points_of_lines(source: Source, left_out: LeftOut) -> Iterator[pl.DataFrame]:
    """`metric`, `time_us`, `value` and a column a tag."""
    for frame in lines.frames(source, _POINT, left_out):
        points = frame.filter(pl.col("type") == "Point").unnest("data").unnest("tags", "metadata")
        utc = pl.col("time").str.replace(r"[zZ]$", "+00:00")
        stamp = utc.str.to_datetime(_RFC3339, time_unit="us", strict=False)
        yield points.with_columns(stamp.dt.epoch("us").alias("time_us"))


def _points_of_csv(source: Source, left_out: LeftOut) -> Iterator[pl.DataFrame]:
    names = table.first_record(source.head)
    for rows in table.rows(source, names, has_header=True):
        frame = rows.frame.rename(dict(zip(_CSV_HEADER, ("metric", "time", "number"), strict=True)))
        lacking = [pl.lit(None, pl.String).alias(tag) for tag in _TAGS if tag not in frame.columns]
        metadata = pl.col("metadata") if "metadata" in frame.columns else pl.lit(None, pl.String)
        frame = frame.filter(pl.col("metric").is_not_null()).with_columns(
            *lacking,
            table.numbers(pl.col("number")).alias("value"),
            _csv_time(frame["time"]).alias("time_us"),
            *(metadata.str.extract(rf"(?:^|&){key}=(\d+)").alias(key) for key in ("vu", "iter")),
        )
        bad = frame.with_row_index("row").filter(pl.col("value").is_null())
        if bad.height:
            place = rows.line_of(bad["row"][0])
            left_out.add("no readable metric_value", bad.height, place, 3)
        yield frame.filter(pl.col("value").is_not_null())


def _csv_time(column: pl.Series) -> pl.Expr:
    """By K6_CSV_TIME_FORMAT: a number in one of four units, or RFC 3339."""
    stamp = pl.col("time").str.strip_chars()
    number = stamp.cast(pl.Int64, strict=False)
    known = (pl.when(number < below).then(number * factor) for below, factor in _UNITS_US)
    micros = pl.coalesce(*known, number // 1000)
    if column.str.contains("T").any():
        utc = stamp.str.replace(r"[zZ]$", "+00:00")
        text = utc.str.to_datetime(_RFC3339, time_unit="us", strict=False).dt.epoch("us")
        return pl.coalesce(micros, text)
    return micros


def _requests(
    points: Iterator[pl.DataFrame], seen: _Seen, source: Source
) -> Iterator[pl.DataFrame]:
    """A row a request. The last request of a frame may go on in the next: it is held back."""
    held: pl.DataFrame | None = None
    for frame in points:
        _note_others(frame, seen)
        mine = frame.filter(pl.col("metric").is_in(_HTTP))
        mine = _columns(mine) if held is None else pl.concat([held, _columns(mine)])
        if mine.is_empty():
            continue
        marked = mine.with_columns(pl.struct(_SAME).rle_id().alias("stretch"))
        is_last = pl.col("stretch") == marked["stretch"][-1]
        held = marked.filter(is_last).drop("stretch")
        if held.height > _LONGEST_STRETCH:
            yield _joined(marked, seen.left_out)
            held = None
            continue
        yield _joined(marked.filter(~is_last), seen.left_out)
    if held is not None:
        held = _without_cut(held, seen, source)
        yield _joined(held.with_columns(pl.lit(0, pl.UInt32).alias("stretch")), seen.left_out)


def _without_cut(last: pl.DataFrame, seen: _Seen, source: Source) -> pl.DataFrame:
    """The last stretch of a file, less a request of which points are missing that others have:
    without them its start is not known, nor whether it failed."""
    expected = [name for name in _HTTP if name in seen.others]
    counts = dict(last.group_by("metric").len().iter_rows())
    least = min((counts.get(name, 0) for name in expected), default=0)
    if all(counts.get(name, 0) == least for name in expected):
        return last
    source.cut("is cut within the points of a request: that one is left out.")
    nth = pl.int_range(pl.len()).over("metric")
    return last.filter(nth < least)


def _columns(points: pl.DataFrame) -> pl.DataFrame:
    return points.select("metric", "value", "time_us", *_SAME, "vu", "iter")


def _note_others(frame: pl.DataFrame, seen: _Seen) -> None:
    dropped = frame.filter(pl.col("metric") == "dropped_iterations")["value"].sum()
    seen.dropped += int(dropped or 0)
    seen.has_fractions |= bool((frame["time_us"] % 1_000_000 != 0).any())
    if len(seen.others) < 100:
        seen.others.update(dict.fromkeys(frame["metric"].drop_nulls().unique().to_list()))
    for name, kept in seen.instead.items():
        mine = frame.filter(pl.col("metric") == name)
        if mine.height:
            kept.append(_columns(mine))


def _joined(points: pl.DataFrame, left_out: LeftOut) -> pl.DataFrame:
    """The points of each request as one row: the n-th of each metric within a stretch of equal
    stamps and tags is the n-th request's."""
    numbered = points.with_columns(pl.int_range(pl.len()).over("stretch", "metric").alias("nth"))
    value = {name: pl.col("value").filter(pl.col("metric") == name).first() for name in _HTTP}
    first = [pl.col(name).first() for name in ("time_us", *_TAGS, "vu", "iter")]
    rows = numbered.group_by("stretch", "nth", maintain_order=True).agg(
        *first, *(expression.alias(name) for name, expression in value.items())
    )
    without = rows.filter(pl.col("http_req_duration").is_null())
    left_out.add("a request without its http_req_duration", without.height)
    return _samples(rows.filter(pl.col("http_req_duration").is_not_null()))


def _samples(rows: pl.DataFrame) -> pl.DataFrame:
    """The start is derived: the stamped end less the duration less the wait for a connection."""
    took, blocked = _micros("http_req_duration"), _micros("http_req_blocked").fill_null(0)
    connecting = _micros("http_req_connecting").fill_null(0)
    connecting += _micros("http_req_tls_handshaking").fill_null(0)
    connecting = pl.min_horizontal(connecting, blocked)  # it lies inside
    status = pl.col("status").str.strip_chars().cast(pl.Int64, strict=False)
    status = pl.when(status > 0).then(status)
    code = pl.col("error_code").cast(pl.Int64, strict=False)
    failed = pl.coalesce(
        pl.col("http_req_failed") != 0,
        pl.col("expected_response") == "false",
        status.is_null() | (status >= 400),
    )
    started = pl.col("time_us") - took - blocked
    return rows.select(
        _scenario(),
        _step(),
        started.alias("started_us"),
        pl.col("time_us").alias("ended_us"),
        (blocked - connecting).alias("wait_us"),
        connecting.alias("connect_us"),
        (pl.col("time_us") - _micros("http_req_receiving")).alias("first_byte_us"),
        status.alias("status"),
        raw.outcome(failed, status, timed_out=_timed_out(code)).alias("outcome"),
        _error().alias("error"),
        (connecting == 0).alias("reused"),
        pl.col("vu").cast(pl.Int64, strict=False).alias("user"),
        # With both of these opt-in tags the requests of an iteration are a journey.
        pl.when(pl.col("vu").is_not_null())
        .then(pl.col("iter").cast(pl.Int64, strict=False))
        .alias("journey"),
    )


def _micros(name: str) -> pl.Expr:
    """A time of k6, in milliseconds, as microseconds; null where it is absurd."""
    return (pl.col(name) * 1000).round().cast(pl.Int64, strict=False)


def _timed_out(code: pl.Expr) -> pl.Expr:
    """1050 is k6's request timeout; a dial timeout (1211) is a connection that did not come."""
    return (code == 1050) | pl.col("error").str.contains("request timeout").fill_null(value=False)


def _scenario() -> pl.Expr:
    return pl.col("scenario").fill_null("default").replace("", "default").alias("scenario")


def _step() -> pl.Expr:
    """The name that the script gave, or method and address where it gave none."""
    name = pl.col("name").replace("", None)
    address = pl.coalesce(name, pl.col("url").replace("", None), pl.lit(REQUESTS))
    is_unnamed = name.is_null() | (name == pl.col("url"))
    method = pl.col("method").replace("", None)
    return (
        pl.when(is_unnamed & method.is_not_null())
        .then(pl.concat_str(method, pl.lit(" "), address))
        .otherwise(address)
        .alias("step")
    )


def _error() -> pl.Expr:
    code, text = pl.col("error_code").replace("", None), pl.col("error").replace("", None)
    return pl.concat_str(code, text, separator=" ", ignore_nulls=True).replace("", None)


def _instead(seen: _Seen) -> list[pl.DataFrame]:
    """gRPC calls, or else whole iterations, where nothing went over HTTP."""
    seen.used = next((name for name in _INSTEAD if seen.instead[name]), "")
    step = _step() if seen.used == "grpc_req_duration" else pl.lit("iteration").alias("step")
    # gRPC numbers its statuses itself: 0 is OK.
    failed = pl.col("status").is_not_null() & ~pl.col("status").is_in(["", "0", "OK"])
    is_call = seen.used == "grpc_req_duration"
    outcome = raw.outcome(
        failed & pl.lit(is_call), pl.lit(None, pl.Int64), unconnected=pl.lit(value=False)
    )
    return [
        frame.select(
            _scenario(),
            step,
            (pl.col("time_us") - _micros("value")).alias("started_us"),
            pl.col("time_us").alias("ended_us"),
            outcome.alias("outcome"),
            pl.col("vu").cast(pl.Int64, strict=False).alias("user"),
        )
        for frame in (seen.instead[seen.used] if seen.used else [])
    ]


# -- Summaries ---------------------------------------------------------------------------------


def _of_summary(source: Source) -> Imported:
    found = document.read(source)
    metrics = _metrics(found)
    if not metrics:
        raise source.error(1, 1, "nothing can be read: it is JSON without k6's metrics.")
    length_us = _length_us(found, metrics)
    rows = [row for name, row in _rows(metrics, length_us) if row.count]
    if not rows:
        raise source.error(1, 1, "nothing can be read: its metrics count no request or iteration.")
    return summaries.of_rows(
        source,
        NAME,
        [*rows, *([summaries.whole(rows[0])] if rows[0].scenario == ALL else [])],
        samples_are="summary",
        length_us=length_us,
        notes=(*_threshold_notes(found), _NO_SUBMETRICS),
    )


_NO_SUBMETRICS: Final = (
    "Sub-metrics such as http_req_duration{expected_response:true} are parts of their metric; they"
    " are not added to it."
)


def _metrics(found: Any) -> dict[str, dict[str, Any]]:
    """The values of each metric by name, whichever of the three summaries it is."""
    if not isinstance(found, dict):
        return {}
    results = found.get("results")
    listed = results.get("metrics") if isinstance(results, dict) else None
    if isinstance(listed, list):
        return {
            str(one.get("name")): one["values"]
            for one in listed
            if isinstance(one, dict) and isinstance(one.get("values"), dict)
        }
    metrics = found.get("metrics")
    if not isinstance(metrics, dict):
        return {}
    values = {
        name: one.get("values", one) for name, one in metrics.items() if isinstance(one, dict)
    }
    return {name: one for name, one in values.items() if isinstance(one, dict)}


def _length_us(found: dict[str, Any], metrics: Mapping[str, dict[str, Any]]) -> int:
    """What the summary says of it, or else what a count and its rate say; 0 where nothing does."""
    config, state = found.get("config"), found.get("state")
    seconds = summaries.number(config.get("duration")) if isinstance(config, dict) else None
    if seconds is None and isinstance(state, dict):
        milliseconds = summaries.number(state.get("testRunDurationMs"))
        seconds = None if milliseconds is None else milliseconds / 1000
    for name in ("http_reqs", "iterations"):
        values = metrics.get(name, {})
        rate = summaries.number(values.get("rate"))
        if seconds is None and rate:
            seconds = summaries.count(values.get("count")) / rate
    return round(min(seconds or 0.0, 1e9) * 1e6)


def _rows(metrics: Mapping[str, dict[str, Any]], length_us: int) -> Iterator[tuple[str, Series]]:
    if "http_req_duration" in metrics:
        yield "http", _http_row(metrics, length_us)
        return
    for name, step in (("grpc_req_duration", "grpc"), ("iteration_duration", "iteration")):
        if name in metrics:
            count = summaries.count(metrics.get("iterations", {}).get("count"))
            yield (
                name,
                summaries.row(count, step=step, length_us=length_us, all_ms=_spread(metrics[name])),
            )
            return


def _http_row(metrics: Mapping[str, dict[str, Any]], length_us: int) -> Series:
    count = summaries.count(metrics.get("http_reqs", {}).get("count"))
    failed = _failed(metrics.get("http_req_failed"), count)
    outcomes = None if failed is None else {"ok": count - failed, "check_failed": failed}
    expected = metrics.get("http_req_duration{expected_response:true}")
    return summaries.row(
        count,
        length_us=length_us,
        outcomes=outcomes,
        all_ms=_spread(metrics["http_req_duration"]),
        ok_ms=_spread(expected) if expected else None,
    )


def _failed(values: Mapping[str, Any] | None, count: int) -> int | None:
    """`passes` counts the requests that failed: the rate's question is whether one did."""
    if values is None:
        return None
    for key in ("passes", "matches"):
        if key in values:
            return min(summaries.count(values[key]), count)
    share = summaries.number(values.get("rate", values.get("value")))
    return None if share is None else min(round(share * count), count)


def _spread(values: Mapping[str, Any]) -> Spread:
    return summaries.spread(
        values,
        min="min",
        mean="avg",
        p50="med" if "med" in values else "p(50)",
        p90="p(90)",
        p95="p(95)",
        p99="p(99)",
        p99_9="p(99.9)",
        max="max",
    )


def _threshold_notes(found: dict[str, Any]) -> Notes:
    """What became of k6's thresholds. A bare `true` means failed, `{"ok": true}` passed."""
    notes = []
    entries = found.get("metrics")
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        thresholds = entry.get("thresholds") if isinstance(entry, dict) else None
        for text, one in thresholds.items() if isinstance(thresholds, dict) else ():
            failed = one if isinstance(one, bool) else None
            if isinstance(one, dict) and isinstance(one.get("ok"), bool):
                failed = not one["ok"]
            if failed is not None:
                verdict = "failed" if failed else "passed"
                notes.append(raw.name_of(f"k6 threshold on {name}: {text}: {verdict}."))
    return tuple(notes[:50])
