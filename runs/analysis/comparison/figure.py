"""A figure of one run or of a group of repeats, with its uncertainty, in the logarithm."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from runs.analysis import intervals, student_t, wording
from runs.analysis.comparison.result import OF_ALL, Bounds, Statistic
from runs.analysis.outcomes import FAILED
from runs.analysis.percentiles import QUANTILES, Spread
from runs.analysis.saturation.result import Saturation
from runs.analysis.series import Response, Series

BURSTS: Final = 4.0  # failures come in bursts: so many count as one independent failure
ALL_OFFERED: Final = 0.97
_Z: Final = 1.96  # of the interval of a capacity
_UNJUDGED: Final = ("dropped", "generator_error", "cut")


@dataclass(frozen=True)
class Figure:
    """`log` is the mean of ln(figure) over `runs` runs, `squares` the sum of the squared distances
    from it. `down` and `up` are the standard error of one run's ln(figure) within that run, as
    far as it matters to either side; infinite where nothing bounds it there.

    `value` is inf for a percentile among unanswered requests; `floor` is what it surely exceeds.
    `ci` is the interval of a single run as its report has it. `note` says why a figure is known
    from below only. `trials` are the requests behind a share.
    """

    value: float
    log: float
    down: float
    up: float
    ci: Bounds | None = None
    note: str = ""
    floor: float = 0.0
    runs: int = 1
    squares: float = 0.0
    hits: int = 0
    trials: int = 0
    is_all_offered: bool = False

    @property
    def is_known(self) -> bool:
        return math.isfinite(self.value) and not self.note


def of_series(cell: Series, statistic: Statistic) -> Figure | None:
    if statistic == "throughput":
        return _of_flow(cell)
    if statistic == "error_rate":
        return _of_failures(cell)
    if statistic in OF_ALL:
        return _of_all(cell, statistic.removeprefix("all_"))
    value = getattr(cell.response_ms, statistic)
    ci = cell.response_ms.ci.get(statistic)
    if value is None:
        return _unanswered(ci) if cell.response_ms.unanswered else None
    if ci is None:
        return _of_summary(cell.response_ms, cell.count, statistic)
    return _of_percentile(max(value, intervals.FEWEST_MS), ci)


def is_blind(cell: Series) -> bool:
    """Whether the source does not tell the times of what was answered as expected from those of
    what failed, so that a percentile is unknown that would not fall among failures."""
    found = cell.response_ms
    return cell.count > 0 and found.p50 is None and (found.unanswered or 0.0) <= QUANTILES["p50"]


def _of_all(cell: Series, name: str) -> Figure | None:
    """Of the times of whatever came back; a mean has no interval, as its scatter is not known."""
    value = getattr(cell.all_ms, name)
    if value is None:
        return None
    if name in QUANTILES:
        return _of_summary(cell.all_ms, cell.count, name)
    return _without_interval(value)


def _without_interval(value: float) -> Figure:
    value = max(value, intervals.FEWEST_MS)
    return Figure(value, math.log(value), math.inf, math.inf)


def _of_summary(times: Response | Spread, count: int, statistic: str) -> Figure:
    """A percentile of a source that keeps no single requests: its binomial interval, read off the
    other percentiles on an axis of nines. Requests come in bursts here too."""
    value = max(getattr(times, statistic), intervals.FEWEST_MS)
    points = sorted(
        (-math.log(1 - q), math.log(max(known, intervals.FEWEST_MS)))
        for name, q in QUANTILES.items()
        if (known := getattr(times, name)) is not None
    )
    q, trials = QUANTILES[statistic], count / BURSTS
    if len(points) < 2 or trials < 10 / (1 - q):
        return _without_interval(value)
    error = math.sqrt(q * (1 - q) / trials)
    nines = [-math.log(1 - one) for one in (q - error, q, q + error)]
    low, middle, high = (_read_off(points, at) for at in nines)
    down, up = max(middle - low, 0.0), max(high - middle, 0.0)
    return Figure(value, math.log(value), down, up)


def _read_off(points: Sequence[tuple[float, float]], at: float) -> float:
    """Between the two points around, or on the line through the last two."""
    after = next((place for place, (x, _) in enumerate(points) if x >= at), len(points) - 1)
    (x0, y0), (x1, y1) = points[max(after, 1) - 1], points[max(after, 1)]
    return y0 + (y1 - y0) * (at - x0) / (x1 - x0)


def _of_percentile(value: float, ci: Bounds | None) -> Figure:
    low, high = ci or (None, None)
    down = math.log(value / low) if low and 0 < low <= value else math.inf
    up = math.log(high / value) if high and high >= value else math.inf
    return Figure(value, math.log(value), _within(down), _within(up), ci)


def _within(half_width: float) -> float:
    """The standard error within the run behind a half-width of a percentile. The noise between
    runs that is in it comes off, and so does the tenth that it carries for safety: between two
    runs that would hide changes that are real."""
    whole = (half_width / student_t.quantile(intervals.DEGREES)) ** 2
    return math.sqrt(max(whole - intervals.BETWEEN_RUNS**2, 0.0)) / intervals.INFLATION


def _unanswered(ci: Bounds | None) -> Figure:
    """Without an interval nothing is sure; with one whose ends are both unknown, all of it is."""
    floor = 0.0 if ci is None else math.inf if ci[0] is None else ci[0]
    return Figure(math.inf, math.inf, math.inf, math.inf, _finite(floor, math.inf), floor=floor)


def _of_flow(cell: Series) -> Figure | None:
    if not cell.throughput_rps:
        return None
    answers = cell.throughput_rps * (cell.window_us[1] - cell.window_us[0]) / 1e6
    error = 1 / math.sqrt(max(answers, 1.0))
    half = student_t.quantile(intervals.DEGREES) * math.hypot(error, intervals.BETWEEN_RUNS)
    value = cell.throughput_rps
    is_all = value >= ALL_OFFERED * (cell.offered_rps or math.inf)
    ci = value * math.exp(-half), value * math.exp(half)
    return Figure(value, math.log(value), error, error, ci, is_all_offered=is_all)


def _of_failures(cell: Series) -> Figure | None:
    """An error rate; half a failure is added, so that its logarithm is finite. Null where the
    source does not tell outcomes."""
    if cell.error_rate is None:
        return None
    judged = cell.count - sum(cell.outcomes.get(name, 0) for name in _UNJUDGED)
    failed = sum(cell.outcomes.get(name, 0) for name in FAILED)
    return _share(failed, judged) if judged else None


def _share(failed: int, judged: int) -> Figure:
    found = intervals.share(failed, judged, BURSTS)
    log = math.log((failed + 0.5) / (judged + 1))
    error = math.sqrt(BURSTS / (failed + 0.5))
    ci = (found.low, found.high)
    return Figure(failed / judged, log, error, error, ci, hits=failed, trials=judged)


def of_capacity(point: Saturation) -> Figure | None:
    """A capacity that was not reached is known from below."""
    if point.verdict == "not_reached" and point.up_to_jps:
        note = f"not reached up to {wording.per_second(point.up_to_jps)}"
        value = point.up_to_jps
        return Figure(value, math.log(value), 0.0, math.inf, (value, None), note)
    if point.verdict != "reached" or not point.capacity_jps:
        return None
    value = point.capacity_jps
    low, high = point.ci_jps or (None, None)
    down = math.log(value / low) / _Z if low and 0 < low <= value else math.inf
    up = math.log(high / value) / _Z if high and high >= value else math.inf
    up = math.inf if point.bound == "lower" else up
    return Figure(value, math.log(value), down, up, (low, None if up == math.inf else high))


def together(figures: Sequence[Figure | None]) -> Figure | None:
    """Repeats as one figure; runs without it do not count."""
    known = [one for one in figures if one is not None]
    if len(known) < 2:
        return known[0] if known else None
    if any(math.isinf(one.value) for one in known):
        return _partly_unanswered(known)
    if any(one.note for one in known):
        return _from_below(known)
    return _mean(known)


def _mean(known: Sequence[Figure]) -> Figure:
    count = len(known)
    log = sum(one.log for one in known) / count
    hits, trials = sum(one.hits for one in known), sum(one.trials for one in known)
    return Figure(
        value=hits / trials if trials else math.exp(log),
        log=log,
        down=_root_mean_square([one.down for one in known]),
        up=_root_mean_square([one.up for one in known]),
        runs=count,
        squares=sum((one.log - log) ** 2 for one in known),
        hits=hits,
        trials=trials,
        is_all_offered=all(one.is_all_offered for one in known),
    )


def _root_mean_square(errors: Sequence[float]) -> float:
    return math.sqrt(sum(one**2 for one in errors) / len(errors))


def _partly_unanswered(known: Sequence[Figure]) -> Figure:
    """Of repeats of which some have no finite percentile, only the least is sure."""
    floors = [one.floor if math.isinf(one.value) else (one.ci or (None,))[0] for one in known]
    floor = min(0.0 if one is None else one for one in floors)
    return Figure(
        math.inf, math.inf, math.inf, math.inf, _finite(floor, math.inf), floor=floor,
        runs=len(known),
    )  # fmt: skip


def _from_below(known: Sequence[Figure]) -> Figure:
    """Of repeats of which some did not reach their capacity, those that did have the word; what
    the others sustained beyond it leaves it open towards the top."""
    reached = [one for one in known if not one.note]
    most = max((one for one in known if one.note), key=lambda one: one.value)
    if not reached:
        return replace(most, runs=len(known))
    mean = _mean(reached)
    return replace(mean, up=math.inf) if most.value > mean.value else mean


def _finite(low: float, high: float) -> Bounds | None:
    """An interval whose ends are null where nothing bounds the figure there."""
    found = tuple(end if math.isfinite(end) and end > 0 else None for end in (low, high))
    return None if found == (None, None) else (found[0], found[1])
