"""What the target's own metrics read before, during and after a run."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from runs.analysis.run_data import RunData


@dataclass(frozen=True)
class During:
    min: float | None
    mean: float | None
    max: float | None


@dataclass(frozen=True)
class ProbeSummary:
    """One metric of one probe, in the metric's own unit.

    `before` is the last reading before the load began, or the first of all; `after` the last one
    after the last phase ended, or the last of all. Null where nothing was read.
    """

    probe: str
    metric: str
    before: float | None
    during: During
    after: float | None


def rows(data: RunData) -> tuple[ProbeSummary, ...]:
    """Every metric of the plan, in its order, then those that only the readings name."""
    planned = [(probe.name, metric.name) for probe in data.plan.probes for metric in probe.metrics]
    read = data.readings.select("probe", "metric").unique(maintain_order=True).rows()
    names = dict.fromkeys([*planned, *read])
    end_us = max((phase.end_us for phase in data.plan.phases), default=None)
    return tuple(_summary(data.readings, probe, metric, end_us) for probe, metric in names)


def _summary(readings: pl.DataFrame, probe: str, metric: str, end_us: int | None) -> ProbeSummary:
    mine = readings.filter(
        (pl.col("probe") == probe)
        & (pl.col("metric") == metric)
        & pl.col("value").is_not_null()
        & pl.col("value").is_finite()
    ).sort("t_us")
    t_us, values = mine["t_us"].to_numpy(), mine["value"].to_numpy()
    if not len(values):
        return ProbeSummary(probe, metric, None, During(None, None, None), None)
    is_during = (t_us >= 0) & (t_us <= (t_us[-1] if end_us is None else end_us))
    early = values[t_us < 0]
    return ProbeSummary(
        probe=probe,
        metric=metric,
        before=float(early[-1] if len(early) else values[0]),
        during=_during(values[is_during]),
        after=float(values[-1]),
    )


def _during(values: np.ndarray) -> During:
    if not len(values):
        return During(None, None, None)
    return During(float(values.min()), float(values.mean()), float(values.max()))
