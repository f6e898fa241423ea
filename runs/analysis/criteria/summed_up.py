"""What a criterion measures where there are no samples: the rows that another tool has summed up.

A figure has no interval there, so that criteria are judged by their point, and one that the source
does not hold is not known.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Final

from runs.analysis import intervals
from runs.analysis.criteria.catalogue import Catalogue, Cell, of_series
from runs.analysis.criteria.measurement import NOT_HELD, Measurement
from runs.analysis.criteria.statistic import Statistic
from runs.analysis.estimate import Estimate
from runs.analysis.percentiles import QUANTILES
from runs.analysis.plan import Plan
from runs.analysis.series import Series

_NAMES: Final = {q: name for name, q in QUANTILES.items()}
_RATES: Final = {"throughput": "throughput_rps", "goodput": "goodput_rps"}


class SummedUp:
    """The figures of a run of rows; see Measures."""

    def __init__(self, plan: Plan, rows: Sequence[Series]) -> None:
        self.plan = plan
        self._rows = {
            Cell(row.scenario or "", row.step or "", row.phase or ""): row
            for row in rows
            if not row.pooled
        }

    @cached_property
    def catalogue(self) -> Catalogue:
        seen = ((cell.scenario, cell.step, cell.phase) for cell in self._rows)
        return of_series(self.plan, seen)

    def of_cell(self, statistic: Statistic, cell: Cell) -> Measurement:
        row = self._rows.get(cell)
        if row is None:
            return _unknown(str(cell), f"no samples of {cell}")
        value = _figure(row, statistic)
        reason = NOT_HELD if value is None else None
        estimate = Estimate(value, None, None, row.count, reason)
        fewest = intervals.fewest_samples(statistic.q) if statistic.q else 1
        return Measurement(str(cell), estimate, fewest)

    def of_scenario(self, statistic: Statistic, scenario: str) -> Measurement:
        return _unknown(scenario, f"a {statistic.name} needs single requests, and {NOT_HELD}")

    def of_metric(self, statistic: Statistic, metric: str, phase: str | None) -> Measurement:
        where = metric if phase is None else f"{metric}@{phase}"
        return _unknown(where, f"no readings of {where} for a {statistic.name}")

    def offered_rate(self, cell: Cell) -> float | None:
        row = self._rows.get(cell)
        return row.offered_rps if row is not None else None


def _unknown(where: str, reason: str) -> Measurement:
    return Measurement(where, Estimate(None, None, None, 0, reason))


def _figure(row: Series, statistic: Statistic) -> float | None:
    match statistic.kind:
        case "percentile":
            return _percentile(row, statistic.time, statistic.q or 0.0)
        case "mean":
            return row.ok_ms.mean
        case "max":
            return row.ok_ms.max
        case "count":
            return float(row.count)
    found: float | None = getattr(row, _RATES.get(statistic.name, statistic.name))
    return found


def _percentile(row: Series, time: str, q: float) -> float | None:
    """Infinite where so many got no expected answer that the percentile is surely theirs."""
    unanswered = row.response_ms.unanswered
    if time == "response" and unanswered is not None and unanswered > 1 - q:
        return math.inf
    times = getattr(row, f"{time}_ms")
    found: float | None = getattr(times, _NAMES[q]) if times is not None else None
    return found
