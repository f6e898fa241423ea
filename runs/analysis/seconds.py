"""Tables that are kept beside a run's samples: its steps second by second, and their histograms.

Unlike the timeline, which is made for charts, the seconds are never widened.
"""

from typing import Final

import polars as pl

from runs.analysis import cells, columns, histogram
from runs.analysis.cells import Cell
from runs.analysis.columns import OK, Key, Micros
from runs.analysis.histogram import Histogram
from runs.analysis.outcomes import ANSWERED, FAILED, UNSENT
from runs.analysis.run_data import RunData

_STEP: Final = ("scenario", "step")
_SERIES: Final = ("scenario", "step", "phase")
_COUNTS: Final = ("due", "started", "answered", "good", "failed", "refused")
_QUANTILES: Final = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
_IS_OK: Final = pl.col("outcome") == "ok"
_IS_SENT: Final = ~pl.col("outcome").is_in(UNSENT)
_WAS_SENT: Final = ~columns.table(UNSENT)
_OPTIONAL: Final = ("attempt", "due_us")
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
    samples = _completed(data.samples)
    parts = [_by_due(samples), _by_start(samples), _by_end(samples)]
    keys = pl.concat([part.select(*_STEP, "second") for part in parts]).unique()
    table = keys
    for part in parts:
        table = table.join(part, on=[*_STEP, "second"], how="left")
    counts = [pl.col(name).fill_null(0).cast(pl.Int64) for name in _COUNTS]
    return table.select(*_STEP, "second", *counts, *_QUANTILES).sort(*_STEP, "second")


def histograms(data: RunData) -> pl.DataFrame:
    """The judged times of each series as mergeable histograms: `scenario`, `step`, `phase`,
    `kind` (ok, service, all: as in the report), `bin`, `count`; see runs.analysis.histogram."""
    parts = [
        _rows(key, kind, histogram.of(values))
        for key, cell in cells.of(data).cells.items()
        for kind, values in _times(cell).items()
    ]
    return pl.concat([pl.DataFrame(schema=_HISTOGRAMS), *parts]).sort(*_SERIES, "kind", "bin")


def _times(cell: Cell) -> dict[str, Micros]:
    response_us = cell.ended_us - cell.due_us
    is_ok = cell.outcome == OK
    return {
        "ok": response_us[is_ok],
        "service": (cell.ended_us - cell.started_us)[is_ok],
        "all": (cell.ended_us - cell.all_from_us)[_WAS_SENT[cell.outcome]],
    }


def _rows(key: Key, kind: str, found: Histogram) -> pl.DataFrame:
    names = {**key._asdict(), "kind": kind}
    return pl.DataFrame({**names, "bin": found.bins, "count": found.counts}, schema=_HISTOGRAMS)


def _completed(samples: pl.DataFrame) -> pl.DataFrame:
    """The columns that seconds need: `attempt` 1 where it is not known, and `intended_us`, when
    the request was due or else started."""
    lacking = [
        pl.lit(None, pl.Int64).alias(name) for name in _OPTIONAL if name not in samples.columns
    ]
    return samples.with_columns(lacking).select(
        *_STEP,
        "started_us",
        "ended_us",
        "outcome",
        pl.col("attempt").fill_null(1),
        pl.coalesce("due_us", "started_us").alias("intended_us"),
    )


def _by_due(samples: pl.DataFrame) -> pl.DataFrame:
    ok_us = (pl.col("ended_us") - pl.col("intended_us")).filter(_IS_OK)
    return _grouped(
        samples.filter(pl.col("attempt") == 1),
        "intended_us",
        pl.len().alias("due"),
        pl.col("outcome").is_in(FAILED).sum().alias("failed"),
        (pl.col("outcome") == "refused").sum().alias("refused"),
        *(
            (ok_us.quantile(q, interpolation="equiprobable") / 1000).alias(name)
            for name, q in _QUANTILES.items()
        ),
    )


def _by_start(samples: pl.DataFrame) -> pl.DataFrame:
    return _grouped(samples.filter(_IS_SENT), "started_us", pl.len().alias("started"))


def _by_end(samples: pl.DataFrame) -> pl.DataFrame:
    answers = samples.filter(pl.col("outcome").is_in(ANSWERED))
    return _grouped(answers, "ended_us", pl.len().alias("answered"), _IS_OK.sum().alias("good"))


def _grouped(samples: pl.DataFrame, time: str, *figures: pl.Expr) -> pl.DataFrame:
    second = (pl.col(time) // 1_000_000).alias("second")
    return samples.group_by(*_STEP, second).agg(figures)
