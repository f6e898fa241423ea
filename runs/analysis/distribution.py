"""How response times are spread: the percentile spectrum, the picture of latency over time, the
modes of a mixture, Apdex against a stated threshold, and the time to the first token.

Times are those of `response_ms`: from when a request was due, of everything but refusals and what
the generator failed to send; one without its expected answer ranks above every finite time.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runs.analysis import cells, columns, intervals, percentiles
from runs.analysis.cells import Cell
from runs.analysis.columns import NO_TOKEN, OK, Key, Micros
from runs.analysis.outcomes import UNRANKED
from runs.analysis.percentiles import Spread
from runs.analysis.run_data import RunData

Floats = NDArray[np.float64]
Interval = tuple[float | None, float | None]

_IS_RANKED: Final = ~columns.table(UNRANKED)
_UNANSWERED: Final = np.iinfo(np.int64).max
POINTS_A_NINE: Final = 10  # of the spectrum, for each factor of ten towards 100 %
MOST_COLUMNS: Final = 120  # stretches of time in a heatmap
MOST_ROWS: Final = 48  # stretches of latency in it
_WIDTHS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_A_DECADE: Final = (24, 20, 16, 12, 10, 8, 6, 5, 4, 3, 2, 1)


@dataclass(frozen=True)
class SpectrumPoint:
    """`ms` is null where the quantile falls among requests without their expected answer."""

    q: float
    ms: float | None
    few: bool


@dataclass(frozen=True)
class Mode:
    """One hump of a mixture: where it is highest, what share of the answers belongs to it, and the
    valleys between which it stands (null where nothing bounds it)."""

    ms: float
    share: float
    low_ms: float | None
    high_ms: float | None


@dataclass(frozen=True)
class Apdex:
    """(satisfied + tolerating / 2) / count, where satisfied is at most the threshold T, tolerating
    at most 4 T, and whatever was not answered as expected is neither. `ci` is of this run alone."""

    threshold_ms: float
    score: float | None
    ci: Interval | None
    satisfied: int
    tolerating: int
    frustrated: int
    reason: str


@dataclass(frozen=True)
class FirstToken:
    """Streams: time to the first token with the 95 % intervals of its percentiles, how long the
    rest took, and the tokens per second of that rest (its median; null where no answer says how
    many tokens it had)."""

    count: int
    first_ms: Spread
    ci: dict[str, Interval | None]
    rest_ms: Spread
    tokens_per_s: float | None


@dataclass(frozen=True)
class Distribution:
    """Of one scenario, step and phase; `reason` says why a part is missing."""

    scenario: str
    step: str
    phase: str
    count: int
    unanswered: float | None
    spectrum: tuple[SpectrumPoint, ...]
    modes: tuple[Mode, ...]
    first_token: FirstToken | None
    reason: str


@dataclass(frozen=True)
class Heatmap:
    """`counts[row][column]`: how many requests due in the column's stretch of time took the row's
    time. Row i lies between `edges_ms[i]` and `edges_ms[i + 1]`, on a logarithmic scale; columns
    are `bin_s` long and start at `t_s`. `unanswered` counts what has no time, by column."""

    scenario: str | None
    step: str | None
    bin_s: float
    t_s: tuple[float, ...]
    edges_ms: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]
    unanswered: tuple[int, ...]


def of(data: RunData, scenario: str, step: str, phase: str) -> Distribution:
    """The distribution of one series; empty with a reason where it has no samples."""
    cell = cells.of(data).cells.get(Key(scenario, step, phase))
    times = _response_us(cell) if cell else np.empty(0, dtype=np.int64)
    answered = times[times != _UNANSWERED]
    return Distribution(
        scenario=scenario,
        step=step,
        phase=phase,
        count=len(times),
        unanswered=1 - len(answered) / len(times) if len(times) else None,
        spectrum=spectrum(answered, len(times) - len(answered)),
        modes=modes(answered),
        first_token=_first_token(data, cell) if cell else None,
        reason="" if len(times) else f"There are no samples of {scenario}/{step}@{phase}.",
    )


def _response_us(cell: Cell) -> Micros:
    ranked = _IS_RANKED[cell.outcome]
    times = np.where(cell.outcome == OK, cell.ended_us - cell.due_us, _UNANSWERED)
    return np.maximum(times[ranked], 0)


def spectrum(answered_us: Micros, unanswered: int = 0) -> tuple[SpectrumPoint, ...]:
    """Nearest ranks at quantiles that draw a straight axis of nines: ten points for each factor of
    ten, up to the largest that an observation of its own stands for, and the maximum."""
    count = len(answered_us) + unanswered
    if not count:
        return ()
    most = int(POINTS_A_NINE * math.log10(max(count, 1)) + 1e-9)
    # Rounded, so that the rank of a quantile does not depend on how it is written in binary.
    qs = [round(1 - 10 ** (-at / POINTS_A_NINE), 9) for at in range(most + 1)]
    qs = sorted({*qs, 0.5, *(q for q in percentiles.QUANTILES.values() if count * (1 - q) >= 1)})
    ranks = {q: percentiles.rank(count, q) for q in qs} | {1.0: count}
    found = percentiles.at_ranks(np.sort(answered_us), ranks.values())
    return tuple(
        SpectrumPoint(q, found.get(rank), q == 1.0 or percentiles.is_few(count, q))
        for q, rank in ranks.items()
    )


def apdex(data: RunData, scenario: str, step: str, phase: str, threshold_ms: float) -> Apdex:
    """The score of one series. ValueError for a threshold that is not above zero."""
    if not (math.isfinite(threshold_ms) and threshold_ms > 0):
        raise ValueError(f"an Apdex threshold is a time above zero, not {threshold_ms:g} ms")
    cell = cells.of(data).cells.get(Key(scenario, step, phase))
    times = _response_us(cell) if cell else np.empty(0, dtype=np.int64)
    is_satisfied = times <= threshold_ms * 1000
    is_tolerating = (times <= 4 * threshold_ms * 1000) & ~is_satisfied
    satisfied, tolerating = int(is_satisfied.sum()), int(is_tolerating.sum())
    if cell is None or not len(times):
        reason = f"There are no samples of {scenario}/{step}@{phase}."
        return Apdex(threshold_ms, None, None, 0, 0, 0, reason)
    when_s = cell.due_us[_IS_RANKED[cell.outcome]] / 1e6
    found = intervals.mean(is_satisfied + is_tolerating / 2, when_s, between_runs=0.0)
    ci = (_within(found.low), _within(found.high)) if found.has_interval else None
    return Apdex(
        threshold_ms=threshold_ms,
        score=found.value,
        ci=ci,
        satisfied=satisfied,
        tolerating=tolerating,
        frustrated=len(times) - satisfied - tolerating,
        reason=found.reason or "",
    )


def _within(bound: float | None) -> float | None:
    return None if bound is None else min(max(bound, 0.0), 1.0)


FEWEST_FOR_MODES: Final = 200
SMALLEST_MODE: Final = 0.02  # of all answers
DEEPEST_VALLEY: Final = 0.7  # of the lower of two humps: what lies above is one hump
CLEAR: Final = 4.0  # standard errors by which a valley must be lower than its humps
_GRID: Final = 256


def modes(answered_us: Micros) -> tuple[Mode, ...]:
    """The humps of the logarithm of the times, the fastest first; none for under 200 answers.

    The density is a histogram of 256 cells smoothed by a Gaussian. Two humps are two modes where
    the valley between them is lower than 0.7 of the lower one, by more than four standard errors
    of the counts, and where each holds 2 % of the answers.
    """
    if len(answered_us) < FEWEST_FOR_MODES:
        return ()
    logs = np.log(np.maximum(answered_us, 1).astype(np.float64))
    low, high = (float(one) for one in np.quantile(logs, (0.001, 0.999)))
    if high - low < 1e-6:
        return (Mode(math.exp(low) / 1000, 1.0, None, None),)
    room = (high - low) * 0.1
    counts, edges = np.histogram(logs, bins=_GRID, range=(low - room, high + room))
    density, weight = _smoothed(counts.astype(np.float64), _width(logs, edges[1] - edges[0]))
    peaks = _distinct(density, weight)
    cuts = [_lowest(density, a, b) for a, b in pairwise(peaks)]
    return tuple(_modes(peaks, cuts, counts, (edges[1:] + edges[:-1]) / 2, len(logs)))


def _width(logs: Floats, cell: float) -> float:
    """Of the smoothing, in cells: Silverman's rule with the spread of the middle half, which two
    humps far apart would make too wide: never more than a fortieth of the whole."""
    quarter, three = np.quantile(logs, (0.25, 0.75))
    scatter = min(float(logs.std()), float(three - quarter) / 1.349 or math.inf)
    width = 0.9 * scatter * float(len(logs)) ** -0.2 / cell
    return float(min(max(width, 1.0), _GRID / 40))


def _smoothed(counts: Floats, width: float) -> tuple[Floats, float]:
    """Counts per cell, and the sum of the kernel's squares: a variance is the mean times it."""
    reach = math.ceil(4 * width)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    kernel /= kernel.sum()
    return np.convolve(counts, kernel, mode="same"), float(kernel @ kernel)


def _distinct(density: Floats, weight: float) -> list[int]:
    """Places of humps that are humps of their own, ascending."""
    inner = (density[1:-1] > density[:-2]) & (density[1:-1] >= density[2:])
    peaks = [int(at) + 1 for at in np.flatnonzero(inner)] or [int(density.argmax())]
    while len(peaks) > 1:
        doubts = [_depth(density, weight, a, b) for a, b in pairwise(peaks)]
        least = min(range(len(doubts)), key=doubts.__getitem__)
        if doubts[least] > 0:
            break
        lower = min(peaks[least : least + 2], key=density.__getitem__)
        peaks.remove(lower)
    return peaks


def _depth(density: Floats, weight: float, left: int, right: int) -> float:
    """How much deeper than it must be the valley between two humps is; at most 0: too shallow."""
    valley = float(density[_lowest(density, left, right)])
    hump = float(min(density[left], density[right]))
    error = math.sqrt((hump + valley) * weight)
    return min(DEEPEST_VALLEY * hump - valley, hump - valley - CLEAR * error)


def _lowest(density: Floats, left: int, right: int) -> int:
    return left + int(density[left : right + 1].argmin())


def _modes(
    peaks: Sequence[int], cuts: Sequence[int], counts: NDArray[Any], middles: Floats, total: int
) -> Iterable[Mode]:
    """Humps with their share; one that holds too little is told as part of its neighbour."""
    bounds = [0, *cuts, len(counts)]
    shares = [float(counts[a:b].sum()) / total for a, b in pairwise(bounds)]
    kept = [at for at, share in enumerate(shares) if share >= SMALLEST_MODE]
    for at, place in enumerate(kept):
        first = 0 if at == 0 else bounds[place]
        last = len(counts) if at == len(kept) - 1 else bounds[kept[at + 1]]
        yield Mode(
            ms=math.exp(middles[peaks[place]]) / 1000,
            share=float(counts[first:last].sum()) / float(counts.sum()),
            low_ms=None if at == 0 else math.exp(middles[first]) / 1000,
            high_ms=None if at == len(kept) - 1 else math.exp(middles[last]) / 1000,
        )


def _first_token(data: RunData, cell: Cell) -> FirstToken | None:
    """None where no answer was a stream."""
    has = (cell.outcome == OK) & (cell.first_token_us != NO_TOKEN)
    if not has.any():
        return None
    first = np.maximum(cell.first_token_us[has] - cell.due_us[has], 0)
    rest = np.maximum(cell.ended_us[has] - cell.first_token_us[has], 0)
    qs = {name: percentiles.QUANTILES[name] for name in ("p50", "p95", "p99")}
    found = intervals.quantiles(first / 1000, cell.due_us[has] / 1e6, tuple(qs.values()))
    return FirstToken(
        count=len(first),
        first_ms=percentiles.spread(first),
        ci={
            name: (one.low, one.high) if one.has_interval else None
            for name, one in zip(qs, found, strict=True)
        },
        rest_ms=percentiles.spread(rest),
        tokens_per_s=_tokens_per_s(data, cell.key),
    )


def _tokens_per_s(data: RunData, key: Key) -> float | None:
    """The median over the answers of the tokens after the first by the time that they took."""
    if "tokens" not in data.samples.columns:
        return None
    table = columns.of(data)
    rows = table.rows.get(key)
    if rows is None or data.samples["tokens"].null_count() == data.samples.height:
        return None
    tokens = data.samples["tokens"].gather(rows).fill_null(0).to_numpy()
    rest = table.ended_us[rows] - table.first_token_us[rows]
    told = (tokens > 1) & (table.outcome[rows] == OK) & (table.first_token_us[rows] != NO_TOKEN)
    told &= rest > 0
    return float(np.median((tokens[told] - 1) / rest[told] * 1e6)) if told.any() else None


def heatmap(data: RunData, scenario: str | None = None, step: str | None = None) -> Heatmap:
    """Latency over the time of the run, of a step, a scenario or everything, first attempts with
    the warm-up included; at most 120 stretches of time and 48 of latency."""
    table = columns.of(data)
    mine = [
        rows
        for key, rows in table.rows.items()
        if scenario in (None, key.scenario) and step in (None, key.step)
    ]
    rows = np.concatenate(mine) if mine else np.empty(0, dtype=np.int64)
    rows = rows[~table.is_retry[rows] & _IS_RANKED[table.outcome[rows]]]
    due_us = np.maximum(table.due_us[rows], 0)
    took_us = np.maximum(table.ended_us[rows] - table.due_us[rows], 1)
    is_ok = table.outcome[rows] == OK
    end_us = max([*(phase.end_us for phase in data.plan.phases), int(due_us.max(initial=0)) + 1])
    width_us = _width_s(end_us) * 1_000_000
    number = -(-end_us // width_us)
    at = np.minimum(due_us // width_us, number - 1)
    edges = _edges(took_us[is_ok])
    counts = _counted(at[is_ok], took_us[is_ok], edges, number)
    return Heatmap(
        scenario=scenario,
        step=step,
        bin_s=width_us / 1e6,
        t_s=tuple(float(one * width_us / 1e6) for one in range(number)),
        edges_ms=tuple(float(edge) / 1000 for edge in edges),
        counts=tuple(tuple(row) for row in counts.tolist()),
        unanswered=tuple(np.bincount(at[~is_ok], minlength=number).tolist()),
    )


def _width_s(end_us: int) -> int:
    fitting = (one for one in _WIDTHS_S if end_us <= one * 1_000_000 * MOST_COLUMNS)
    return next(fitting, -(-end_us // (1_000_000 * MOST_COLUMNS)))


def _edges(took_us: Micros) -> Floats:
    """Logarithmic edges that hold every time, as fine as MOST_ROWS allows; none without times."""
    if not len(took_us):
        return np.empty(0)
    low, high = math.log10(int(took_us.min())), math.log10(int(took_us.max()) + 1)
    for fine in _A_DECADE:
        first, last = math.floor(low * fine + 1e-9), math.ceil(high * fine - 1e-9)
        if last - first <= MOST_ROWS:
            break
    return np.asarray(10 ** (np.arange(first, max(last, first + 1) + 1) / fine))


def _counted(at: Micros, took_us: Micros, edges: Floats, number: int) -> NDArray[np.int64]:
    rows = max(len(edges) - 1, 0)
    if not rows:
        return np.zeros((0, number), dtype=np.int64)
    row = np.clip(np.searchsorted(edges, took_us, side="right") - 1, 0, rows - 1)
    counts: NDArray[np.int64] = np.bincount(row * number + at, minlength=rows * number)
    return counts.reshape(rows, number)
