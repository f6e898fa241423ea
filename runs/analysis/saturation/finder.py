"""The saturation point of each scenario: balance the stages, estimate, say it in words."""

import polars as pl

from runs.analysis import journeys
from runs.analysis.plan import Phase
from runs.analysis.run_data import RunData
from runs.analysis.saturation import balance, bend, direct, flow, points, rate
from runs.analysis.saturation.balance import Stage
from runs.analysis.saturation.flow import Flow
from runs.analysis.saturation.result import Cause, Headroom, LoadPoint, Saturation, Scope

DEBUG = False

def find(data: RunData) -> tuple[Saturation, ...]:
    """One entry for each scenario of the plan."""
    all_journeys = journeys.of(data.samples)
    return tuple(_of_scenario(data, all_journeys, name) for name in data.plan.scenarios)


def curve(data: RunData, scenario: str) -> tuple[LoadPoint, ...]:
    """Goodput and latency by offered load, a point for each stage (a piece of a ramp is one)."""
    mine = _flow(journeys.of(data.samples), scenario)
    found = _stages(mine, data.plan.phases_of(scenario))
    return tuple(_point(mine, stage) for stage in found)


def _flow(all_journeys: pl.DataFrame, scenario: str) -> Flow:
    return flow.of(all_journeys.filter(pl.col("scenario") == scenario))


def _stages(mine: Flow, phases: tuple[Phase, ...]) -> tuple[Stage, ...]:
    segments = flow.segments(phases)
    base = balance.baseline(mine, segments)
    return balance.stages(mine, segments, base) if base else ()


def _of_scenario(data: RunData, all_journeys: pl.DataFrame, scenario: str) -> Saturation:
    mine = _flow(all_journeys, scenario)
    found = _stages(mine, data.plan.phases_of(scenario))
    if not found:
        return _unknown(scenario, "There are too few good journeys to tell.")
    bad = [stage for stage in found if stage.is_overloaded]
    good = [stage for stage in found if not stage.is_overloaded]
    up_to = max(stage.offered for stage in found)
    peak = data.plan.peak_jps.get(scenario)
    if not bad:
        sustained = max(stage.offered for stage in good)
        text = f"{scenario} kept up with every load it was given, up to {up_to:.4g} journeys/s."
        return Saturation(
            scenario, "not_reached", "lower", None, None, None, None, up_to, None, sustained, None,
            "none", "unknown", None, _headroom(sustained, None, peak), text,
            f"Go on above {up_to:.4g} journeys/s in steps of 10 %.",
        )  # fmt: skip
    calls = flow.calls(data.samples.filter(pl.col('scenario') == scenario))
    return _reached(mine, calls, scenario, found, peak)


def _reached(
    mine: Flow, calls: Flow, scenario: str, found: tuple[Stage, ...], peak: float | None
) -> Saturation:
    bad = [stage for stage in found if stage.is_overloaded]
    first = min(stage.offered for stage in bad)
    below = [s.offered for s in found if not s.is_overloaded and s.offered < first]
    sustained = max(below, default=None)
    up_to = max(stage.offered for stage in found)
    cause, scope = _cause(mine, bad)
    good_requests = mine.requests[mine.good]
    per_journey = float(good_requests.mean()) if len(good_requests) else 1.0
    measured = points.response(calls, found, per_journey)
    if measured is None:
        return _unknown(scenario, "No window.")
    fitted = bend.find(measured.points, bend.Prior(shares=measured.shares))
    capacity = fitted.capacity
    wider = rate.t_quantile(measured.freedom) / 1.96
    floor = 0.0075 * capacity
    ci = (
        capacity - max(wider * (capacity - fitted.low), floor),
        capacity + max(wider * (fitted.high - capacity), floor),
    )
    if DEBUG:
        print(fitted, measured.freedom, measured.windows); print("best share", direct.SHARES[measured.shares.argmax()], direct.SHARES[measured.shares>-2])
        for row in zip(measured.points.offered, measured.points.goodput, measured.points.errors[0], measured.points.errors[-1], measured.points.overloaded): print("   %.3f %.3f %.3f %.3f %d"%row)
    requests = float(mine.requests.mean()) if mine.count else 1.0
    return Saturation(
        scenario, "reached", "exact", capacity, ci, capacity * requests,
        (ci[0] * requests, ci[1] * requests), up_to, (sustained, first), sustained, None,
        cause, scope, None, _headroom(capacity, ci, peak),
        f"{scenario} saturates at {capacity:.4g} journeys/s ({ci[0]:.4g} to {ci[1]:.4g}).", "",
    )  # fmt: skip


def _cause(mine: Flow, bad: list[Stage]) -> tuple[Cause, Scope]:
    refused = failed = 0
    for stage in bad:
        part = mine.between(*stage.window)
        refused += int(mine.refused[part].sum())
        failed += int((~mine.good[part]).sum())
    return ("rate_limit", "unknown") if refused > 0.5 * max(failed, 1) else ("queue", "global")


def _headroom(
    capacity: float | None, ci: tuple[float, float] | None, peak: float | None
) -> Headroom | None:
    if not peak or capacity is None:
        return None
    low, high = ci if ci else (capacity, None)
    return Headroom(peak, capacity / peak, (low / peak, None if high is None else high / peak))


def _unknown(scenario: str, why: str) -> Saturation:
    return Saturation(
        scenario, "inconclusive", "lower", None, None, None, None, None, None, None, None,
        "unknown", "unknown", None, None, why, "Run longer, or at a higher rate.",
    )  # fmt: skip


def _point(mine: Flow, stage: Stage) -> LoadPoint:
    part = mine.between(stage.segment.start, stage.segment.end)
    took_ms = mine.took[part][mine.good[part]] * 1000
    count = part.stop - part.start
    measured = rate.of(mine.answers, [stage.window])
    p50, p95 = (
        (float(x) for x in np_quantiles(took_ms)) if len(took_ms) else (None, None)
    )
    refused = int(mine.refused[part].sum()) / count if count else 0.0
    failed = int((~mine.good[part] & ~mine.refused[part]).sum()) / count if count else 0.0
    return LoadPoint(
        phase=stage.segment.phase,
        offered_jps=stage.offered,
        goodput_jps=stage.goodput,
        goodput_ci=(max(measured.value - measured.half, 0.0), measured.value + measured.half),
        p50_ms=p50,
        p95_ms=p95,
        refusal_rate=refused,
        error_rate=failed,
        count=count,
        is_overloaded=stage.is_overloaded,
    )


def np_quantiles(took_ms: "flow.Floats") -> tuple[float, float]:
    ordered = sorted(took_ms.tolist())
    size = len(ordered)
    return ordered[max(-(-size // 2), 1) - 1], ordered[max(-(-size * 19 // 20), 1) - 1]
