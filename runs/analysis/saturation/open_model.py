"""One flow under an open load: its stages, and what they say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from runs.analysis.saturation import balance, bend, points, rate, refusals
from runs.analysis.saturation.balance import Stage
from runs.analysis.saturation.bend import Bend
from runs.analysis.saturation.flow import Flow, Segment
from runs.analysis.saturation.points import Response
from runs.analysis.saturation.refusals import Limit
from runs.analysis.saturation.result import Cause, Interval, Scope

_GATEWAY: Final = (502, 504)
# An interval is never narrower than this part of the capacity, on either side.
_FLOOR: Final = 0.0075
# Errors are estimated from the same few stages as the capacity.
_DOUBT: Final = 1.15
_SLOWER: Final = 1.2
_FALLING: Final = 0.08


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
    why: str = ""


def find(journeys: Flow, calls: Flow, segments: Sequence[Segment]) -> Found:
    """Never raises: what cannot be told is inconclusive, with the reason in `why`."""
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
    return _reached(journeys, calls, found)


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
    else:
        limit = None
    measured = points.response(calls, stages, per_journey)
    if measured is None:
        return _untold(stages, "nothing succeeded beyond the first losses")
    return _bent(journeys, stages, measured, limit)


def _used_up(stages: tuple[Stage, ...], limit: Limit, per_journey: float) -> Found:
    quota = limit.quota
    if quota is None or not quota.requests or not quota.window_s:
        return Found("reached", stages, cause="quota", scope=limit.scope, limit=limit)
    capacity = quota.requests / quota.window_s / per_journey
    half = max(0.01, 1 / quota.requests) * capacity
    ci = (capacity - half, capacity + half)
    return Found("reached", stages, capacity, ci, "quota", limit.scope, limit)


def _bent(
    journeys: Flow, stages: tuple[Stage, ...], measured: Response, limit: Limit | None
) -> Found:
    fitted = bend.find(measured.points, points.prior(measured))
    falls = fitted.weights[2] + fitted.weights[3] > 0.5
    ci = _interval(fitted, measured.freedom, stages, falls)
    doubtful = falls or measured.is_sagging or measured.slowing > points.TRACE_OF_CONTENTION
    return Found(
        "reached",
        stages,
        fitted.capacity,
        ci,
        "rate_limit" if limit else _cause(journeys, stages, falls),
        limit.scope if limit else "global",
        limit,
        is_lower=limit is None and doubtful and _is_single(stages, fitted.capacity),
        share_served=fitted.share if fitted.weights[1] > 0.5 else 0.0,
        falls=falls,
    )


def _interval(fitted: Bend, freedom: float, stages: Sequence[Stage], falls: bool) -> Interval:
    """Wider where throughput falls: what is sustained then depends on how the load came."""
    capacity = fitted.capacity
    wider = rate.t_quantile(freedom) / 1.96 * _DOUBT
    low = capacity - max(wider * (capacity - fitted.low), _FLOOR * capacity)
    high = capacity + max(wider * (fitted.high - capacity), _FLOOR * capacity)
    if falls:
        first = min(stage.offered for stage in stages if stage.is_overloaded)
        low = min(low, (1 - _FALLING) * capacity)
        high = max(high, min(first, (1 + _FALLING) * capacity))
    return max(low, 0.0), high


def _is_single(stages: Sequence[Stage], capacity: float) -> bool:
    """Whether all that is known comes from one overload well above any load that was sustained."""
    levels = {stage.segment.phase for stage in stages if stage.is_overloaded}
    kept = [stage.offered for stage in stages if not stage.is_overloaded]
    return len(levels) == 1 and max(kept, default=0.0) < 0.9 * capacity


def _cause(journeys: Flow, stages: Sequence[Stage], falls: bool) -> Cause:
    if falls:
        return "retrograde"
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
