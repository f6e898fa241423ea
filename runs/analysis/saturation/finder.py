"""The saturation point of each scenario, and of the whole system at its declared mix."""

from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from runs.analysis import journeys
from runs.analysis.percentiles import nearest_rank
from runs.analysis.run_data import RunData
from runs.analysis.saturation import (
    balance,
    closed,
    flow,
    headroom,
    open_model,
    rate,
    recovered,
    system,
    words,
)
from runs.analysis.saturation.balance import Stage
from runs.analysis.saturation.closed import Closed, Level
from runs.analysis.saturation.flow import Flow
from runs.analysis.saturation.open_model import Found
from runs.analysis.saturation.result import Cause, Interval, LoadPoint, Saturation
from runs.analysis.saturation.system import Parts


def find(data: RunData) -> tuple[Saturation, ...]:
    """An entry for each scenario of the plan, then one for the whole where several ran together."""
    answers = data.derived(_answers)
    points = [_saturation(data, name, one) for name, one in answers.items()]
    whole = system.find(data, {name: one.parts for name, one in answers.items()})
    return (*points, *((whole,) if whole else ()))


def curve(data: RunData, scenario: str) -> tuple[LoadPoint, ...]:
    """Goodput and latency by offered load, a point for each stage (a piece of a ramp is one)."""
    answers = data.derived(_answers)
    if scenario not in answers:
        return ()
    mine, found = answers[scenario].flow.let_go(), answers[scenario].found
    if isinstance(found, Closed):
        return tuple(_level_point(mine, level, found) for level in found.levels)
    return tuple(_stage_point(mine, stage) for stage in found.stages)


def kept_up(data: RunData) -> dict[str, dict[str, float]]:
    """The journeys/s of each scenario's phases that had a constant load and kept up with it."""
    loads: dict[str, dict[str, float]] = {}
    for name, answer in data.derived(_answers).items():
        mine = loads[name] = {}
        if answer.open:
            kept = [one for one in balance.kept(answer.open.stages) if one.is_answered]
            mine |= {one.segment.phase: one.offered for one in kept if not one.segment.is_ramp}
        if answer.closed:
            mine |= {level.phase: level.offered for level in answer.closed.levels}
    return loads


@dataclass(frozen=True)
class _Answer:
    """What a scenario's flow showed under its open phases and under its closed ones; `is_recovered`
    where nobody knows which they were."""

    flow: Flow
    open: Found | None
    closed: Closed | None
    is_recovered: bool

    @property
    def found(self) -> Found | Closed:
        """The one that says more: a capacity before none, the narrower of two."""
        both: list[Found | Closed] = [one for one in (self.open, self.closed) if one is not None]
        return min(both, key=_doubt, default=open_model.NOTHING)

    @property
    def parts(self) -> Parts:
        return Parts(self.flow, self.open, self.closed)


_ORDER: Final = ("reached", "inconclusive", "not_reached")


def _doubt(found: Found | Closed) -> tuple[int, float]:
    """Where one model reached its limit, that is the answer; and a doubt goes before a 'not
    reached', since it may be that the other model did not go as far."""
    width = (found.ci[1] - found.ci[0]) / found.capacity if found.ci and found.capacity else 9.0
    return _ORDER.index(found.verdict), width


def _answers(data: RunData) -> dict[str, _Answer]:
    """Of each scenario of the plan."""
    found = journeys.taken(data)
    nobody = pl.DataFrame(schema=journeys.SCHEMA)
    flows = {name: flow.of(found.pop(name, nobody)) for name in data.plan.scenarios}
    return {name: _answer(data, name, flows.pop(name)) for name in data.plan.scenarios}


def _answer(data: RunData, name: str, mine: Flow) -> _Answer:
    phases = data.plan.phases_of(name)
    unknown = [phase for phase in phases if recovered.is_unscheduled(phase)]
    known = [phase for phase in phases if phase.model == "open" and phase not in unknown]
    users = [phase for phase in phases if phase.model == "closed"]
    cut = [piece for phase in unknown for piece in recovered.segments(mine, phase)]
    stages = sorted([*flow.segments(known), *cut], key=lambda one: one.start)
    found = None
    if stages or not users:
        found = open_model.find(mine, lambda: _calls(data, name, mine), stages)
    if unknown and not known and not users:
        pieces = [piece for phase in unknown for piece in recovered.pieces(phase)]
        in_flight = closed.find(mine, closed.levels_in_flight(mine, pieces))
        return _Answer(mine.let_go(), *recovered.judged(found, in_flight), is_recovered=True)
    waiting = closed.find(mine, closed.levels(mine, users)) if users else None
    return _Answer(mine.let_go(), found, waiting, is_recovered=bool(unknown))


def _saturation(data: RunData, name: str, answer: _Answer) -> Saturation:
    if isinstance(answer.found, Closed):
        point = _of_closed(data, name, answer.flow, answer.found)
    else:
        point = _of_open(data, name, answer.flow, answer.found)
    recovered_load = f" {words.RECOVERED}" if answer.is_recovered and answer.flow.count else ""
    more = recovered_load + words.lasts(point.headroom)
    return replace(point, explanation=point.explanation + more) if more else point


def _calls(data: RunData, scenario: str, mine: Flow) -> Flow:
    """The requests; the journeys themselves where each is one request."""
    is_mine = data.samples.select(pl.col("scenario") == scenario).to_series()
    return mine if is_mine.sum() == mine.count else flow.calls(data.samples, is_mine)


def _of_open(data: RunData, name: str, mine: Flow, found: Found) -> Saturation:
    bad = [stage.offered for stage in balance.caused(found.stages)]
    first = min(bad, default=None)
    sustained = found.sustained
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
        slo_capacity_jps=None,
        cause=found.cause,
        scope=found.scope,
        quota=found.limit.quota if found.limit else None,
        headroom=headroom.of(data.plan, (name,), found, sustained),
        explanation=words.of_open(name, found, sustained, up_to),
        next_run=words.next_of_open(found, sustained, up_to),
    )


def _of_closed(data: RunData, name: str, mine: Flow, found: Closed) -> Saturation:
    ci = found.ci
    sustained = found.sustained
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
        headroom=headroom.of(data.plan, (name,), found, sustained),
        explanation=explanation,
        next_run=next_run,
    )


def _requests_a_journey(mine: Flow) -> float:
    """Of good journeys, where there are any: a failed one may have stopped half-way."""
    asked = mine.requests[mine.good] if mine.good.any() else mine.requests
    return float(asked.mean()) if len(asked) else 1.0


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
