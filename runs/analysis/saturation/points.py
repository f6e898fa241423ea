"""The stages as points of offered load and goodput, in requests that meet the bottleneck.

Requests and not journeys, since a journey fails with its first bad step while the others were
answered: at the station that is saturated, what is served does not depend on that. Steps that an
overload leaves as they were are left out.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from runs.analysis.saturation import balance, direct, rate
from runs.analysis.saturation.balance import Baseline, Stage
from runs.analysis.saturation.bend import Points, Prior
from runs.analysis.saturation.direct import SHARES
from runs.analysis.saturation.flow import Floats, Flow

Window = tuple[float, float]
# A step that loses less than this part of what the worst step loses is not concerned.
_CONCERNED: Final = 0.05
_FEWEST_REFUSALS: Final = 5
_PIECES: Final = 16
_NO_BURST: Final = 0.75
_FAR: Final = 10.0
_FEWEST_TO_COMPARE: Final = 20
_WELL_BELOW: Final = 0.85
_FLOOR: Final = 0.004
_NODES: Final = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


@dataclass(frozen=True)
class Response:
    """`points` are in journeys/s; `shares` is the log-likelihood of each of SHARES, `freedom` the
    degrees of freedom of the errors, `slowing` the ratio of latencies at a load well below the
    losses to those at the lowest."""

    points: Points
    shares: Floats
    freedom: float
    windows: tuple[Window, ...]
    is_refused: bool
    is_mixed: bool
    is_sagging: bool
    slowing: float


# The priors of plateau, part, waste and drop.
_USUAL: Final = (0.90, 0.08, 0.01, 0.01)
_MIXED: Final = (0.18, 0.80, 0.01, 0.01)
_PERHAPS_CONTENDED: Final = (0.83, 0.08, 0.02, 0.07)
_CONTENDED: Final = (0.42, 0.05, 0.08, 0.45)
# By how much answers slow down, below the losses, where jobs get in each other's way.
TRACE_OF_CONTENTION: Final = 1.05
HINT_OF_CONTENTION: Final = 1.12
SIGN_OF_CONTENTION: Final = 1.3
_LIMITED: Final = (0.985, 0.005, 0.005, 0.005)


def response(calls: Flow, stages: Sequence[Stage], per_journey: float) -> Response | None:
    """What the bottleneck answered to what it was asked, stage by stage.

    `per_journey` is how many requests a journey makes where all goes well.
    """
    concerned = _concerned(calls, stages)
    windows = _windows(concerned, stages)
    if not windows:
        return None
    healthy = [stage for stage in stages if not stage.is_overloaded]
    base = _baseline(concerned, healthy)
    refused = _is_refused(concerned, windows)
    if refused:
        windows = _without_bursts(concerned, windows)
    noise, freedom = _noise(concerned, windows)
    columns = [_busy(concerned, window, base, noise) for window in windows]
    busy = len(columns)
    kept = [stage for stage in balance.steady(stages) if not refused or _is_no_burst(stage, stages)]
    columns += [_kept_up(concerned, stage, base, noise) for stage in kept]
    offered, goodput = (np.array([column[i] for column in columns]) for i in (0, 1))
    errors = np.stack([column[2] for column in columns], axis=1)
    unit = per_journey * _part_concerned(calls, concerned, healthy or stages)
    points = Points(offered, goodput, errors, np.arange(len(columns)) < busy).scaled(unit)
    late = [(start + (end - start) / 3, end) for start, end in windows]
    shares = np.zeros(len(SHARES))
    if not refused:
        shares = direct.likelihood(concerned, late, _latencies(concerned, healthy))
    return Response(
        points,
        shares,
        freedom,
        tuple(windows),
        refused,
        _is_mixed(concerned, late),
        _is_sagging(concerned, stages),
        _slowing(concerned, stages, float(np.median(goodput[:busy])) / unit),
    )


def _slowing(calls: Flow, stages: Sequence[Stage], capacity: float) -> float:
    """Where servers take turns, the fastest tenth and the median hardly move until little is
    left of the capacity; where jobs share, all of them slow down early."""
    found: list[tuple[float, Floats]] = []
    for stage in balance.steady(stages):
        part = calls.between(*stage.window)
        took = calls.took[part][calls.good[part]]
        if stage.offered < _WELL_BELOW * capacity and len(took) >= _FEWEST_TO_COMPARE:
            found.append((stage.offered, np.quantile(took, (0.1, 0.5))))
    if len(found) < 2:
        return 1.0
    least = np.min([pair for _, pair in found], axis=0)
    most = max(found, key=lambda one: one[0])[1]
    return float((most / np.maximum(least, 1e-9)).min())


def _concerned(calls: Flow, stages: Sequence[Stage]) -> Flow:
    """The calls of the steps that lose in overloaded stages."""
    names = np.unique(calls.step)
    if len(names) == 1:
        return calls
    healthy = [stage for stage in stages if not stage.is_overloaded]
    bad = [stage for stage in stages if stage.is_overloaded]
    if _is_refused(calls, [stage.window for stage in bad]):
        return calls.only(np.isin(calls.step, np.unique(calls.step[calls.refused])))
    lost = np.zeros(len(names))
    for i, name in enumerate(names):
        mine = calls.only(calls.step == name)
        base = _baseline(mine, healthy)
        due = sum(mine.due_in(*stage.window) for stage in bad)
        lost[i] = sum(balance.lacking(mine, stage.window, base) for stage in bad) / max(due, 1)
    kept = names[lost >= _CONCERNED * lost.max()] if lost.max() > 0 else names
    return calls.only(np.isin(calls.step, kept))


def _baseline(calls: Flow, healthy: Sequence[Stage]) -> Baseline:
    found = balance.baseline(calls, [stage.segment for stage in healthy]) if healthy else None
    return found or Baseline(np.zeros(1), 0.0)


def _part_concerned(calls: Flow, concerned: Flow, stages: Sequence[Stage]) -> float:
    """Which part of the requests is concerned where all goes well."""
    if concerned.count == calls.count:
        return 1.0
    spans = [(stage.segment.start, stage.segment.end) for stage in stages]
    some = sum(concerned.due_in(*span) for span in spans)
    every = sum(calls.due_in(*span) for span in spans)
    return some / every if some else concerned.count / calls.count


def _is_no_burst(stage: Stage, stages: Sequence[Stage]) -> bool:
    """Whether a stage was so far below the first refusals that no burst can have carried it."""
    first = min(one.offered for one in stages if one.is_overloaded)
    return stage.offered < _NO_BURST * first


def _busy(
    calls: Flow, window: Window, base: Baseline, noise: Floats
) -> tuple[float, float, Floats]:
    """An overloaded window: offered, goodput, and its errors by share."""
    start, end = window
    length = end - start
    offered = calls.due_in(start, end) / length
    goodput = calls.answered_in(start, end) / length / (1 - base.failing)
    error = np.sqrt(noise**2 / length + (0.7 / length) ** 2 + (_FLOOR * goodput) ** 2)
    return offered, goodput, error


def _kept_up(
    calls: Flow, stage: Stage, base: Baseline, noise: Floats
) -> tuple[float, float, Floats]:
    """A stage that kept up; its error follows from its own latencies, and from how much the
    capacity itself varies, since one good stage beyond it may be luck."""
    start, end = stage.window
    length = end - start
    part = calls.between(start, end)
    due = part.stop - part.start
    took = calls.took[part][calls.good[part]]
    in_flight = due / length * (float(took.mean()) if len(took) else 0.0)
    sigma = np.sqrt(due * base.failing + 3 * in_flight + 1) / length
    lost = balance.lacking(calls, stage.window, base) / length
    offered = due / length
    error = np.sqrt(noise**2 / length + sigma**2 + (0.002 * offered) ** 2)
    return offered, offered - max(lost, 0.0), error


def _latencies(calls: Flow, healthy: Sequence[Stage]) -> Floats:
    """Those of the healthy stage with the most good answers among the fastest half."""
    found: list[Floats] = []
    for stage in healthy:
        part = calls.between(*stage.window)
        found.append(calls.took[part][calls.good[part]])
    found = [took for took in found if len(took) >= 20]
    if not found:
        return np.zeros(0)
    found.sort(key=lambda took: float(took.mean()))
    return max(found[: (len(found) + 1) // 2], key=len)


def _is_refused(calls: Flow, windows: Sequence[Window]) -> bool:
    """Whether refusals make more than half of what failed."""
    parts = [calls.between(*window) for window in windows]
    refused = sum(int(calls.refused[part].sum()) for part in parts)
    failed = sum(int((~calls.good[part]).sum()) for part in parts)
    return refused > 0.5 * failed


def _is_sagging(calls: Flow, stages: Sequence[Stage]) -> bool:
    """Whether goodput at the beginning of the first overload was higher than later in it."""
    for before, stage in itertools.pairwise(stages):
        if stage.is_overloaded and not before.is_overloaded:
            start, end = stage.segment.start, stage.segment.end
            length = end - start
            early = rate.of(calls.answers, [(start + length / 20, start + length / 4)])
            late = rate.of(calls.answers, [(start + length / 2, end)])
            doubt = float(np.hypot(early.half, late.half))
            return early.value > 1.04 * late.value + doubt and late.value > 0.5 * early.value
    return False


def _is_mixed(calls: Flow, late: Sequence[Window]) -> bool:
    """Whether failures waited long while good answers came at once: in one queue both wait."""
    parts = [calls.between(*window) for window in late]
    good = np.concatenate([calls.took[part][calls.good[part]] for part in parts])
    bad = [calls.took[part][~calls.good[part] & ~calls.refused[part]] for part in parts]
    failed = np.concatenate(bad)
    if len(good) < _FEWEST_TO_COMPARE or len(failed) < _FEWEST_TO_COMPARE:
        return False
    return bool(np.median(good) < 0.3 * np.median(failed))


def _windows(calls: Flow, stages: Sequence[Stage]) -> list[Window]:
    """The parts of overloaded stages in which the bottleneck was busy all the time."""
    found: list[Window] = []
    before: Stage | None = None
    dead = False
    for stage in stages:
        if stage.is_overloaded:
            first = before is None or not before.is_overloaded
            dead = dead and not first
            window = _limited(calls, stage, first)
            if window and not dead:
                window, dead = _until_given_up(calls, stage, window)
                if window[1] - window[0] > stage.segment.length / 20:
                    found.append(window)
        before = stage
    return found or [stage.window for stage in stages if stage.is_overloaded]


def _limited(calls: Flow, stage: Stage, first: bool) -> Window | None:
    """Where refusals make the loss, from when they began: a burst is let through before."""
    start = stage.window[0] if first else stage.segment.start
    end = stage.segment.end
    part = calls.between(stage.segment.start, end)
    refused = calls.due[part][calls.refused[part]]
    failed = int((~calls.good[part]).sum())
    if not first or not failed or len(refused) <= 0.5 * failed:
        return start, end
    if len(refused) < _FEWEST_REFUSALS:
        return None
    return _settled(calls, refused, float(refused[2]), end), end


def _without_bursts(calls: Flow, windows: Sequence[Window]) -> list[Window]:
    """Without first windows in which more was admitted than in all that follow."""
    kept = list(windows)
    while len(kept) > 1:
        first, later = rate.of(calls.answers, kept[:1]), rate.of(calls.answers, kept[1:])
        if first.value <= 1.01 * later.value + 0.5 * later.half:
            break
        kept.pop(0)
    return kept


def _settled(calls: Flow, refused: Floats, start: float, end: float) -> float:
    """From when on the share that is refused is what it is later on: bursts of single identities
    run out one after the other."""
    edges = np.linspace(start, end, _PIECES + 1)
    due = np.diff(np.searchsorted(calls.due, edges))
    turned = np.diff(np.searchsorted(refused, edges))
    late = turned[_PIECES // 2 :].sum() / max(due[_PIECES // 2 :].sum(), 1)
    slack = 2 * np.sqrt(late * (1 - late) / np.maximum(due, 1))
    steady = turned / np.maximum(due, 1) >= 0.9 * late - slack
    return float(edges[min(int(np.argmax(steady)), _PIECES // 2)])


def _until_given_up(calls: Flow, stage: Stage, window: Window) -> tuple[Window, bool]:
    """Up to when clients began to give up: from then on work may be done in vain."""
    start, end = window
    part = calls.between(-np.inf, end)
    gave_up = np.sort(calls.ended[part][calls.timed_out[part]])
    gave_up = gave_up[(gave_up >= start) & (gave_up < end)]
    limit = max(3, stage.count // 100)
    if len(gave_up) <= limit:
        return window, False
    return (start, _first_of(gave_up[: limit + 1])), True


def _first_of(ended: Floats) -> float:
    """Where the row began that the last of some moments belongs to; strays before are passed."""
    gaps = np.diff(ended)
    strays = np.flatnonzero(gaps > _FAR * max(float(np.median(gaps)), 1e-9))
    return float(ended[strays[-1] + 1 if len(strays) else 0])


def _noise(calls: Flow, windows: Sequence[Window]) -> tuple[Floats, float]:
    """The standard deviation over one second of goodput less h times offered, for each of SHARES,
    with its degrees of freedom."""
    found = [rate.noise(calls.answers, calls.due, windows, float(h)) for h in _NODES]
    sizes = [sd for sd, _ in found]
    return np.interp(SHARES, _NODES, sizes), found[0][1]


def prior(measured: Response) -> Prior:
    """What speaks for each shape before the points do."""
    if measured.is_refused:
        kinds = _LIMITED
    elif measured.is_mixed:
        kinds = _MIXED
    elif measured.is_sagging or measured.slowing > SIGN_OF_CONTENTION:
        kinds = _CONTENDED
    elif measured.slowing > HINT_OF_CONTENTION:
        kinds = _PERHAPS_CONTENDED
    else:
        kinds = _USUAL
    return Prior(kinds, measured.shares)
