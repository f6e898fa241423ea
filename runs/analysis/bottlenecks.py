"""Which of the target's own metrics moves with the harm, for each scenario that saturates.

The run is taken in bins of one to five seconds. A metric scores by its rank correlation with the
harm (slow answers, or failures and refusals), by the same with the offered load taken out, by how
much more often it stands at its ceiling while the harm lasts, and by how far it shifts then; one
that stays clear of its ceiling is cleared. A metric that feeds the best one and shifts as well goes
first, as it stands upstream. Correlation is no proof, and the wording says so. Source: STATISTICS
§5; in short runs, where a staircase is itself the load that does the harm, the ceiling decides.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis import columns, wording
from runs.analysis.columns import Codes, Columns, Micros
from runs.analysis.outcomes import FAILED, UNSENT
from runs.analysis.plan import ProbeMetric
from runs.analysis.run_data import RunData
from runs.analysis.saturation.result import Saturation

Strength = Literal["likely", "suspect"]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_IS_SENT: Final = ~columns.table(UNSENT)
_IS_FAILED: Final = columns.table(FAILED)
_IS_REFUSED: Final = columns.table(("refused",))
_IS_TIMED: Final = columns.table(("ok", "timeout"))

MICROS: Final = 1_000_000
BIN_S: Final = (1.0, 5.0)
WANTED_BINS: Final = 20
FEWEST_BINS: Final = 8
FEWEST_BAD: Final = 3
WORSE: Final = 1.25  # the ratio from which slower is harm
FAILING: Final = (0.01, 0.05)  # mean and largest share of failures that count as harm
AT_CEILING: Final = 0.93
CLEAR_OF_CEILING: Final = 0.85
LIKELY: Final = 1.0
SUSPECT: Final = 0.9
LAGS: Final = (-1, 0, 1, 2)  # bins by which the metric leads; an averaged one trails a little
DRAINING: Final = 0.05  # of the slowest bins: a backlog that moves by more grows or drains
WITH_LOAD: Final = 0.5  # rank correlation from which a metric is taken to follow the load
DRIFTS: Final = 0.8  # rank correlation with time from which the load itself drifts
PERSISTENCE: Final = 0.3  # lag-1 correlation from which harm is more than noise
FOLLOWS: Final = 0.7  # rank correlation from which what feeds the best metric follows the harm
WORSENED: Final = 0.2  # and by how much it must be worse while the harm lasts
TRUST_SHIFT: Final = 4  # the first circular shift that counts as unrelated


@dataclass(frozen=True)
class Bottleneck:
    """A metric that moves with a scenario's harm, the strongest first."""

    scenario: str
    metric: str
    area: str
    strength: Strength
    score: float
    evidence: str


@dataclass(frozen=True)
class _Harm:
    """A scenario's trouble by bin: `y` grows with it, `load` is what was offered per second."""

    what: str
    y: Floats
    load: Floats
    is_bad: Flags


@dataclass(frozen=True)
class _Score:
    metric: ProbeMetric
    harm: _Harm
    score: float
    with_harm: float
    beside_load: float
    shift: float
    at_ceiling: tuple[float, float]  # share of the bad and of the good bins
    means: tuple[float, float]
    is_counter: bool
    upstream_of: str | None = None


def find(data: RunData, saturation: Sequence[Saturation]) -> tuple[Bottleneck, ...]:
    """The metrics that move with each scenario's harm; empty where no metric explains it."""
    if data.readings.is_empty():
        return ()
    points = {point.scenario: point for point in saturation}
    found: list[Bottleneck] = []
    for scenario in data.plan.scenarios:
        found += _of_scenario(data, scenario, points.get(scenario))
    return tuple(found)


def _of_scenario(data: RunData, scenario: str, point: Saturation | None) -> list[Bottleneck]:
    bins = _bins(data, scenario)
    if bins is None:
        return []
    is_reached = point is not None and point.verdict == "reached"
    is_limited = point is not None and is_reached and point.cause in ("rate_limit", "quota")
    scores: dict[str, _Score] = {}
    for harm in _harms(data, scenario, bins, is_reached, is_limited):
        for metric in _candidates(data, is_limited, harm):
            score = _score(data, metric, harm, bins)
            if score and (metric.name not in scores or score.score > scores[metric.name].score):
                scores[metric.name] = score
    ranked = sorted(scores.values(), key=lambda one: -one.score)
    named = [one for one in _upstream_first(ranked) if one.score >= SUSPECT]
    return [_bottleneck(scenario, one) for one in named]


def _candidates(data: RunData, is_limited: bool, harm: _Harm) -> Iterator[ProbeMetric]:
    """A limit is explained by the metrics of limits alone, and they by nothing but refusals."""
    for probe in data.plan.probes:
        for metric in probe.metrics:
            is_of_limits = metric.area == "rate_limit"
            if is_of_limits if is_limited else harm.what == "refusals" or not is_of_limits:
                yield metric


def _bins(data: RunData, scenario: str) -> Floats | None:
    """The edges in microseconds, over all of the scenario's phases; None where there are too
    few."""
    phases = data.plan.phases_of(scenario)
    if not phases:
        return None
    start, end = phases[0].start_us, max(phase.end_us for phase in phases)
    length_s = min(max((end - start) / MICROS / WANTED_BINS, BIN_S[0]), BIN_S[1])
    length_s = max(length_s, _cadence_s(data))
    number = int((end - start) / MICROS / length_s + 1e-9)
    return np.linspace(start, end, number + 1) if number >= FEWEST_BINS else None


def _cadence_s(data: RunData) -> float:
    """The usual time between two readings: a bin needs one."""
    times = np.unique(data.readings["t_us"].to_numpy())
    return float(np.median(np.diff(times))) / MICROS if len(times) > 1 else 0.0


def _harms(
    data: RunData, scenario: str, bins: Floats, is_reached: bool, is_limited: bool
) -> Iterator[_Harm]:
    """What went wrong, each in its own right: refusals, failures, slow answers. The harm of a
    warm-up counts here as any other: the metrics see it as well."""
    steps = _steps(columns.of(data), scenario, bins)
    number, seconds = len(bins) - 1, float(bins[1] - bins[0]) / MICROS
    at, outcome = (np.concatenate([one[i] for one in steps]) for i in (0, 1))
    count = np.bincount(at, minlength=number).astype(np.float64)
    refused = _shares(at, _IS_REFUSED[outcome], count)
    failed = _shares(at, _IS_FAILED[outcome], count)
    for what, shares in (("refusals", refused), ("failures", failed)):
        is_wanted = what == "refusals" or not is_limited
        is_harm = shares.mean() > FAILING[0] and shares.max() > FAILING[1]
        if is_wanted and is_harm and (is_reached or _is_lasting(shares)):
            yield _harm(what, shares, count / seconds, shares > FAILING[1])
    if is_limited:
        return
    y = _slowness(at, outcome, [one[2] for one in steps], number)
    if y is not None and _is_slower(y, is_reached):
        yield _harm("response times", y, count / seconds, _slow_bins(y))
        pressed = _pressed(y)
        if pressed is not None:
            yield _harm("response times", np.where(pressed, y, y.min()), count / seconds, pressed)


def _steps(
    table: Columns, scenario: str, bins: Floats
) -> list[tuple[NDArray[np.int64], Codes, Micros]]:
    """Bin, outcome and response time of what was sent at first attempts, for each step."""
    found = []
    for step in dict.fromkeys(key.step for key in table.rows if key.scenario == scenario):
        mine = [rows for key, rows in table.rows.items() if key[:2] == (scenario, step)]
        rows = np.concatenate(mine)
        rows = rows[_IS_SENT[table.outcome[rows]] & ~table.is_retry[rows]]
        at = np.digitize(table.due_us[rows], bins) - 1
        is_inside = (at >= 0) & (at < len(bins) - 1)
        rows = rows[is_inside]
        found.append(
            (at[is_inside], table.outcome[rows], table.ended_us[rows] - table.due_us[rows])
        )
    return found or [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))]


def _shares(at: NDArray[Any], hits: Flags, count: Floats) -> Floats:
    found = np.bincount(at[hits], minlength=len(count))
    return np.divide(found, count, out=np.zeros(len(count)), where=count > 0)


def _slowness(
    at: NDArray[np.int64], outcome: Codes, took: Sequence[Micros], number: int
) -> Floats | None:
    """ln of the mean response time of each bin, every step measured by its own median."""
    usual = (max(float(np.median(one)), 1.0) if len(one) else 1.0 for one in took)
    relative = np.concatenate([one / median for one, median in zip(took, usual, strict=True)])
    kept = _IS_TIMED[outcome]
    counts = np.bincount(at[kept], minlength=number)
    known = np.flatnonzero(counts)
    if len(known) < FEWEST_BINS:
        return None
    means = np.bincount(at[kept], weights=relative[kept], minlength=number)[known] / counts[known]
    y = np.interp(np.arange(number), known, means)
    return np.asarray(np.log(np.maximum(y, 1e-6)))


def _is_slower(y: Floats, is_reached: bool) -> bool:
    """Whether the slow bins are slow enough, and, with no saturation found, more than noise."""
    if np.quantile(y, 0.95) - np.quantile(y, 0.15) < math.log(WORSE):
        return False
    return is_reached or _is_lasting(y)


def _is_lasting(y: Floats) -> bool:
    return _correlation(y[:-1], y[1:]) > PERSISTENCE


def _pressed(y: Floats) -> Flags | None:
    """Where a backlog grows or stands, of bins where answers are slow; None where that is nearly
    all of them. What made the backlog is over while it drains, and was there before it was long."""
    took = np.exp(y)
    ahead = np.concatenate((took[2:], took[-1:], took[-1:]))
    usual, step = float(np.quantile(took, 0.15)), DRAINING * float(np.quantile(took, 0.95))
    is_slow, is_draining = _slow_bins(y), ahead < took - step
    is_growing = (ahead > took + step) & (took > WORSE * usual)
    found = np.asarray((is_slow | is_growing) & ~is_draining)
    differ = int((found != is_slow).sum())
    return (
        found if differ >= FEWEST_BAD and FEWEST_BAD <= found.sum() <= len(y) - FEWEST_BAD else None
    )


def _slow_bins(y: Floats) -> Flags:
    """Nearer to the slow end than to the usual, and by a quarter at least."""
    usual, slow = np.quantile(y, (0.15, 0.95))
    return np.asarray(y > usual + max(math.log(WORSE), (slow - usual) / 2))


def _harm(what: str, y: Floats, load: Floats, is_bad: Flags) -> _Harm:
    """With too few bins on either side, the worst fifth, or the worse half, is the bad one."""
    number = len(y)
    if is_bad.sum() < FEWEST_BAD:
        is_bad = _ranks(y) > number - max(FEWEST_BAD, number // 5)
    elif (~is_bad).sum() < FEWEST_BAD:
        is_bad = _ranks(y) > number / 2
    return _Harm(what, y, load, is_bad)


def _score(data: RunData, metric: ProbeMetric, harm: _Harm, bins: Floats) -> _Score | None:
    found = _by_bin(data, metric, bins)
    if found is None or not harm.is_bad.any() or harm.is_bad.all():
        return None
    values, is_counter = found
    x = values if metric.better == "lower" else -values
    bad, good = harm.is_bad, ~harm.is_bad
    beside = _beside_load(harm.load)
    ex, ey = beside(_ranks(x)), beside(_ranks(harm.y))
    with_harm = max(_correlation(*_lagged(_ranks(x), _ranks(harm.y), lag)) for lag in LAGS)
    beside_load = max(_correlation(*_lagged(ex, ey, lag)) for lag in LAGS)
    trust = 1.0 if _chance(ex, ey, beside_load) <= 0.1 else 0.4
    ceiling = _at_ceiling(values, metric, bad), _at_ceiling(values, metric, good)
    if metric.ceiling is None:
        beyond = _beyond_load(x, harm.load)
        if beyond is not x:
            beside_load = max(beside_load, _correlation(_ranks(beyond), _ranks(harm.y)))
        shift = min(_shift(x[bad], x[good]), _shift(beyond[bad], x[good]))
    else:
        shift = _shift(x[bad], x[good])
    score = (
        0.4 * max(with_harm, 0.0)
        + 0.6 * max(beside_load, 0.0) * trust
        + 0.8 * (ceiling[0] - ceiling[1])
        + 0.5 * shift
    )
    score *= 0.2 if _is_clear(values[bad], metric) else 1.0
    means = float(values[bad].mean()), float(values[good].mean())
    return _Score(metric, harm, score, with_harm, beside_load, shift, ceiling, means, is_counter)


def _by_bin(data: RunData, metric: ProbeMetric, bins: Floats) -> tuple[Floats, bool] | None:
    """The mean reading of each bin (a counter: its growth per second), and whether it is a
    counter. None where there is too little of it, or it never moves."""
    mine = data.readings.filter(
        (pl.col("metric") == metric.name) & pl.col("value").is_finite()
    ).sort("t_us")
    t_us, values = mine["t_us"].to_numpy(), mine["value"].to_numpy()
    if len(values) < FEWEST_BINS:
        return None
    is_counter = metric.ceiling is None and _is_growing(values)
    middles = (bins[1:] + bins[:-1]) / 2
    if is_counter:
        at_edges = np.interp(bins, t_us, values)
        x = np.diff(at_edges) / np.diff(bins) * MICROS
    else:
        at = np.digitize(t_us, bins) - 1
        inside = (at >= 0) & (at < len(middles))
        sums = np.bincount(at[inside], weights=values[inside], minlength=len(middles))
        counts = np.bincount(at[inside], minlength=len(middles))
        known = counts > 0
        if known.sum() < FEWEST_BINS:
            return None
        x = np.interp(middles, middles[known], sums[known] / counts[known])
    return (x, is_counter) if np.ptp(x) > 0 else None


def _is_growing(values: Floats) -> bool:
    """A total since the start: it only grows, but for resets to nothing."""
    steps = np.diff(values)
    falls = steps < 0
    resets = falls & (values[1:] <= 0.1 * values[:-1])
    return bool(values[-1] > values[0] and not (falls & ~resets).any() and falls.sum() <= 2)


def _at_ceiling(values: Floats, metric: ProbeMetric, which: Flags) -> float:
    if not metric.ceiling:
        return 0.0
    return float((values[which] >= AT_CEILING * metric.ceiling).mean())


def _is_clear(bad_values: Floats, metric: ProbeMetric) -> bool:
    """Whether there was room below the ceiling even while the harm lasted."""
    if not metric.ceiling:
        return False
    return float(np.quantile(bad_values, 0.9)) < CLEAR_OF_CEILING * metric.ceiling


def _shift(bad: Floats, good: Floats) -> float:
    """How far the metric moves while the harm lasts, in its usual scatter, from 0 to 1."""
    usual = float(np.median(good))
    scatter = 1.4826 * float(np.median(np.abs(good - usual))) + 0.02 * abs(usual)
    moved = max(0.0, float(bad.mean()) - float(good.mean()))
    if scatter == 0:
        return 1.0 if moved > 0 else 0.0
    return math.tanh(moved / scatter / 6)


def _beyond_load(x: Floats, load: Floats) -> Floats:
    """What a metric would be at the usual load, if it grows in proportion to the load: one that
    does no more than that is no news where the load itself has grown."""
    usual = float(np.median(load))
    if usual <= 0 or x.min() < 0 or _correlation(_ranks(x), _ranks(load)) < WITH_LOAD:
        return x
    return np.asarray(x * usual / np.maximum(load, usual / 10))


def _beside_load(load: Floats) -> Callable[[Floats], Floats]:
    """Takes out of ranks what the ranks of the load, and their square, explain, and what a steady
    drift does, unless the load itself drifts."""
    ranks = _ranks(load)
    number = len(ranks)
    time = np.arange(number, dtype=np.float64)
    terms = [np.ones(number), ranks, ranks**2 / number**2]
    if abs(_correlation(ranks, time)) < DRIFTS:
        terms.append(time / number)
    basis, _ = np.linalg.qr(np.column_stack(terms))

    def residual(of: Floats) -> Floats:
        return np.asarray(of - basis @ (basis.T @ of))

    return residual


def _lagged(x: Floats, y: Floats, lag: int) -> tuple[Floats, Floats]:
    """`x` as it was `lag` bins before `y`."""
    if lag == 0:
        return x, y
    return (x[:-lag], y[lag:]) if lag > 0 else (x[-lag:], y[:lag])


def _chance(ex: Floats, ey: Floats, found: float) -> float:
    """How often the metric, turned round in time, would correlate as well."""
    shifts = range(TRUST_SHIFT, len(ex) - TRUST_SHIFT)
    if not shifts:
        return 1.0
    others = [_correlation(np.roll(ex, shift), ey) for shift in shifts]
    return (1 + sum(one >= found for one in others)) / (1 + len(others))


def _correlation(x: Floats, y: Floats) -> float:
    x, y = x - x.mean(), y - y.mean()
    power = float(x @ x) * float(y @ y)
    # Residuals of something that only follows the load are rounding errors: they mean nothing.
    return float(x @ y) / math.sqrt(power) if power > 1e-12 * len(x) else 0.0


def _ranks(values: Floats) -> Floats:
    """From 1, ties sharing the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place], dtype=np.float64)


def _upstream_first(ranked: list[_Score]) -> list[_Score]:
    """What feeds the best metric and moves as well goes before it."""
    if not ranked or ranked[0].score < SUSPECT:
        return ranked
    best = ranked[0]
    upstream = [
        replace(one, score=max(one.score, best.score), upstream_of=best.metric.name)
        for one in ranked[1:]
        if best.metric.name in one.metric.feeds and _moves_too(one)
    ]
    names = {one.metric.name for one in upstream}
    return upstream + [one for one in ranked if one.metric.name not in names]


def _moves_too(score: _Score) -> bool:
    """Out of its usual scatter, or with the harm all along: a hit rate that has fallen since the
    first stage has no usual level to fall out of, and follows the load as the harm does."""
    if score.shift > 0.5 and score.beside_load > 0.1:
        return True
    bad, good = score.means
    change = (bad - good) / abs(good) if good else 0.0
    worsening = -change if score.metric.better == "higher" else change
    return score.with_harm >= FOLLOWS and worsening >= WORSENED


def _bottleneck(scenario: str, score: _Score) -> Bottleneck:
    return Bottleneck(
        scenario=scenario,
        metric=score.metric.name,
        area=score.metric.area,
        strength="likely" if score.score >= LIKELY else "suspect",
        score=round(score.score, 3),
        evidence=_evidence(scenario, score),
    )


def _evidence(scenario: str, score: _Score) -> str:
    """'db_pool_in_use moves with the response times of billing: …'."""
    metric = score.metric
    unit = " a second" if score.is_counter else ""
    bad, good = (f"{wording.number(one)}{unit}" for one in score.means)
    parts = [f"{bad} on average while the harm lasts and {good} otherwise"]
    if metric.ceiling and score.at_ceiling[0] > 0:
        shares = [wording.percent(round(one, 2)) for one in score.at_ceiling]
        parts.insert(
            0,
            f"at its ceiling of {wording.number(metric.ceiling)} in {shares[0]} of that time and"
            f" in {shares[1]} of the rest",
        )
    parts.append(f"rank correlation {score.with_harm:.2f}")
    feeds = f" It feeds {score.upstream_of}." if score.upstream_of else ""
    return (
        f"{metric.name} moves with the {score.harm.what} of {scenario}: {'; '.join(parts)}.{feeds}"
    )
