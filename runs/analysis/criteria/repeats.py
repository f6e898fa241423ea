"""Repeats of one run taken as one: what a criterion measures in each of them, put together.

The run is the unit. Where noise is a matter of per cent the figure is the geometric mean of the
runs', and its interval comes from what each run says of its own uncertainty (with the weight of 4
degrees of freedom) joined by how much the runs differ. Shares add up their requests, widened by
how much more the runs differ than one stretch of time from the next.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

import numpy as np

from runs.analysis import intervals, student_t
from runs.analysis.criteria.catalogue import Catalogue, Cell
from runs.analysis.criteria.measurement import Measurement, Measures
from runs.analysis.criteria.statistic import Statistic
from runs.analysis.estimate import Estimate
from runs.analysis.plan import Plan

_LARGEST: Final = ("max", "probe_max")
_WEIGHT: Final = 4  # degrees of freedom of what single runs say of themselves, beside repeats


class Remembered:
    """The figures of one run, each measured once. After `forget` what was asked before is still
    known, while the run's samples are let go."""

    def __init__(self, figures: Measures) -> None:
        self._figures: Measures | None = figures
        self.plan: Plan = figures.plan
        self.catalogue: Catalogue = figures.catalogue
        self._known: dict[Hashable, Measurement] = {}
        self._rates: dict[Cell, float | None] = {}

    def forget(self) -> None:
        self._figures = None

    def of_cell(self, statistic: Statistic, cell: Cell) -> Measurement:
        return self._once(lambda figures: figures.of_cell(statistic, cell), statistic.name, cell)

    def of_scenario(self, statistic: Statistic, scenario: str) -> Measurement:
        return self._once(
            lambda figures: figures.of_scenario(statistic, scenario), statistic.name, scenario
        )

    def of_metric(self, statistic: Statistic, metric: str, phase: str | None) -> Measurement:
        return self._once(
            lambda figures: figures.of_metric(statistic, metric, phase),
            statistic.name,
            (metric, phase),
        )

    def offered_rate(self, cell: Cell) -> float | None:
        if cell not in self._rates and self._figures is not None:
            self._rates[cell] = self._figures.offered_rate(cell)
        return self._rates.get(cell)

    def _once(
        self, measure: Callable[[Measures], Measurement], name: str, of: Hashable
    ) -> Measurement:
        if (name, of) not in self._known:
            if self._figures is None:
                return Measurement(str(of), Estimate(None, None, None, 0, "it was not measured"))
            self._known[name, of] = measure(self._figures)
        return self._known[name, of]


class Repeats:
    """Runs of the same plan, of which criteria ask as of one. There must be at least one."""

    def __init__(self, runs: Sequence[Measures]) -> None:
        self.runs = tuple(runs)

    @property
    def plan(self) -> Plan:
        return self.runs[0].plan

    @cached_property
    def catalogue(self) -> Catalogue:
        """What any of the runs has: a rare step need not occur in each."""
        first = self.runs[0].catalogue
        steps = {
            name: tuple(dict.fromkeys(s for run in self.runs for s in run.catalogue.steps[name]))
            for name in first.steps
            if all(name in run.catalogue.steps for run in self.runs)
        }
        return replace(first, steps={**first.steps, **steps})

    def of_cell(self, statistic: Statistic, cell: Cell) -> Measurement:
        return together(statistic, [run.of_cell(statistic, cell) for run in self.runs])

    def of_scenario(self, statistic: Statistic, scenario: str) -> Measurement:
        return together(statistic, [run.of_scenario(statistic, scenario) for run in self.runs])

    def of_metric(self, statistic: Statistic, metric: str, phase: str | None) -> Measurement:
        return together(statistic, [run.of_metric(statistic, metric, phase) for run in self.runs])

    def offered_rate(self, cell: Cell) -> float | None:
        known = [rate for run in self.runs if (rate := run.offered_rate(cell)) is not None]
        return sum(known) / len(known) if known else None


def together(statistic: Statistic, found: Sequence[Measurement]) -> Measurement:
    """What the runs measured, as one; runs that measured nothing do not count."""
    known = [one for one in found if one.estimate.value is not None or one.is_from_below]
    if len(known) < 2:
        return known[0] if known else found[0]
    count = sum(one.estimate.count for one in known)
    whole = _combined(statistic, known)
    return replace(
        whole,
        estimate=replace(whole.estimate, count=count),
        fewest=known[0].fewest * len(known),
        is_all_offered=all(one.is_all_offered for one in known),
    )


def _combined(statistic: Statistic, known: Sequence[Measurement]) -> Measurement:
    first, values = known[0], [one.estimate.value for one in known]
    if any(one.is_from_below for one in known):
        return _from_below(known)
    if all(one.hits is not None for one in known):
        return _share(known)
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if len(finite) < len(values):
        return _partly_unanswered(known, len(finite))
    if statistic.name in _LARGEST:
        return replace(first, estimate=Estimate(max(finite), None, None, 0))
    if first.is_ratio_scaled and min(finite) > 0:
        return replace(first, estimate=_geometric_mean([one.estimate for one in known]))
    return replace(first, estimate=_mean([one.estimate for one in known]))


def _from_below(known: Sequence[Measurement]) -> Measurement:
    """Of runs that did not all find the point: the mean of those that did, known from below where
    another went beyond it; else the highest load that one of them stood."""
    reached = [one for one in known if one.estimate.value is not None]
    most = max(known, key=lambda one: one.estimate.low or 0.0)
    if not reached:
        return most
    mean = _mean([one.estimate for one in reached])
    if len(reached) < len(known) and (most.estimate.low or 0.0) <= (mean.value or 0.0):
        return replace(reached[0], estimate=mean, is_from_below=False)
    return replace(reached[0], estimate=replace(mean, high=None), is_from_below=True)


def _share(known: Sequence[Measurement]) -> Measurement:
    hits = [one.hits or 0 for one in known]
    counts = [one.estimate.count for one in known]
    total, share = sum(counts), sum(hits) / sum(counts)
    inflation = sum(one.inflation * count for one, count in zip(known, counts, strict=True)) / total
    if 0 < share < 1:
        excess = [(hit - share * count) ** 2 for hit, count in zip(hits, counts, strict=True)]
        expected = share * (1 - share) * total / len(known)
        inflation = max(inflation, sum(excess) / (len(known) - 1) / expected)
    estimate = intervals.share(sum(hits), total, inflation)
    return replace(known[0], estimate=estimate, hits=sum(hits), inflation=inflation)


def _partly_unanswered(known: Sequence[Measurement], finite: int) -> Measurement:
    """Percentiles of which some fall among the unanswered: so does that of half of the runs or
    more; of fewer nothing can be said."""
    lows = [one.estimate.low for one in known]
    low = None if None in lows else min(one for one in lows if one is not None)
    if finite <= len(known) / 2:
        return replace(known[0], estimate=Estimate(math.inf, low, math.inf, 0))
    reason = (
        f"in {len(known) - finite} of {len(known)} runs it falls among the requests that got no"
        " expected answer"
    )
    return replace(known[0], estimate=Estimate(None, low, None, 0, reason))


def _geometric_mean(known: Sequence[Estimate]) -> Estimate:
    logs = [
        Estimate(math.log(one.value or 1.0), _log(one.low), _log(one.high), one.count)
        for one in known
    ]
    mean = _mean(logs)
    assert mean.value is not None
    return Estimate(math.exp(mean.value), _exp(mean.low), _exp(mean.high), 0, mean.reason)


def _log(bound: float | None) -> float | None:
    return math.log(bound) if bound and bound > 0 else None


def _exp(bound: float | None) -> float | None:
    return None if bound is None else math.exp(bound)


def _mean(known: Sequence[Estimate]) -> Estimate:
    """The mean of the runs with a t interval: what the runs say of themselves and what they
    differ, weighted by degrees of freedom. Where runs are too short for a bound of their own, the
    difference alone has the word, from three runs on."""
    values = np.array([one.value for one in known], dtype=np.float64)
    own = len(values) - 1
    squares = float(((values - values.mean()) ** 2).sum())
    value = float(values.mean())
    t = student_t.quantile(_WEIGHT + own)

    def half(widths: Sequence[float]) -> float | None:
        if len(widths) < len(known):
            return _by_scatter(own, squares)
        error = np.sqrt(np.square(widths).mean()) / student_t.quantile(intervals.DEGREES)
        # The tenth that a single run's interval carries for safety is not needed where runs show
        # themselves how much they differ.
        one_run = (error / intervals.INFLATION) ** 2
        variance = (_WEIGHT * one_run + squares) / (_WEIGHT + own)
        return float(t * math.sqrt(variance / len(known)))

    down = half([(one.value or 0.0) - one.low for one in known if one.low is not None])
    up = half([one.high - (one.value or 0.0) for one in known if one.high is not None])
    return Estimate(
        value,
        None if down is None else value - down,
        None if up is None else value + up,
        0,
        None if down is not None and up is not None else known[0].reason,
    )


def _by_scatter(own: int, squares: float) -> float | None:
    if own < 2:
        return None
    return student_t.quantile(own) * math.sqrt(squares / own / (own + 1))
