"""ApacheBench: the table of requests (-g), of percentiles (-e), and what it prints.

`-g` is sorted by total time, its starts are known to the second, and failures are not marked.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from runs.formats import raw, summaries, table
from runs.formats.imported import ALL, REQUESTS, Imported
from runs.formats.left_out import LeftOut
from runs.formats.source import Source

NAME: Final = "ab"
_GNUPLOT: Final = ("starttime", "seconds", "ctime", "dtime", "ttime", "wait")
_PERCENTILES: Final = ("Percentage served", "Time in ms")
_NOTES: Final = (
    "ab -g marks no failures, so it is not known which requests failed.",
    "ab -g knows starts to the second only: the course over time is as coarse.",
)


def recognises(head: bytes) -> bool:
    return _is_gnuplot(head) or _is_percentiles(head) or b"This is ApacheBench" in head


def _is_gnuplot(head: bytes) -> bool:
    return tuple(table.first_record(head, "\t")) == _GNUPLOT


def _is_percentiles(head: bytes) -> bool:
    return tuple(table.first_record(head)) == _PERCENTILES


def read(source: Source) -> Imported:
    if _is_gnuplot(source.head):
        left_out = LeftOut(source.name)
        frames = _frames(source, left_out)
        return raw.of_samples(
            source,
            NAME,
            frames,
            left_out=left_out,
            failures=False,
            resolution_us=lambda: 1_000_000,
            notes=lambda: _NOTES,
        )
    if _is_percentiles(source.head):
        return _of_percentiles(source)
    return _of_console(source)


def _frames(source: Source, left_out: LeftOut) -> Iterator[pl.DataFrame]:
    for rows in table.rows(source, _GNUPLOT, "\t", has_header=True, quotes=False):
        frame = rows.frame.with_columns(
            raw.micros(table.numbers(pl.col("seconds")), 1e6).alias("start"),
            *(
                raw.micros(table.numbers(pl.col(name)), 1e3).alias(f"{name}_us")
                for name in ("ctime", "ttime", "wait")
            ),
        )
        needed = {"start": "seconds", "ttime_us": "ttime"}
        yield _samples(table.readable(rows, frame, _GNUPLOT, left_out, needed))


def _samples(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        pl.lit(ALL).alias("scenario"),
        pl.lit(REQUESTS).alias("step"),
        pl.col("start").alias("started_us"),
        (pl.col("start") + pl.col("ttime_us")).alias("ended_us"),
        pl.col("ctime_us").alias("connect_us"),
        (pl.col("start") + pl.col("ctime_us") + pl.col("wait_us")).alias("first_byte_us"),
        pl.lit("ok").alias("outcome"),
    )


def _of_percentiles(source: Source) -> Imported:
    """One row a percent: the time within which so many requests were served."""
    known: dict[str, float] = {}
    for rows in table.rows(source, _PERCENTILES, has_header=True):
        for percent, time in rows.frame.iter_rows():
            value = _number(time)
            if percent is not None and value is not None:
                known[percent.strip()] = value
    if not known:
        raise source.error(2, 1, "nothing can be read: it holds no percentile.")
    spread = summaries.spread(known, min="0", p50="50", p90="90", p95="95", p99="99", max="100")
    row = summaries.row(0, all_ms=spread)
    notes = ("ab -e holds percentiles alone: how many requests there were is not in the file.",)
    return summaries.of_rows(
        source, NAME, [row], samples_are="summary", failures=False, notes=notes
    )


_LINE: Final = re.compile(r"^\s*([A-Za-z0-9%][^:\n]*?):?[ \t]{2,}([\d.]+)", re.MULTILINE)
_STATUSES: Final = re.compile(r"^Non-2xx responses:\s+(\d+)", re.MULTILINE)
_FAILED: Final = re.compile(
    r"\(Connect: (\d+), Receive: (\d+), Length: (\d+), Exceptions: (\d+)\)", re.MULTILINE
)
_TOTAL: Final = re.compile(r"^Total:\s+([\d.]+)\s+([\d.]+)\s+[\d.]+\s+([\d.]+)\s+([\d.]+)", re.M)
_SERVED: Final = re.compile(r"^\s*(\d+)%\s+([\d.]+)", re.MULTILINE)


def _of_console(source: Source) -> Imported:
    """What ab prints at its end. A differing length is no failure of a service whose answers
    differ, so that only what got no answer, and what was not 2xx, counts."""
    text = source.text()
    known = {name.strip(): value for name, value in _LINE.findall(text)}
    count = summaries.count(_number(known.get("Complete requests")))
    if not count:
        raise source.error(1, 1, "nothing can be read: ab completed no request.")
    failed = _FAILED.search(text)
    lost = int(failed[1]) + int(failed[2]) + int(failed[4]) if failed else 0
    statuses = _STATUSES.search(text)
    refused = min(int(statuses[1]), count) if statuses else 0
    lost = min(lost, count - refused)
    row = summaries.row(
        count,
        length_us=round((_number(known.get("Time taken for tests")) or 0) * 1e6),
        outcomes={
            "ok": count - refused - lost, "check_failed": refused, "connection_error": lost
        },
        all_ms=_console_times(text),
    )  # fmt: skip
    notes = ["ab prints whole milliseconds, and does not tell 4xx from 5xx."]
    if failed and int(failed[3]):
        notes.append(
            f"{int(failed[3]):,} answers had another length than the first; ab calls that a"
            " failure, here it is none."
        )
    return summaries.of_rows(
        source,
        NAME,
        [row, summaries.whole(row)],
        samples_are="summary",
        length_us=row.window_us[1],
        notes=tuple(notes),
    )


def _console_times(text: str) -> Any:
    values: dict[str, Any] = {percent: _number(value) for percent, value in _SERVED.findall(text)}
    total = _TOTAL.search(text)
    if total:
        values |= {"min": _number(total[1]), "mean": _number(total[2]), "max": _number(total[4])}
    return summaries.spread(
        values, min="min", mean="mean", p50="50", p90="90", p95="95", p99="99", max="max"
    )


def _number(text: str | None) -> float | None:
    try:
        return summaries.number(float(text or ""))
    except ValueError:
        return None
