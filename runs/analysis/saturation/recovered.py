"""The load of a run whose schedule is not known, recovered from when its requests started.

Other tools' raw results say when requests started and ended, not when they were due, nor whether
a tool waited for answers before it sent more. So the time is cut where the rate of the starts
changes, and each piece counts as a stage of an open load; and, as users who wait would have shown
it, the same time in equal pieces with the mean number of requests in flight for users.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from runs.analysis.plan import Phase
from runs.analysis.saturation.flow import MICROS, Floats, Flow, Segment

if TYPE_CHECKING:
    from runs.analysis.saturation.closed import Closed
    from runs.analysis.saturation.open_model import Found

_MOST_BINS: Final = 120
_FEWEST_IN_A_BIN: Final = 20
_FEWEST_BINS: Final = 3
# The price of a cut, in units of the noise: as of the Bayesian information criterion, doubled.
_PRICE: Final = 4.0
_LEVELS: Final = 12
_LEAST_RISE: Final = 1.15
_LEAST_MORE: Final = 1.3
_ONE_LOAD: Final = "only one level of load was offered, and one cannot show a limit"
_WAITING: Final = (
    "requests may have waited for answers before they were sent, and more of them at a time brought"
    " little more"
)


def is_unscheduled(phase: Phase) -> bool:
    """An open phase of which no rate is known."""
    return phase.model == "open" and phase.rate_from is None and phase.rate_to is None


def segments(flow: Flow, phase: Phase) -> tuple[Segment, ...]:
    """The phase, cut where the rate of the starts changes."""
    start, end = phase.window_us[0] / MICROS, phase.end_us / MICROS
    edges = _edges(flow, start, end)
    if len(edges) < 2 * _FEWEST_BINS + 1:
        return (Segment(phase.phase, start, end, False),) if end > start else ()
    counts = np.diff(np.searchsorted(flow.due, edges))
    cuts = _cuts(2 * np.sqrt(counts + 0.375))
    return tuple(
        Segment(phase.phase, float(edges[a]), float(edges[b]), True)
        for a, b in itertools.pairwise(cuts)
    )


def pieces(phase: Phase) -> tuple[Segment, ...]:
    """The phase in equal pieces."""
    start, end = phase.window_us[0] / MICROS, phase.end_us / MICROS
    edges = np.linspace(start, end, _LEVELS + 1)
    return tuple(
        Segment(phase.phase, float(a), float(b), True)
        for a, b in itertools.pairwise(edges)
        if b > a
    )


def in_flight(flow: Flow, start: float, end: float) -> float:
    """The mean number of journeys under way in [start, end)."""
    overlap = np.minimum(flow.ended, end) - np.maximum(flow.due, start)
    return float(np.maximum(overlap, 0.0).sum()) / (end - start)


def _edges(flow: Flow, start: float, end: float) -> Floats:
    """Bins with enough starts in each; whole seconds where they are longer than one, since some
    tools stamp whole seconds."""
    length = end - start
    count = flow.due_in(start, end)
    bins = min(_MOST_BINS, count // _FEWEST_IN_A_BIN)
    if length <= 0 or bins < 1:
        return np.array([start, end])
    size = length / bins
    if size > 1 or length > 2 * _MOST_BINS:
        size = float(np.ceil(size))
    inner = np.arange(start, end - size / 2, size)
    return np.append(inner, end)


def _cuts(level: Floats) -> list[int]:
    """Optimal partitioning: where the mean of equally noisy values changes, ends included."""
    size = len(level)
    noise = float(np.median(np.diff(level) ** 2)) / (2 * 0.455)
    total = np.concatenate([[0.0], np.cumsum(level)])
    squares = np.concatenate([[0.0], np.cumsum(level**2)])
    price = _PRICE * float(np.log(size)) * max(noise, 0.05)
    best = np.full(size + 1, np.inf)
    best[0] = -price
    before = np.zeros(size + 1, dtype=np.int64)
    for end in range(_FEWEST_BINS, size + 1):
        starts = np.arange(0, end - _FEWEST_BINS + 1)
        mean_square = (total[end] - total[starts]) ** 2 / (end - starts)
        cost = best[starts] + squares[end] - squares[starts] - mean_square + price
        before[end] = int(starts[np.argmin(cost)])
        best[end] = float(cost.min())
    return _path(before)


def _path(before: Sequence[int] | np.ndarray) -> list[int]:
    at = len(before) - 1
    found = [at]
    while at > 0:
        at = int(before[at])
        found.append(at)
    return found[::-1]


def judged(
    open_load: "Found | None", waiting: "Closed | None"
) -> "tuple[Found | None, Closed | None]":
    """What may be said where nobody knows whether users waited for answers.

    A loss that was seen needs no such knowledge. Without one, either the load was never too much,
    or it held back: then more in flight brought no more answers, and that is the limit; and where
    the loads hardly differ, or answers only grew slower with them, nothing can be said.
    """
    if open_load is None or open_load.verdict == "reached" or waiting is None:
        return open_load, None
    if waiting.verdict == "reached":
        return None, waiting
    if open_load.verdict == "not_reached":
        rates = [stage.offered for stage in open_load.stages if stage.count]
        users = [level.users for level in waiting.levels] or [1.0]
        if max(rates) < _LEAST_RISE * min(rates) or max(users) < _LEAST_MORE * min(users):
            return replace(open_load, verdict="inconclusive", cause="unknown", why=_ONE_LOAD), None
        if waiting.verdict == "inconclusive" and len(waiting.levels) >= _FEWEST_BINS:
            return replace(open_load, verdict="inconclusive", cause="unknown", why=_WAITING), None
    return open_load, None
