"""Tables that are kept beside a run's samples: its steps second by second, and their histograms.

Unlike the timeline, which is made for charts, the seconds are never widened.
"""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis import columns, percentiles, series
from runs.analysis.columns import OK, Columns, Key, Micros, Rows
from runs.analysis.histogram import Histogram
from runs.analysis.outcomes import ANSWERED, FAILED, UNSENT
from runs.analysis.run_data import RunData

_SERIES: Final = ("scenario", "step", "phase")
_COUNTS: Final = ("due", "started", "answered", "good", "failed", "refused")
_QUANTILES: Final = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
_SECOND_US: Final = 1_000_000
_IS_FAILED: Final = columns.table(FAILED)
_IS_REFUSED: Final = columns.table(("refused",))
_IS_ANSWER: Final = columns.table(ANSWERED)
_WAS_SENT: Final = ~columns.table(UNSENT)
_SCHEMA: Final[dict[str, pl.DataType]] = {
    "scenario": pl.String(),
    "step": pl.String(),
    **dict.fromkeys(("second", *_COUNTS), pl.Int64()),
    **dict.fromkeys(_QUANTILES, pl.Float64()),
}
_HISTOGRAMS: Final[dict[str, pl.DataType]] = {
    **dict.fromkeys((*_SERIES, "kind"), pl.String()),
    **dict.fromkeys(("bin", "count"), pl.Int64()),
}


def of(data: RunData) -> pl.DataFrame:
    """One row for each scenario, step and second (of the run, from 0) in which anything happened.

    `due`, `failed`, `refused` and the nearest ranks of the `ok` response times belong to first
    attempts by the second in which they were due; `started`, `answered` and `good` count what
    happened in the second, retries included.
    """
    table = columns.of(data)
    steps: dict[tuple[str, str], list[Rows]] = {}
    for key, rows in table.rows.items():
        steps.setdefault(key[:2], []).append(rows)
    parts = [_of_step(table, step, np.concatenate(steps[step])) for step in sorted(steps)]
    return pl.concat([pl.DataFrame(schema=_SCHEMA), *parts])


def _of_step(table: Columns, step: tuple[str, str], rows: Rows) -> pl.DataFrame:
    outcome, due_us, ended_us = table.outcome[rows], table.due_us[rows], table.ended_us[rows]
    due, ended = due_us // _SECOND_US, ended_us // _SECOND_US
    started = table.started_us[rows] // _SECOND_US
    is_first, is_ok = ~table.is_retry[rows], outcome == OK
    low = min(int(times.min()) for times in (due, started, ended))
    size = max(int(times.max()) for times in (due, started, ended)) - low + 1
    masks = {
        "due": (due, is_first),
        "started": (started, _WAS_SENT[outcome]),
        "answered": (ended, _IS_ANSWER[outcome]),
        "good": (ended, is_ok),
        "failed": (due, is_first & _IS_FAILED[outcome]),
        "refused": (due, is_first & _IS_REFUSED[outcome]),
    }
    counts = {
        name: np.bincount(times[mask] - low, minlength=size)
        for name, (times, mask) in masks.items()
    }
    good = is_first & is_ok
    times = _quantiles(due[good] - low, (ended_us - due_us)[good], size)
    seconds = np.flatnonzero(np.sum([counts[name] for name in _COUNTS], axis=0))
    return pl.DataFrame(
        {
            "scenario": step[0],
            "step": step[1],
            "second": seconds + low,
            **{name: counts[name][seconds] for name in _COUNTS},
            **{name: pl.Series(found[seconds], nan_to_null=True) for name, found in times.items()},
        },
        schema=_SCHEMA,
    )


def _quantiles(seconds: Micros, took_us: Micros, size: int) -> dict[str, NDArray[np.float64]]:
    """The nearest ranks of each second in ms, NaN where it has none."""
    bits = 40  # of microseconds: twelve days
    packed = np.sort(seconds << bits | np.clip(took_us, 0, (1 << bits) - 1))
    counts = np.bincount(seconds, minlength=size)
    first, has = np.cumsum(counts) - counts, counts > 0
    found = {}
    for name, q in _QUANTILES.items():
        places = (first + percentiles.ranks(counts, q) - 1)[has]
        found[name] = np.full(size, np.nan)
        found[name][has] = (packed[places] & ((1 << bits) - 1)) / 1000
    return found


def histograms(data: RunData) -> pl.DataFrame:
    """The judged times of each series as mergeable histograms: `scenario`, `step`, `phase`,
    `kind` (ok, service, all: as in the report), `bin`, `count`; see runs.analysis.histogram."""
    parts = [
        _rows(key, kind, found)
        for key, kinds in sorted(series.histograms(data).items())
        for kind, found in sorted(kinds.items())
    ]
    return pl.concat([pl.DataFrame(schema=_HISTOGRAMS), *parts])


def _rows(key: Key, kind: str, found: Histogram) -> pl.DataFrame:
    names = {**key._asdict(), "kind": kind}
    return pl.DataFrame({**names, "bin": found.bins, "count": found.counts}, schema=_HISTOGRAMS)
