"""What a criterion's statistic measures in one series of a run, with its uncertainty."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis import cells, columns, intervals, wording
from runs.analysis.columns import NO_TOKEN, OK
from runs.analysis.criteria.catalogue import Catalogue, Cell, of_series
from runs.analysis.criteria.statistic import Statistic
from runs.analysis.estimate import Estimate
from runs.analysis.outcomes import FAILED, OUTCOMES, UNDECLARED, UNRANKED, UNSENT
from runs.analysis.plan import Plan
from runs.analysis.run_data import RunData
from runs.analysis.saturation.result import Saturation

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SECOND_US: Final = 1_000_000
ALL_OFFERED: Final = 0.97  # answers of what was due that count as all


def _codes(*names: str) -> NDArray[np.int64]:
    return np.array([OUTCOMES.index(name) for name in names])


_OUTCOMES_OF: Final[Mapping[str, NDArray[np.int64]]] = {
    "error_rate": _codes(*FAILED),
    "refusal_rate": _codes("refused"),
    "drop_rate": _codes("dropped"),
    "rate_4xx": _codes(*UNDECLARED),
    "rate_5xx": _codes(*UNDECLARED),
}
_OF_SCHEDULE: Final = ("drop_rate", "retry_rate")
_OF_FAILURES: Final = ("error_rate", "rate_4xx", "rate_5xx")
NOT_HELD: Final = "the source does not hold it"
_UNSENT: Final = _codes(*UNSENT)
_UNJUDGED: Final = _codes(*UNSENT, "cut")
_UNRANKED: Final = _codes(*UNRANKED)


@dataclass(frozen=True)
class Measurement:
    """One figure in canonical units (ms, fractions, per second, numbers).

    `where` names the series; `fewest` is how many samples the point needs; `is_from_below` says
    that the true value is the estimate's or more; `is_ratio_scaled` that its noise is a matter
    of per cent, so that uncertainties join in the logarithm; `is_all_offered` that a flow was as
    great as what was due. `hits` are those behind a share, null for other figures, and
    `inflation` how much more they vary than independent ones would.
    """

    where: str
    estimate: Estimate
    fewest: int = 1
    is_from_below: bool = False
    is_ratio_scaled: bool = True
    is_all_offered: bool = False
    hits: int | None = None
    inflation: float = 1.0


class Measures(Protocol):
    """What criteria ask: a run, or repeats of it taken together."""

    @property
    def plan(self) -> Plan: ...
    @property
    def catalogue(self) -> Catalogue: ...
    def of_cell(self, statistic: Statistic, cell: Cell) -> Measurement: ...
    def of_scenario(self, statistic: Statistic, scenario: str) -> Measurement: ...
    def of_metric(self, statistic: Statistic, metric: str, phase: str | None) -> Measurement: ...
    def offered_rate(self, cell: Cell) -> float | None: ...


class Figures:
    """The figures of one run."""

    def __init__(self, data: RunData, saturation: tuple[Saturation, ...]) -> None:
        self.data = data
        self._saturation = {point.scenario: point for point in saturation}

    @property
    def plan(self) -> Plan:
        return self.data.plan

    @cached_property
    def catalogue(self) -> Catalogue:
        return of_series(self.data.plan, columns.of(self.data).rows)

    def of_cell(self, statistic: Statistic, cell: Cell) -> Measurement:
        """A statistic of scenario/step@phase; unknown where the source of the run does not hold
        what it rests on."""
        if not self._is_held(statistic):
            nothing = Estimate(None, None, None, self._cell(cell).count, NOT_HELD)
            return Measurement(str(cell), nothing)
        measure = _OF_CELL[statistic.kind]
        return measure(self, statistic, cell)

    def of_scenario(self, statistic: Statistic, scenario: str) -> Measurement:
        """`capacity` or `headroom`."""
        count = len(columns.of(self.data).of_scenario(scenario))
        if not self.data.info.fidelity.failures:
            return Measurement(scenario, Estimate(None, None, None, count, NOT_HELD))
        point = self._saturation.get(scenario)
        if point is None:
            reason = f"there is no estimate of the saturation of {scenario}"
            return Measurement(scenario, Estimate(None, None, None, count, reason))
        if statistic.name == "capacity":
            return _capacity(point, scenario, count)
        return _headroom(point, scenario, count)

    def of_metric(self, statistic: Statistic, metric: str, phase: str | None) -> Measurement:
        """The largest or mean reading of a probe's metric, in a phase or the whole run."""
        values = self._readings(metric, phase)
        where = metric if phase is None else f"{metric}@{phase}"
        if not len(values):
            return Measurement(where, Estimate(None, None, None, 0, f"no readings of {where}"))
        if statistic.name == "probe_max":
            estimate = Estimate(float(values.max()), None, None, len(values))
        else:
            estimate = intervals.level(values)
        return Measurement(where, estimate, is_ratio_scaled=False)

    def offered_rate(self, cell: Cell) -> float | None:
        """Requests due per second, retries apart."""
        seconds = cells.length_s(self._windows(cell))
        count = self._cell(cell).count
        return count / seconds if seconds else None

    def percentile(self, statistic: Statistic, cell: Cell) -> Measurement:
        assert statistic.q is not None
        values, times = self._times(statistic.time, cell)
        estimate = intervals.quantile(values, times, statistic.q)
        if not len(values):
            estimate = replace(estimate, reason=f"no samples of {cell}")
        return Measurement(str(cell), estimate, intervals.fewest_samples(statistic.q))

    def mean(self, statistic: Statistic, cell: Cell) -> Measurement:
        values, times = self._times(statistic.time, cell)
        return Measurement(str(cell), intervals.mean(values, times))

    def largest(self, statistic: Statistic, cell: Cell) -> Measurement:
        values, _ = self._times(statistic.time, cell)
        value = float(values.max()) if len(values) else None
        return Measurement(str(cell), Estimate(value, None, None, len(values)))

    def count(self, _: Statistic, cell: Cell) -> Measurement:
        count = self._cell(cell).count
        value = float(count) if count else None
        return Measurement(str(cell), Estimate(value, None, None, count), is_ratio_scaled=False)

    def flow(self, statistic: Statistic, cell: Cell) -> Measurement:
        """Answers (`throughput`) or expected answers (`goodput`) per second of the window."""
        ended, is_good = columns.of(self.data).answers(cell.scenario, cell.step)
        ended = ended[is_good] if statistic.name == "goodput" else ended
        counts, bin_s = _binned(ended, self._windows(cell))
        estimate = intervals.rate(counts, bin_s)
        due = self._cell(cell).count
        if not due:
            return Measurement(str(cell), Estimate(None, None, None, 0, f"no samples of {cell}"))
        is_all = counts.sum() >= ALL_OFFERED * due
        return Measurement(str(cell), replace(estimate, count=due), is_all_offered=bool(is_all))

    def share(self, statistic: Statistic, cell: Cell) -> Measurement:
        found = self._cell(cell)
        outcome, times = found.outcome, found.due_us
        if statistic.name != "drop_rate":
            is_judged = ~np.isin(outcome, _UNJUDGED)
            times = times[is_judged]
        if not len(times):
            reason = f"none of the requests of {cell} was sent" if len(outcome) else None
            nothing = Estimate(None, None, None, 0, reason or f"no samples of {cell}")
            return Measurement(str(cell), nothing)
        if statistic.name == "retry_rate":
            estimate = intervals.share(min(found.retries, len(times)), len(times))
            return Measurement(str(cell), _exact_share(estimate, found.retries))
        hits = np.isin(outcome, _OUTCOMES_OF[statistic.name])
        if statistic.name.startswith("rate_"):
            hits &= found.status // 100 == int(statistic.name[len("rate_")])
        when = found.due_us[hits]
        inflation = intervals.share_inflation(*_per_second(when, times))
        estimate = intervals.share(len(when), len(times), inflation)
        return Measurement(
            str(cell), estimate, is_ratio_scaled=False, hits=len(when), inflation=inflation
        )

    def _is_held(self, statistic: Statistic) -> bool:
        fidelity = self.data.info.fidelity
        if statistic.name in _OF_SCHEDULE:
            return fidelity.schedule
        is_response = statistic.kind == "percentile" and statistic.time == "response"
        return fidelity.failures or not (is_response or statistic.name in _OF_FAILURES)

    def _times(self, time: str, cell: Cell) -> tuple[Floats, Floats]:
        """Times in ms (+inf: unanswered) and when they were due in seconds."""
        found = self._cell(cell)
        is_ok = found.outcome == OK
        start_us, end_us, kept = found.due_us, found.ended_us, is_ok
        match time:
            case "response":
                kept = ~np.isin(found.outcome, _UNRANKED)
            case "service":
                start_us = found.started_us
            case "all":
                start_us, kept = found.all_from_us, ~np.isin(found.outcome, _UNSENT)
            case "first_token":
                end_us, kept = found.first_token_us, is_ok & (found.first_token_us != NO_TOKEN)
        took = (end_us[kept] - start_us[kept]) / 1000
        if time == "response":
            took = np.where(is_ok[kept], took, np.inf)
        return took, found.due_us[kept] / SECOND_US

    def _cell(self, cell: Cell) -> cells.Cell:
        key = columns.Key(cell.scenario, cell.step, cell.phase)
        return cells.of(self.data).cells.get(key) or cells.empty(self.data, key)

    def _windows(self, cell: Cell) -> tuple[cells.Span, ...]:
        windows = cells.of(self.data).windows
        return cells.merged(windows.get((cell.scenario, cell.phase), ()))

    def _readings(self, metric: str, phase: str | None) -> Floats:
        phases = [one for one in self.data.plan.phases if phase in (None, one.phase)]
        probes = [
            probe.name
            for probe in self.data.plan.probes
            if any(one.name == metric for one in probe.metrics)
        ]
        mine = self.data.readings.filter(
            pl.col("probe").is_in(probes)
            & (pl.col("metric") == metric)
            & pl.col("value").is_finite()
        ).sort("t_us")
        t_us, values = mine["t_us"].to_numpy(), mine["value"].to_numpy()
        is_inside = np.zeros(len(t_us), dtype=bool)
        for one in phases:
            start, end = one.window_us
            is_inside |= (t_us >= start) & (t_us < end)
        return np.asarray(values[is_inside], dtype=np.float64)


_OF_CELL: Final[Mapping[str, Callable[[Figures, Statistic, Cell], Measurement]]] = {
    "percentile": Figures.percentile,
    "mean": Figures.mean,
    "max": Figures.largest,
    "share": Figures.share,
    "flow": Figures.flow,
    "count": Figures.count,
}


def _exact_share(estimate: Estimate, hits: int) -> Estimate:
    """A request may be retried more than once: then the share is above 1 and has no interval."""
    if estimate.value is None or hits <= estimate.count:
        return estimate
    return Estimate(hits / estimate.count, None, None, estimate.count)


def _per_second(hits_us: NDArray[Any], all_us: NDArray[Any]) -> tuple[Floats, Floats]:
    """Hits and all, counted in bins of one second."""
    if not len(all_us):
        return np.zeros(0), np.zeros(0)
    first = all_us.min() // SECOND_US
    bins = int(all_us.max() // SECOND_US - first) + 1
    hits, every = (
        np.bincount(np.clip(times // SECOND_US - first, 0, bins - 1), minlength=bins)
        for times in (hits_us, all_us)
    )
    return hits.astype(np.float64), every.astype(np.float64)


def _binned(times_us: NDArray[Any], spans: tuple[cells.Span, ...]) -> tuple[Floats, float]:
    """Counts in equal bins over the spans laid end to end, and the length of a bin in seconds:
    a sixtieth of the whole, but at least a second, and at least eight bins."""
    total = cells.length_s(spans)
    if not total:
        return np.zeros(0), 0.0
    bins = max(1, round(total / min(max(1.0, total / 60), max(total / 8, 0.25))))
    before, laid = 0, []
    for start, end in spans:
        inside = times_us[(times_us >= start) & (times_us < end)]
        laid.append(inside - start + before)
        before += end - start
    counts, _ = np.histogram(np.concatenate(laid), bins=bins, range=(0, before))
    return counts.astype(np.float64), total / bins


def _capacity(point: Saturation, scenario: str, count: int) -> Measurement:
    if point.verdict == "not_reached" and point.up_to_jps is not None:
        reason = f"not reached up to {wording.per_second(point.up_to_jps)}"
        estimate = Estimate(None, point.up_to_jps, None, count, reason)
        return Measurement(scenario, estimate, is_from_below=True)
    return _saturated(point, scenario, count, point.capacity_jps, point.ci_jps)


def _headroom(point: Saturation, scenario: str, count: int) -> Measurement:
    room = point.headroom
    if room is None:
        reason = f"no production peak is stated for {scenario} (peak: in the campaign file)"
        return Measurement(scenario, Estimate(None, None, None, count, reason))
    if point.verdict == "not_reached" and point.up_to_jps is not None and room.peak_jps > 0:
        reason = f"saturation was not reached up to {wording.per_second(point.up_to_jps)}"
        estimate = Estimate(None, point.up_to_jps / room.peak_jps, None, count, reason)
        return Measurement(scenario, estimate, is_from_below=True)
    return _saturated(point, scenario, count, room.ratio, room.ci)


def _saturated(
    point: Saturation,
    scenario: str,
    count: int,
    value: float | None,
    ci: tuple[float | None, float | None] | None,
) -> Measurement:
    if point.verdict != "reached" or value is None:
        reason = point.explanation or "the saturation point is not known"
        return Measurement(scenario, Estimate(None, None, None, count, reason))
    low, high = ci or (None, None)
    is_lower = point.bound == "lower"
    estimate = Estimate(value, low, None if is_lower else high, count)
    return Measurement(scenario, estimate, is_from_below=is_lower)
