"""One flow under an open load: its stages, and what they say together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from runs.analysis.saturation import balance, bend, contention, points, rate, refusals
from runs.analysis.saturation.apart import Apart
from runs.analysis.saturation.balance import Stage
from runs.analysis.saturation.bend import Bend, Spread
from runs.analysis.saturation.bracket import Bracket
from runs.analysis.saturation.flow import Flow, Segment
from runs.analysis.saturation.points import Response
from runs.analysis.saturation.refusals import Limit
from runs.analysis.saturation.result import Cause, Interval, Quota, Scope

_GATEWAY: Final = (502, 504)
# An interval is never narrower than this part of the capacity, on either side.
_FLOOR: Final = 0.0075
# Errors are estimated from the same few stages as the capacity.
_DOUBT: Final = 1.15
# Admissions by the clock vary less than by chance (2 / sqrt(count)), and then by this at the most.
_REGULAR: Final = 1.4
_VARYING: Final = 0.01
_LEAST_OF_LIMIT: Final = 0.0075
# Credit that comes back (a sliding window's) may wait for the next arrival, so that a limit admits
# a little less than it would.
_UNUSED: Final = 0.0075
_SLOWER: Final = 1.2
_FALLING: Final = 0.08
_STRAYS: Final = 3
# An estimate that begins so far above a load that was lost for good is of something else.
_BEYOND: Final = 1.02
_MORE_THAN_ALL: Final = 1.05
# Goodput below this part of the capacity has fallen; and so many time-outs are no strays.
_LESS: Final = 0.95
_GIVEN_UP: Final = 0.01
# A fall of throughput that is less likely than this is left out of account.
_UNLIKELY: Final = 0.15
# How likely it is that calls which are fast at low load need nothing of what is saturated, where
# others fail inside; not where what is left is below a load that was kept up with.
_LIKELY_HIDDEN: Final = 0.8
_HIDDEN: Final = 0.85
_SURE_OF_ONE: Final = 0.9


@dataclass(frozen=True)
class Found:
    """What an open load showed. `why` says in words what is missing; capacity is null where it
    was reached but its value is not known."""

    verdict: Literal["reached", "not_reached", "inconclusive"]
    stages: tuple[Stage, ...]
    capacity: float | None = None
    ci: Interval | None = None
    cause: Cause = "none"
    scope: Scope = "unknown"
    limit: Limit | None = None
    is_lower: bool = False
    share_served: float = 0.0
    falls: bool = False
    is_wasted: bool = False
    is_shared: bool = False
    why: str = ""

    @property
    def sustained(self) -> float | None:
        """The highest load that was kept up with below the first losses; not above the capacity,
        where credit, or a queue that had only begun, carries one for a while."""
        at_most = np.inf if self.capacity is None else self.capacity * (1 + 1e-9)
        loads = [stage.offered for stage in balance.sustained(self.stages)]
        return max((load for load in loads if load <= at_most), default=None)


NOTHING: Final = Found("inconclusive", (), cause="unknown", why="no load was planned for it")


def find(journeys: Flow, calls: Callable[[], Flow], segments: Sequence[Segment]) -> Found:
    """Never raises: what cannot be told is inconclusive, with the reason in `why`. `calls` are the
    requests, asked for only where there is a limit: of a large run they are many."""
    if not journeys.count:
        return _untold((), "no journey was due in it")
    if not journeys.good.any():
        return _untold((), "no journey succeeded, at any load")
    base = balance.baseline(journeys, segments)
    if base is None:
        return _untold((), "too few journeys succeeded to know the target at low load")
    found = balance.stages(journeys, segments, base)
    if base.failing > 0.5:
        return _untold(found, "most journeys failed even at the lowest load")
    bad = [stage for stage in found if stage.is_overloaded]
    if len({round(stage.offered, 9) for stage in found if stage.count}) < 2:
        return _untold(found, "only one level of load was offered, and one cannot show a limit")
    if not bad or all(stage.is_doubtful for stage in bad):
        return Found("not_reached", balance.calmed(found))
    if not any(stage.is_lasting for stage in bad):
        why = f"there are signs of losses at {bad[0].offered:.3g}/s, but too little evidence"
        return _untold(found, why)
    return _reached(journeys, calls(), found)


def _untold(stages: tuple[Stage, ...], why: str) -> Found:
    return Found("inconclusive", stages, cause="unknown", why=why)


def _reached(journeys: Flow, calls: Flow, stages: tuple[Stage, ...]) -> Found:
    asked = journeys.requests[journeys.good]
    per_journey = max(float(asked.mean()), 1.0)
    windows = [stage.window for stage in stages if stage.is_overloaded]
    if refusals.is_limit(calls, windows):
        limit = refusals.limit(calls)
        if limit.is_quota:
            return _used_up(stages, limit, per_journey)
        return _held(calls, stages, limit, per_journey)
    measured = points.response(calls, stages, per_journey)
    if measured is None:
        return _untold(stages, "nothing succeeded beyond the first losses")
    found = _bent(journeys, stages, measured)
    if isinstance(measured.split, Apart) and not _is_within(found):
        measured = points.response(calls, stages, per_journey, may_be_apart=False) or measured
        found = _bent(journeys, stages, measured)
    return _in_line(found)


def _is_within(found: Found) -> bool:
    """What a part that is full first allows is no more than was answered in all beyond it."""
    best = max(stage.goodput for stage in found.stages if stage.is_overloaded)
    return found.capacity is not None and found.capacity <= _MORE_THAN_ALL * best


def _used_up(stages: tuple[Stage, ...], limit: Limit, per_journey: float) -> Found:
    quota = limit.quota
    if quota is None or not quota.requests or not quota.window_s:
        return Found("reached", stages, cause="quota", scope=limit.scope, limit=limit)
    capacity = quota.requests / quota.window_s / per_journey
    half = max(0.01, 1 / quota.requests) * capacity
    ci = (capacity - half, capacity + half)
    return Found("reached", stages, capacity, ci, "quota", limit.scope, limit)


def _held(calls: Flow, stages: tuple[Stage, ...], limit: Limit, per_journey: float) -> Found:
    """A rate limit: what is admitted between refusals, over what a journey asks for where all
    goes well of the steps that are refused."""
    measured = points.concerned(calls, stages)
    stretches = _stretches(stages)
    paced = refusals.pace(measured.calls, stretches, limit.scope)
    if paced is None:
        return _untold(stages, "a rate limit refuses, but too few refusals were seen to measure it")
    if not paced[0]:
        used_up = Limit(True, Quota(None, None), limit.scope)
        return _used_up(stages, used_up, per_journey)
    unit = per_journey * measured.part
    capacity, error = paced[0] / unit, paced[1] / unit
    admitted = measured.calls.only(~measured.calls.refused & ~measured.calls.unsent)
    late = [((start + end) / 2, end) for start, end in stretches]
    varies = rate.of(admitted.due, late).half / unit / capacity
    count = sum(admitted.due_in(*stretch) for stretch in late)
    if varies < _REGULAR / np.sqrt(max(count, 1)):
        varies = min(varies, _VARYING)
    half = max(float(np.hypot(2 * error, varies * capacity)), _LEAST_OF_LIMIT * capacity)
    if capacity + half >= max(stage.offered for stage in stages if stage.is_overloaded):
        return _untold(stages, "a rate limit refuses, but hardly more was asked for than it allows")
    ci = (max(capacity - half, 0.0), capacity + half + _UNUSED * capacity)
    return Found("reached", stages, capacity, ci, "rate_limit", limit.scope, limit)


def _stretches(stages: Sequence[Stage]) -> list[tuple[float, float]]:
    """From the beginning of each overload to its end."""
    joined: list[tuple[float, float]] = []
    for stage in stages:
        if not stage.is_overloaded:
            continue
        start, end = stage.segment.start, stage.segment.end
        if joined and abs(joined[-1][1] - start) < 1e-9:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _bent(journeys: Flow, stages: tuple[Stage, ...], measured: Response) -> Found:
    fitted = bend.find(measured.points, points.prior(measured))
    bracket = Bracket.of(stages)
    is_lower = measured.is_entangled and bracket is not None and bracket.is_wide
    if measured.order.is_shared and bracket is not None:
        falls, spread = False, _shared(measured, bracket)
    elif is_lower and bracket is not None:
        falls, spread = fitted.falling > _SURE_OF_ONE, _at_least(fitted, measured, stages, bracket)
    else:
        falls, spread = fitted.falling > 0.5, _told(fitted, measured, stages)
    hidden = _hidden(measured, bracket)
    if hidden is not None:
        spread = bend.joined(spread, hidden, _LIKELY_HIDDEN)
    return Found(
        "reached",
        stages,
        spread.capacity,
        (spread.low, spread.high),
        _cause(journeys, stages),
        "global",
        is_lower=is_lower and hidden is None,
        share_served=_served(fitted, measured, hidden is not None),
        falls=falls,
        is_wasted=_gives_up(measured.calls, stages),
        is_shared=measured.order.is_shared,
    )


def _in_line(found: Found) -> Found:
    """No load that was kept up with lies above the capacity; nor is one lost for good that lies far
    below it: what a model makes of the overload gives way to what was seen."""
    assert found.capacity is not None
    assert found.ci is not None
    spread = Spread(found.capacity, *found.ci)
    clear = balance.clear(found.stages)
    bracket = Bracket.of([one for one in clear if one.is_lasting or not one.is_overloaded])
    if bracket is not None and not bracket.is_wide and spread.capacity > bracket.lost:
        sure = spread.low > _BEYOND * bracket.lost
        error = max((spread.high - spread.low) / 4, _FLOOR * spread.capacity)
        spread = bracket.alone() if sure else bracket.weighed(spread.capacity, error)
    part = 1 - found.share_served
    kept = max(
        (
            stage.offered
            for stage in balance.sustained(found.stages)
            if stage.would_show(part * (1 - spread.capacity / max(stage.offered, 1e-9)))
        ),
        default=0.0,
    )
    if kept > spread.high:
        spread = Spread(kept, spread.low, kept * (1 + _FLOOR))
    top = max((one for one in found.stages if one.is_overloaded), key=lambda one: one.offered)
    falls = top.goodput < _LESS * spread.capacity
    return replace(
        found,
        capacity=spread.capacity,
        ci=(spread.low, spread.high),
        cause="retrograde" if found.falls and falls else found.cause,
        falls=found.falls and falls,
        is_wasted=found.is_wasted and falls,
    )


def _hidden(measured: Response, bracket: Bracket | None) -> Spread | None:
    """Where the losses begin if a part of the good answers needs nothing of what is saturated, and
    waits all the same; None where nothing speaks for that, or a higher load was kept up with."""
    below = measured.beneath
    if below is None or bracket is None or below.capacity < _HIDDEN * bracket.kept:
        return None
    return bracket.weighed(below.capacity, max(below.error, _FLOOR * below.capacity))


def _shared(measured: Response, bracket: Bracket) -> Spread:
    """Where work is shared goodput says little: how much was done, and which loads were lost."""
    shared = measured.shared
    return bracket.alone() if shared is None else bracket.weighed(shared.capacity, shared.error)


def _at_least(
    fitted: Bend, measured: Response, stages: Sequence[Stage], bracket: Bracket
) -> Spread:
    """Where calls hinder each other throughput may have a peak that one overload does not show:
    what was answered under it, or kept up with before, is sustained; how much more is open, up to
    the load that was lost."""
    level, every = _widened(fitted.level, measured), _widened(fitted.spread, measured)
    falling = _sustained(fitted, measured, stages)
    capacity = max(level.capacity, bracket.kept)
    high = min(max(every.high, falling.high), bracket.lost)
    return Spread(capacity, min(level.low, capacity), max(high, level.high, capacity))


def _told(fitted: Bend, measured: Response, stages: Sequence[Stage]) -> Spread:
    """The capacity: where goodput levels off, where throughput falls, or a mixture of both where
    that is not settled."""
    if fitted.falling < _UNLIKELY:
        return _widened(fitted.level if fitted.weights[0] > 0.5 else fitted.spread, measured)
    falling = _sustained(fitted, measured, stages)
    if fitted.falling > 1 - _UNLIKELY:
        return falling
    return bend.joined(_widened(fitted.level, measured), falling, fitted.falling)


def _sustained(fitted: Bend, measured: Response, stages: Sequence[Stage]) -> Spread:
    """Where throughput falls: from throughput by work under way, and the loads around it."""
    gave_up = measured.calls.given_up
    until = float(gave_up[_STRAYS]) if len(gave_up) > _STRAYS else np.inf
    seen = measured.points
    floor = float(seen.goodput[seen.overloaded].min())
    found = contention.find(measured.calls, stages, measured.unit, until, floor)
    if found is not None:
        return found
    plain = _widened(fitted.spread, measured)
    wider = _FALLING * plain.capacity
    return Spread(plain.capacity, max(plain.low - wider, 0.0), plain.high + wider)


def _served(fitted: Bend, measured: Response, hides: bool) -> float:
    """The share that is still served beyond the capacity."""
    if hides and measured.beneath is not None:
        return measured.beneath.share
    if measured.split is not None:
        return measured.split.share
    return fitted.share if fitted.weights[1] > 0.5 else 0.0


def _widened(spread: Spread, measured: Response) -> Spread:
    """For the points' own uncertain errors, and for the share served."""
    capacity, split = spread.capacity, measured.split
    wider = rate.t_quantile(measured.freedom) / 1.96 * _DOUBT
    least = _FLOOR if split is None else max(_FLOOR, 2 * split.error / (1 - split.share))
    low = capacity - float(np.hypot(wider * (capacity - spread.low), least * capacity))
    high = capacity + float(np.hypot(wider * (spread.high - capacity), least * capacity))
    return Spread(capacity, max(low, 0.0), high)


def _gives_up(calls: Flow, stages: Sequence[Stage]) -> bool:
    """Whether a part of what was due under overload was no longer waited for."""
    windows = [stage.window for stage in stages if stage.is_overloaded]
    gave_up = np.diff(np.searchsorted(calls.given_up, np.array(windows)), axis=1).sum()
    return bool(gave_up > _GIVEN_UP * sum(calls.due_in(*window) for window in windows))


def _cause(journeys: Flow, stages: Sequence[Stage]) -> Cause:
    bad = _parts(journeys, [stage for stage in stages if stage.is_overloaded])
    healthy = _parts(journeys, balance.steady(stages))
    status = journeys.status[bad][~journeys.good[bad]]
    if len(status) and np.isin(status, _GATEWAY).mean() > 0.5:
        return "dependency"
    if not len(healthy) or not journeys.good[bad].any() or not journeys.good[healthy].any():
        return "queue"
    slower = np.quantile(journeys.took[bad][journeys.good[bad]], 0.9)
    before = np.quantile(journeys.took[healthy][journeys.good[healthy]], 0.9)
    waits = slower > _SLOWER * before or journeys.timed_out[bad].any()
    return "queue" if waits or (status == 503).any() else "unknown"


def _parts(journeys: Flow, stages: Sequence[Stage]) -> np.ndarray:
    parts = [journeys.between(*stage.window) for stage in stages]
    return np.concatenate([np.arange(part.start, part.stop) for part in parts] or [np.arange(0)])
