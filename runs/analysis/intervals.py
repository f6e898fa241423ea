"""How sure a figure is: 95 % intervals of percentiles, shares, rates and means.

All are deterministic: the resampling weights depend on the number of blocks alone. Requests of one
run are not independent, so that every interval here takes the run in stretches of time (blocks,
bins) and counts how much those differ. Sources: STATISTICS §2.3 (6a) for rates, §6 for percentiles.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runs.analysis import student_t
from runs.analysis.estimate import Estimate
from runs.analysis.percentiles import rank

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Series = NDArray[np.floating[Any] | np.integer[Any]]

BETWEEN_RUNS: Final = 0.03  # standard deviation of ln(percentile) between runs of one build
BLOCK_S: Final = 10.0
FEWEST_BLOCKS: Final = 10
SHORTEST_BLOCK_S: Final = 0.5
REPLICAS: Final = 200
INFLATION: Final = 1.1  # of the bootstrap's standard error, which is known to be too small
DEGREES: Final = 8
TAIL_SAMPLES: Final = 10  # beyond the percentile; fewer than these make a bootstrap unstable
FEWEST_MS: Final = 1e-3  # one microsecond, the clock's grain: keeps the logarithm finite
GRID: Final = 160
UNANSWERED_US: Final = 1 << 43  # beyond any response time: 101 days
Z_95: Final = 1.959963984540054


def fewest_samples(q: float) -> int:
    """The least n for which the q-quantile is an observation of its own: 1 / (1 - q)."""
    return math.ceil(1 / (1 - q) - 1e-9)


@dataclass(frozen=True)
class _Blocks:
    """The block of each sample, how many blocks there are, and whether they had to be shorter
    than is long enough for them to be independent."""

    of: NDArray[np.int64]
    number: int
    are_short: bool

    def widening(self, excess: Series) -> float:
        """What autocorrelation between short blocks adds to a standard error."""
        return math.sqrt(autocorrelation_factor(excess)) if self.are_short else 1.0


def quantile(
    values_ms: Floats, times_s: Floats, q: float, between_runs: float = BETWEEN_RUNS
) -> Estimate:
    """The nearest-rank q-quantile with its interval; see `quantiles`."""
    return quantiles(values_ms, times_s, (q,), between_runs)[0]


def quantiles(
    values_ms: Floats,
    times_s: Floats,
    qs: tuple[float, ...],
    between_runs: float = BETWEEN_RUNS,
) -> tuple[Estimate, ...]:
    """Nearest-rank quantiles of `values_ms` (+inf = unanswered), taken at `times_s`.

    The interval is a block bootstrap of ln(quantile): blocks of 10 s, or a tenth of the run where
    that is shorter (never under 0.5 s, and then widened by the blocks' autocorrelation), its
    standard error times 1.1, joined by the noise between runs, with t of 8 degrees. Where fewer
    than ten samples lie beyond the quantile, or the run is too short for blocks, the binomial
    order-statistic interval stands in for the bootstrap; under 1/(1-q) samples there is a value
    and no interval.
    """
    order = np.argsort(values_ms)
    ordered, blocks = values_ms[order], _blocks(times_s)
    blocks = blocks and replace(blocks, of=blocks.of[order])
    return tuple(_quantile(ordered, blocks, q, between_runs) for q in qs)


def quantiles_of_micros(
    values_us: Ints, times_us: Ints, qs: tuple[float, ...], between_runs: float = BETWEEN_RUNS
) -> tuple[Ints, tuple[Estimate, ...]]:
    """The same of whole microseconds, where UNANSWERED_US stands for +inf; the values in order go
    with them.

    Value and block are sorted as one number, three times faster than both by the value's order.
    """
    blocks = _blocks(times_us / 1e6)
    if blocks is None:
        ordered_us = np.sort(values_us)
    else:
        bits = blocks.number.bit_length()
        packed = np.sort(values_us << bits | blocks.of)
        ordered_us, blocks = packed >> bits, replace(blocks, of=packed & ((1 << bits) - 1))
    ordered = ordered_us / 1000
    ordered[ordered_us.searchsorted(UNANSWERED_US) :] = np.inf
    return ordered_us, tuple(_quantile(ordered, blocks, q, between_runs) for q in qs)


def _quantile(ordered: Floats, blocks: _Blocks | None, q: float, between: float) -> Estimate:
    count = len(ordered)
    if count == 0:
        return Estimate(None, None, None, 0, "no samples")
    value = float(ordered[rank(count, q) - 1])
    if count < fewest_samples(q):
        return Estimate(
            value, None, None, count, f"{count} samples; an interval needs {fewest_samples(q)}"
        )
    if blocks is None or count * (1 - q) < TAIL_SAMPLES:
        low, high = _order_statistics(ordered, q)
        return _widened(value, low, high, between, count)
    return _from_replicas(value, *_bootstrap(ordered, blocks, q), blocks, between, count)


def _blocks(times_s: Floats) -> _Blocks | None:
    """None where the run is too short for any."""
    if len(times_s) == 0:
        return None
    start, end = float(times_s.min()), float(times_s.max())
    length = min(BLOCK_S, (end - start) / FEWEST_BLOCKS)
    if length < SHORTEST_BLOCK_S:
        return None
    number = int((end - start) / length + 1e-9)
    # What is left over after the last whole block belongs to it, so that none is a mere stub.
    index = np.minimum(((times_s - start) / length).astype(np.int64), number - 1)
    return _Blocks(index, number, length < BLOCK_S)


@lru_cache(maxsize=64)
def _weights(blocks: int) -> Floats:
    """How often each replica draws each block, shape (REPLICAS, blocks)."""
    rng = np.random.default_rng(blocks)
    return rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=REPLICAS).astype(np.float64)


def _bootstrap(ordered: Floats, blocks: _Blocks, q: float) -> tuple[Floats, float]:
    """The quantile of each replica, and the factor by which autocorrelation widens them.

    A replica's quantile lies close to the run's own, so that only the samples around it are
    binned: the counts of each block on a grid of order statistics, times the replica's weights,
    give each replica's weighted nearest rank. `blocks` are those of the ordered values.
    """
    number, middle = blocks.number, rank(len(ordered), q) - 1
    total = np.bincount(blocks.of, minlength=number).astype(np.float64)
    reached = int(np.searchsorted(ordered, ordered[middle], side="right"))
    excess = np.bincount(blocks.of[:reached], minlength=number) - q * total
    spread = math.sqrt(number * float(np.var(excess))) + 1.0
    grid = _grid(ordered, middle, 6 * spread)
    weights = _weights(number)
    wanted = np.ceil(np.round(weights @ total * q, 9))
    below = weights @ _counts_at(ordered, blocks, grid)
    position = np.minimum((below < wanted[:, None]).sum(axis=1), len(grid) - 1)
    return grid[position], blocks.widening(excess)


def _grid(ordered: Floats, middle: int, reach: float) -> Floats:
    """Order statistics around position `middle`, at most GRID of them, each value once."""
    first = max(0, math.floor(middle - reach))
    last = min(len(ordered) - 1, math.ceil(middle + reach))
    positions = np.unique(np.linspace(first, last, GRID).round().astype(np.int64))
    return np.unique(ordered[positions])


def _counts_at(ordered: Floats, blocks: _Blocks, grid: Floats) -> Floats:
    """How many samples of each block are at most each grid value, shape (number, grid)."""
    first, last = np.searchsorted(ordered, (grid[0], grid[-1]), side="right")
    cells = blocks.of[first:last] * len(grid) + np.searchsorted(grid, ordered[first:last])
    counts = np.bincount(cells, minlength=blocks.number * len(grid)).reshape(-1, len(grid))
    counts[:, 0] += np.bincount(blocks.of[:first], minlength=blocks.number)
    return np.cumsum(counts, axis=1).astype(np.float64)


def _from_replicas(
    value: float,
    replicas: Floats,
    factor: float,
    blocks: _Blocks,
    between: float,
    count: int,
) -> Estimate:
    t = student_t.quantile(min(DEGREES, blocks.number - 1))
    prior = math.exp(t * between)
    if not math.isfinite(value) or np.mean(np.isinf(replicas)) > 0.025:
        low = float(np.sort(replicas)[int(0.025 * len(replicas))]) / prior
        return Estimate(value, low if math.isfinite(low) else None, math.inf, count)
    logs = np.log(np.maximum(replicas[np.isfinite(replicas)], FEWEST_MS))
    error = math.hypot(float(logs.std(ddof=1)) * INFLATION * factor, between)
    return Estimate(value, value * math.exp(-t * error), value * math.exp(t * error), count)


def _order_statistics(ordered: Floats, q: float) -> tuple[float, float | None]:
    """The binomial interval of the q-quantile; no upper bound where it lies beyond the largest."""
    count = len(ordered)
    low, high = _binomial_ranks(count, q)
    return float(ordered[low - 1]), float(ordered[high - 1]) if high <= count else None


@lru_cache(maxsize=256)
def _binomial_ranks(count: int, q: float) -> tuple[int, int]:
    """1-based ranks that hold the q-quantile between them in 95 % of samples of `count`; the
    second may be count + 1. Exact: the cumulated binomial, in logarithms."""
    k = np.arange(1, count + 1, dtype=np.float64)
    steps = np.log((count - k + 1) / k * q / (1 - q))
    logs = count * math.log1p(-q) + np.concatenate(([0.0], np.cumsum(steps)))
    below = np.cumsum(np.exp(logs))
    low = int(np.searchsorted(below, 0.025))
    high = int(np.searchsorted(below, 0.975)) + 1
    return max(low, 1), high


def _widened(value: float, low: float, high: float | None, between: float, count: int) -> Estimate:
    """An interval that the noise between runs joins, side by side in the logarithm."""
    prior = student_t.quantile(DEGREES) * between
    if math.isinf(value):
        bound = low / math.exp(prior)
        return Estimate(value, bound if math.isfinite(bound) else None, math.inf, count)
    middle = math.log(max(value, FEWEST_MS))
    down = math.hypot(middle - math.log(max(low, FEWEST_MS)), prior)
    if high is None:
        reason = f"{count} samples are too few for an upper bound"
        return Estimate(value, value * math.exp(-down), None, count, reason)
    up = math.hypot(math.log(max(high, FEWEST_MS)) - middle, prior)
    return Estimate(value, value * math.exp(-down), value * math.exp(up), count)


def autocorrelation_factor(series: Series) -> float:
    """(1 + φ) / (1 - φ) of an AR(1) series: by how much the variance of its mean exceeds v/n."""
    count = len(series)
    deviations = series - series.mean() if count else series
    power = float(deviations @ deviations)
    if count < 3 or power == 0:
        return 1.0
    phi = float(deviations[:-1] @ deviations[1:]) / power * count / (count - 1)
    phi = min(max(phi + (1 + 3 * max(phi, 0.0)) / count, 0.0), 0.85)
    return (1 + phi) / (1 - phi)


def level(values: Floats) -> Estimate:
    """The mean of readings at equal intervals, with the AR(1)-inflated t interval; under four
    readings there is a value and no interval."""
    count = len(values)
    if count == 0:
        return Estimate(None, None, None, 0, "no readings")
    value = float(values.mean())
    if count < 4:
        return Estimate(value, None, None, count, f"{count} readings; an interval needs 4")
    half = _half_width(values)
    return Estimate(value, value - half, value + half, count)


def _half_width(values: Floats) -> float:
    """Of the 95 % interval of the mean of an AR(1) series."""
    factor = autocorrelation_factor(values)
    degrees = max(3.0, len(values) / factor) - 1
    return student_t.quantile(degrees) * math.sqrt(float(values.var(ddof=1)) * factor / len(values))


def rate(counts: Floats, bin_s: float) -> Estimate:
    """Events per second from counts in bins of `bin_s` seconds, with the AR(1)-inflated t
    interval; under four bins the interval is a rough one from the count alone."""
    bins, total = len(counts), float(counts.sum())
    if bins == 0 or bin_s <= 0:
        return Estimate(None, None, None, 0, "no time was observed")
    value = total / (bins * bin_s)
    if bins < 4:
        half = max(0.15 * value, 2.5 * math.sqrt(max(value, 1.0) / (bins * bin_s)))
    else:
        half = _half_width(counts) / bin_s
    return Estimate(value, max(0.0, value - half), value + half, round(total))


def mean(values: Floats, times_s: Floats, between_runs: float = BETWEEN_RUNS) -> Estimate:
    """The mean with an interval from the means of blocks of time, joined by the noise between
    runs."""
    count = len(values)
    if count == 0:
        return Estimate(None, None, None, 0, "no samples")
    value = float(values.mean())
    blocks = _blocks(times_s)
    if blocks is None or count < 2:
        return Estimate(value, None, None, count, "the run is too short for an interval")
    excess = np.bincount(blocks.of, weights=values - value, minlength=blocks.number)
    spread = math.sqrt(float(excess @ excess) * blocks.number / (blocks.number - 1))
    error = INFLATION * spread * blocks.widening(excess) / count
    half = student_t.quantile(min(DEGREES, blocks.number - 1)) * math.hypot(
        error, between_runs * value
    )
    return Estimate(value, value - half, value + half, count)


def share(hits: int, count: int, inflation: float = 1.0) -> Estimate:
    """hits / count with Wilson's interval of count / inflation independent trials.

    With no hit at all (or nothing but hits) the far bound is the rule of three.
    """
    if count <= 0:
        return Estimate(None, None, None, 0, "no samples")
    value = hits / count
    trials = count / max(1.0, min(inflation, float(count)))
    if hits == 0:
        return Estimate(0.0, 0.0, min(1.0, 3 / trials), count)
    if hits == count:
        return Estimate(1.0, max(0.0, 1 - 3 / trials), 1.0, count)
    z2 = Z_95**2 / trials
    middle = (value + z2 / 2) / (1 + z2)
    half = Z_95 / (1 + z2) * math.sqrt(value * (1 - value) / trials + z2 / (4 * trials))
    return Estimate(value, max(0.0, middle - half), min(1.0, middle + half), count)


def share_inflation(hits: Floats, counts: Floats) -> float:
    """By how much hits in bins of one second vary more than independent ones would, their
    autocorrelation included; at least 1."""
    total = float(counts.sum())
    if len(counts) < 4 or total == 0:
        return 1.0
    p = float(hits.sum()) / total
    if p in (0.0, 1.0):
        return 1.0
    excess = hits - p * counts
    dispersion = float(excess @ excess) / (total * p * (1 - p))
    return max(1.0, dispersion * autocorrelation_factor(excess))
