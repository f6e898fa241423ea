"""The saturation point of each scenario, and of the whole system at its declared mix."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from runs.analysis import journeys
from runs.analysis.percentiles import nearest_rank
from runs.analysis.plan import Phase
from runs.analysis.run_data import RunData
from runs.analysis.saturation import closed, flow, open_model, rate, system, words
from runs.analysis.saturation.balance import Stage
from runs.analysis.saturation.closed import Closed, Level
from runs.analysis.saturation.flow import Flow
from runs.analysis.saturation.open_model import Found
from runs.analysis.saturation.result import Cause, Headroom, Interval, LoadPoint, Saturation


def find(data: RunData, p95_limit_ms: float | None = None) -> tuple[Saturation, ...]:
    """An entry for each scenario of the plan, then one for the whole where several ran together.

    With a limit, `slo_capacity_jps` is the highest load at which p95 of good journeys met it.
    """
    answers = data.derived(_answers)
    points = [_saturation(data, name, one, p95_limit_ms) for name, one in answers.items()]
    found = {name: one.found for name, one in answers.items() if isinstance(one.found, Found)}
    whole = system.find(data, {name: one.flow for name, one in answers.items()}, found)
    return (*points, *((whole,) if whole else ()))


def curve(data: RunData, scenario: str) -> tuple[LoadPoint, ...]:
    """Goodput and latency by offered load, a point for each stage (a piece of a ramp is one)."""
    answers = data.derived(_answers)
    if scenario not in answers:
        return ()
    mine, found = answers[scenario].flow, answers[scenario].found
    if isinstance(found, Closed):
        return tuple(_level_point(mine, level, found) for level in found.levels)
    return tuple(_stage_point(mine, stage) for stage in found.stages)


@dataclass(frozen=True)
class _Answer:
    """What a scenario's flow showed: an open load, or mostly a closed one."""

    flow: Flow
    found: Found | Closed


def _answers(data: RunData) -> dict[str, _Answer]:
    """Of each scenario of the plan."""
    every = journeys.of_run(data)
    return {name: _answer(data, name, _flow(every, name)) for name in data.plan.scenarios}


def _answer(data: RunData, name: str, mine: Flow) -> _Answer:
    phases = data.plan.phases_of(name)
    if _is_closed(phases):
        return _Answer(mine, closed.find(mine, closed.levels(mine, phases)))
    return _Answer(mine, open_model.find(mine, _calls(data, name, mine), flow.segments(phases)))


def _saturation(
    data: RunData, name: str, answer: _Answer, p95_limit_ms: float | None
) -> Saturation:
    if isinstance(answer.found, Closed):
        return _of_closed(data, name, answer.flow, answer.found)
    return _of_open(data, name, answer.flow, answer.found, p95_limit_ms)


def _flow(every: pl.DataFrame, scenario: str) -> Flow:
    return flow.of(every.filter(pl.col("scenario") == scenario))


def _calls(data: RunData, scenario: str, mine: Flow) -> Flow:
    """The requests; the journeys themselves where each is one request."""
    samples = data.samples.filter(pl.col("scenario") == scenario)
    return mine if samples.height == mine.count else flow.calls(samples)


def _is_closed(phases: Sequence[Phase]) -> bool:
    return 2 * sum(phase.model == "closed" for phase in phases) > len(phases)


def _of_open(
    data: RunData, name: str, mine: Flow, found: Found, p95_limit_ms: float | None
) -> Saturation:
    bad = [stage.offered for stage in found.stages if stage.is_overloaded]
    first = min(bad, default=None)
    kept = [stage for stage in found.stages if not stage.is_overloaded and stage.count]
    below = [stage for stage in kept if first is None or stage.offered < first]
    sustained = max((stage.offered for stage in below), default=None)
    up_to = max((stage.offered for stage in found.stages), default=None) or None
    requests = _requests_a_journey(mine)
    capacity, ci = found.capacity, found.ci
    return Saturation(
        scenario=name,
        verdict=found.verdict,
        bound="exact" if capacity is not None and not found.is_lower else "lower",
        capacity_jps=capacity,
        ci_jps=ci,
        capacity_rps=None if capacity is None else capacity * requests,
        ci_rps=None if ci is None else (ci[0] * requests, ci[1] * requests),
        up_to_jps=up_to,
        onset_jps=None if first is None else (sustained, first),
        sustained_jps=sustained,
        slo_capacity_jps=_within(mine, below, p95_limit_ms),
        cause=found.cause,
        scope=found.scope,
        quota=found.limit.quota if found.limit else None,
        headroom=headroom(data, name, found.verdict, capacity, ci, sustained),
        explanation=words.of_open(name, found, sustained, up_to),
        next_run=words.next_of_open(found, sustained, up_to),
    )


def _of_closed(data: RunData, name: str, mine: Flow, found: Closed) -> Saturation:
    ci = (found.low, found.high) if found.low is not None and found.high is not None else None
    sustained = max((level.goodput for level in found.levels), default=None)
    requests = _requests_a_journey(mine)
    explanation, next_run = words.of_closed(name, found)
    cause: Cause = "none" if found.verdict == "not_reached" else "unknown"
    if found.verdict == "reached":
        cause = "retrograde" if found.is_retrograde else "queue"
    return Saturation(
        scenario=name,
        verdict=found.verdict,
        bound="exact" if found.verdict == "reached" else "lower",
        capacity_jps=found.capacity,
        ci_jps=ci,
        capacity_rps=None if found.capacity is None else found.capacity * requests,
        ci_rps=None if ci is None else (ci[0] * requests, ci[1] * requests),
        up_to_jps=max((level.offered for level in found.levels), default=None),
        onset_jps=None,
        sustained_jps=sustained,
        slo_capacity_jps=None,
        cause=cause,
        scope="unknown",
        quota=None,
        headroom=headroom(data, name, found.verdict, found.capacity, ci, sustained),
        explanation=explanation,
        next_run=next_run,
    )


def _requests_a_journey(mine: Flow) -> float:
    """Of good journeys, where there are any: a failed one may have stopped half-way."""
    asked = mine.requests[mine.good] if mine.good.any() else mine.requests
    return float(asked.mean()) if len(asked) else 1.0


def headroom(
    data: RunData, name: str, verdict: str, capacity: float | None, ci: Interval | None,
    sustained: float | None,
) -> Headroom | None:  # fmt: skip
    """Capacity over the stated peak; from the highest load kept up with where none was reached."""
    peak = data.plan.peak_jps.get(name)
    if not peak or peak <= 0:
        return None
    if capacity is not None and ci is not None:
        return Headroom(peak, capacity / peak, (ci[0] / peak, ci[1] / peak))
    if verdict == "not_reached" and sustained:
        return Headroom(peak, sustained / peak, (sustained / peak, None))
    return Headroom(peak, None, None)


def _within(mine: Flow, below: Sequence[Stage], limit_ms: float | None) -> float | None:
    if limit_ms is None:
        return None
    met = []
    for stage in below:
        p95 = _latencies_ms(mine, *stage.window)[1]
        met += [stage.offered] if p95 is not None and p95 <= limit_ms else []
    return max(met, default=None)


def _latencies_ms(mine: Flow, start: float, end: float) -> tuple[float | None, float | None]:
    """p50 and p95 of good journeys due in a window."""
    part = mine.between(start, end)
    took = mine.took[part][mine.good[part]] * 1000
    if not len(took):
        return None, None
    took.sort()
    return nearest_rank(took, 0.5), nearest_rank(took, 0.95)


def _stage_point(mine: Flow, stage: Stage) -> LoadPoint:
    measured = rate.of(mine.answers, [stage.window])
    low, high = measured.value - measured.half, measured.value + measured.half
    return _point(
        mine, stage.segment.phase, (stage.segment.start, stage.segment.end), stage.offered,
        stage.goodput, (max(low, 0.0), high), stage.is_overloaded,
    )  # fmt: skip


def _level_point(mine: Flow, level: Level, answer: Closed) -> LoadPoint:
    beyond = answer.users is not None and level.users > answer.users
    ci = (max(level.goodput - level.half, 0.0), level.goodput + level.half)
    return _point(mine, level.phase, level.window, level.offered, level.goodput, ci, beyond)


def _point(
    mine: Flow, phase: str, window: tuple[float, float], offered: float, goodput: float,
    ci: Interval, is_overloaded: bool,
) -> LoadPoint:  # fmt: skip
    part = mine.between(*window)
    count = part.stop - part.start
    refused = int(mine.refused[part].sum())
    failed = int((~mine.good[part]).sum()) - refused
    p50_ms, p95_ms = _latencies_ms(mine, *window)
    return LoadPoint(
        phase=phase,
        offered_jps=offered,
        goodput_jps=goodput,
        goodput_ci=ci,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        refusal_rate=refused / count if count else 0.0,
        error_rate=failed / count if count else 0.0,
        count=count,
        is_overloaded=is_overloaded,
    )
