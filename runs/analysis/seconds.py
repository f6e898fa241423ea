"""Tables that are kept beside a run's samples: its steps second by second, and their histograms.

Unlike the timeline, which is made for charts, the seconds are never widened.
"""

from typing import Final

import polars as pl

from runs.analysis import cells, histogram
from runs.analysis.outcomes import ANSWERED, FAILED, UNSENT
from runs.analysis.run_data import RunData

_STEP: Final = ("scenario", "step")
_SERIES: Final = ("scenario", "step", "phase")
_COUNTS: Final = ("due", "started", "answered", "good", "failed", "refused")
_QUANTILES: Final = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
_IS_OK: Final = pl.col("outcome") == "ok"
_IS_SENT: Final = ~pl.col("outcome").is_in(UNSENT)
_TIMES: Final = {
    "ok": pl.when(_IS_OK).then(pl.col("ended_us") - pl.col("intended_us")),
    "service": pl.when(_IS_OK).then(pl.col("ended_us") - pl.col("started_us")),
    "all": pl.when(_IS_SENT).then(pl.col("ended_us") - pl.col("intended_us")),
}


def of(data: RunData) -> pl.DataFrame:
    """One row for each scenario, step and second (of the run, from 0) in which anything happened.

    `due`, `failed`, `refused` and the nearest ranks of the `ok` response times belong to first
    attempts by the second in which they were due; `started`, `answered` and `good` count what
    happened in the second, retries included.
    """
    samples = cells.completed(data.samples)
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
    scenarios = data.samples["scenario"].unique(maintain_order=True)
    judged = [cells.judged(data, scenario, None, None) for scenario in scenarios]
    samples = pl.concat(judged) if judged else cells.completed(data.samples)
    return histogram.table(samples, _SERIES, _TIMES)


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
