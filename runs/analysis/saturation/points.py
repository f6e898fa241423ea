"""The stages as points of offered load and goodput, in requests that meet the bottleneck.

Requests and not journeys, since a journey fails with its first bad step while the others were
answered: at the station that is saturated, what is served does not depend on that. Steps that an
overload leaves as they were are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runs.analysis.saturation import rate
from runs.analysis.saturation.balance import Baseline, Stage, lacking
from runs.analysis.saturation.bend import Points
from runs.analysis.saturation.direct import Direct, share
from runs.analysis.saturation.flow import Flow

Window = tuple[float, float]
# A step that loses less than this part of what the worst step loses is not concerned.
_CONCERNED: Final = 0.25
_FEWEST_REFUSALS: Final = 5
_FLOOR: Final = 0.004


@dataclass(frozen=True)
class Response:
    """`points` are journeys/s by `a_journey` requests each; `overloaded` marks the points that
    lie beyond the capacity, `freedom` the degrees of freedom of their errors."""

    points: Points
    overloaded: NDArray[np.bool_]
    direct: Direct | None
    freedom: float
    windows: tuple[Window, ...]


def response(calls: Flow, stages: Sequence[Stage]) -> Response | None:
    """What the bottleneck answered to what it was asked, stage by stage."""
    healthy = [stage for stage in stages if not stage.is_overloaded]
    bad = [stage for stage in stages if stage.is_overloaded]
    concerned = _concerned(calls, stages, bad)
    windows = _windows(concerned, stages)
    if not windows:
        return None
    base = _fastest(concerned, healthy)
    per_journey = _per_journey(concerned, stages, base)
    spread = _spread(concerned, [window for _, window in windows])
    offered, goodput, error = [], [], []
    for _, (start, end) in windows:
        length = end - start
        answered = concerned.answered_in(start, end) / length / (1 - base.failing)
        offered.append(concerned.due_in(start, end) / length)
        goodput.append(answered)
        noise = answered * spread[0] / np.sqrt(length)
        error.append(np.sqrt(noise**2 + (0.7 / length) ** 2 + (_FLOOR * answered) ** 2))
    count = len(windows)
    for stage in _steady(stages):
        start, end = stage.window
        lost, sigma = _lost(concerned, stage, base)
        offered.append(concerned.due_in(start, end) / (end - start))
        goodput.append(offered[-1] - max(lost, 0.0))
        error.append(np.hypot(sigma, 0.002 * offered[-1]))
    points = Points(np.array(offered), np.array(goodput), np.array(error)).scaled(per_journey)
    overloaded = np.arange(len(offered)) < count
    late = [(start + (end - start) / 3, end) for _, (start, end) in windows]
    lost_share = 1 - float(np.sum(goodput[:count]) / max(np.sum(offered[:count]), 1e-9))
    direct = _direct(concerned, healthy, late, lost_share)
    return Response(points, overloaded, direct, spread[1], tuple(w for _, w in windows))


def _concerned(calls: Flow, stages: Sequence[Stage], bad: Sequence[Stage]) -> Flow:
    """The calls of the steps that lose in overloaded stages."""
    names = np.unique(calls.step)
    if len(names) == 1:
        return calls
    healthy = [stage for stage in stages if not stage.is_overloaded]
    lost = np.zeros(len(names))
    for i, name in enumerate(names):
        mine = calls.only(calls.step == name)
        base = _fastest(mine, healthy)
        due = sum(mine.due_in(*stage.window) for stage in bad)
        lost[i] = sum(lacking(mine, stage.window, base) for stage in bad) / max(due, 1)
    kept = names[lost >= _CONCERNED * lost.max()] if lost.max() > 0 else names
    return calls.only(np.isin(calls.step, kept))


def _fastest(calls: Flow, healthy: Sequence[Stage]) -> Baseline:
    from runs.analysis.saturation.balance import baseline

    found = baseline(calls, [stage.segment for stage in healthy])
    return found or Baseline(np.zeros(1), 0.0)


def _per_journey(calls: Flow, stages: Sequence[Stage], base: Baseline) -> float:
    """Concerned requests a journey where all goes well."""
    del base
    healthy = [stage for stage in stages if not stage.is_overloaded] or list(stages)
    asked = sum(calls.due_in(stage.segment.start, stage.segment.end) for stage in healthy)
    journeys = sum(stage.count for stage in healthy)
    return asked / journeys if journeys and asked else 1.0


def _steady(stages: Sequence[Stage]) -> list[Stage]:
    """The stages that kept up, but those that begin with the backlog of an overload."""
    kept = []
    before: Stage | None = None
    for stage in stages:
        clean = before is None or not before.is_overloaded
        if not stage.is_overloaded and clean and stage.count:
            kept.append(stage)
        before = stage
    return kept


def _lost(calls: Flow, stage: Stage, base: Baseline) -> tuple[float, float]:
    """What lacks a second, with its standard error from the stage's own latencies."""
    start, end = stage.window
    part = calls.between(start, end)
    due = part.stop - part.start
    took = calls.took[part][calls.good[part]]
    mean = float(took.mean()) if len(took) else 0.0
    in_flight = due / (end - start) * mean
    sigma = np.sqrt(due * base.failing + 3 * in_flight + 1) / (end - start)
    return lacking(calls, stage.window, base) / (end - start), float(sigma)


def _direct(
    calls: Flow, healthy: Sequence[Stage], late: Sequence[Window], loss: float
) -> Direct | None:
    refused = sum(int(calls.refused[calls.between(*window)].sum()) for window in late)
    failed = sum(int((~calls.good[calls.between(*window)]).sum()) for window in late)
    if not healthy or (failed and refused > 0.5 * failed):
        return None
    best: Flow | None = None
    took = np.zeros(0)
    for stage in healthy:
        part = calls.between(*stage.window)
        mine = calls.took[part][calls.good[part]]
        if len(mine) > len(took) or (len(mine) >= 100 and np.median(mine) < np.median(took)):
            took = mine
    del best
    return share(calls, late, took, loss)


def _windows(calls: Flow, stages: Sequence[Stage]) -> list[tuple[Stage, Window]]:
    """The parts of overloaded stages in which the bottleneck was busy all the time."""
    found: list[tuple[Stage, Window]] = []
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
                    found.append((stage, window))
        before = stage
    if found:
        return found
    return [(stage, stage.window) for stage in stages if stage.is_overloaded]


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
    return max(float(refused[2]), stage.segment.start), end


def _until_given_up(calls: Flow, stage: Stage, window: Window) -> tuple[Window, bool]:
    """Up to when clients began to give up, if that cost goodput: their work was done in vain."""
    start, end = window
    part = calls.between(stage.segment.start - 1e9, end)
    gave_up = np.sort(calls.ended[part][calls.timed_out[part]])
    gave_up = gave_up[(gave_up >= start) & (gave_up < end)]
    limit = max(3, stage.count // 100)
    if len(gave_up) <= limit:
        return window, False
    return (start, float(gave_up[limit - 1])), True


def _spread(calls: Flow, windows: Sequence[Window]) -> tuple[float, float]:
    """The relative noise of the goodput over one second, and its degrees of freedom."""
    measured = rate.of(calls.answers, windows)
    if measured.value <= 0:
        return 1.0, 3.0
    half = measured.half / rate.t_quantile(measured.freedom)
    return half / measured.value * float(np.sqrt(measured.length)), measured.freedom
