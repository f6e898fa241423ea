"""The whole system at its declared mix, where several scenarios ran at the same time.

Conservative: a limit that only one scenario meets (the partners' rate limit) is not the system's.
Only where at least two scenarios lose at the same time, and not to limits of their own, is there
a limit that they share; then all journeys together are weighed as one flow, over the intervals
between all phase boundaries in which at least two scenarios ran.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from runs.analysis.plan import Model, Phase
from runs.analysis.run_data import RunData
from runs.analysis.saturation import balance, closed, headroom, open_model
from runs.analysis.saturation.closed import Closed
from runs.analysis.saturation.flow import MICROS, Flow, Segment, merged
from runs.analysis.saturation.open_model import Found
from runs.analysis.saturation.result import Cause, Interval, Saturation, Verdict
from runs.analysis.saturation.words import of_closed as closed_words
from runs.analysis.saturation.words import rate

_OWN: Final = ("rate_limit", "quota")
# The mix of two intervals is the same where no scenario's share differs by more than this.
_SAME_MIX: Final = 0.1


@dataclass(frozen=True)
class Parts:
    """One scenario: its journeys, and what they showed under open phases and under closed ones."""

    flow: Flow
    open: Found | None
    closed: Closed | None


def find(data: RunData, parts: Mapping[str, Parts]) -> Saturation | None:
    """The row without scenario; None where no two scenarios ran together under the same model."""
    opened = {name: one.open for name, one in parts.items() if one.open and one.open.stages}
    segments = _shared(data, tuple(opened), "open")
    if segments:
        return _of_open(data, {name: parts[name].flow for name in opened}, opened, segments)
    waiting = tuple(name for name, one in parts.items() if one.closed and one.closed.levels)
    segments = _shared(data, waiting, "closed")
    if not segments:
        return None
    return _of_closed(data, {name: parts[name].flow for name in waiting}, segments)


def _of_open(
    data: RunData,
    flows: Mapping[str, Flow],
    found: Mapping[str, Found],
    segments: Sequence[Segment],
) -> Saturation:
    offered = [
        sum(flow.due_in(one.start, one.end) for flow in flows.values()) / one.length
        for one in segments
    ]
    up_to = max(offered)
    losing = _losing(found, segments)
    shared = [name for name in losing if found[name].cause not in _OWN]
    if len(shared) < 2:
        return _not_reached(found, losing, up_to)
    if not _same_mix(list(flows.values()), segments):
        names = _listed(shared)
        return _row(
            "inconclusive", up_to, None,
            f"{names} lost journeys at the same time, so they share a limit; where it lies at one"
            " mix cannot be told, since the mix changed from phase to phase.",
            "Raise all scenarios together, each by the same factor.",
        )  # fmt: skip
    # Only now, since all journeys once more take much memory in a large run.
    whole = merged(list(flows.values()))
    answer = open_model.find(whole, lambda: whole, segments)
    told = _told(answer, up_to, shared)
    room = None
    if _is_mix_of_peaks(data, flows, segments):
        room = headroom.of(data.plan, tuple(flows), answer, told.sustained_jps)
    return replace(told, headroom=room, **_requests(whole, answer.capacity, answer.ci))


def _of_closed(data: RunData, flows: Mapping[str, Flow], segments: Sequence[Segment]) -> Saturation:
    """Users of all scenarios together, each an interval's number."""
    whole = merged(list(flows.values()))
    phases = [phase for name in flows for phase in data.plan.phases_of(name)]
    levels = closed.levels(whole, [_together(phases, one) for one in segments])
    answer = closed.find(whole, levels)
    explanation, next_run = closed_words("The whole system", answer)
    cause: Cause = "none" if answer.verdict == "not_reached" else "unknown"
    if answer.verdict == "reached":
        cause = "retrograde" if answer.is_retrograde else "queue"
    row = _row(answer.verdict, max((one.offered for one in levels), default=0.0), answer.sustained,
               explanation, next_run)  # fmt: skip
    return replace(
        row,
        bound="exact" if answer.verdict == "reached" else "lower",
        capacity_jps=answer.capacity,
        ci_jps=answer.ci,
        cause=cause,
        **_requests(whole, answer.capacity, answer.ci),
    )


def _together(phases: Sequence[Phase], segment: Segment) -> Phase:
    """The users of all phases that cover an interval, as one phase."""
    start_us, end_us = round(segment.start * MICROS), round(segment.end * MICROS)
    running = [p for p in phases if p.start_us <= start_us and p.end_us >= end_us]
    first, last = (sum(round(one.users_at(at)) for one in running) for at in (start_us, end_us))
    return Phase("", segment.phase, start_us, end_us, "closed", users=max(first, last),
                 users_from=first, users_to=last)  # fmt: skip


def _requests(whole: Flow, capacity: float | None, ci: Interval | None) -> dict[str, Any]:
    """Capacity and interval in requests/s."""
    if capacity is None or ci is None or not whole.good.any():
        return {}
    each = float(whole.requests[whole.good].mean())
    return {"capacity_rps": capacity * each, "ci_rps": (ci[0] * each, ci[1] * each)}


def _is_mix_of_peaks(data: RunData, flows: Mapping[str, Flow], segments: Sequence[Segment]) -> bool:
    """Whether the scenarios stood to each other as their stated peaks do: else the capacity at
    this mix says nothing about that peak."""
    peaks = np.array([data.plan.peak_jps.get(name) or 0.0 for name in flows])
    if peaks.min() <= 0:
        return False
    counts = np.array([sum(one.due_in(s.start, s.end) for s in segments) for one in flows.values()])
    apart = np.abs(counts / max(counts.sum(), 1) - peaks / peaks.sum())
    return bool(apart.max() <= _SAME_MIX)


def _shared(data: RunData, names: Sequence[str], model: Model) -> tuple[Segment, ...]:
    """The intervals between all phase boundaries in which at least two of the scenarios ran."""
    every = [phase for name in names for phase in data.plan.phases_of(name)]
    phases = [phase for phase in every if phase.model == model]
    edges = sorted({edge for phase in phases for edge in (phase.start_us, phase.end_us)})
    cut = []
    for start, end in itertools.pairwise(edges):
        running = [p for p in phases if p.start_us <= start and p.end_us >= end]
        if len({phase.scenario for phase in running}) >= 2:
            is_ramp = any(phase.rate_from != phase.rate_to for phase in running)
            cut.append(Segment(running[0].phase, start / MICROS, end / MICROS, is_ramp))
    return tuple(cut)


def _losing(found: Mapping[str, Found], segments: Sequence[Segment]) -> list[str]:
    """The scenarios that were beyond their capacity in an interval that they shared."""
    losing = []
    for name, one in found.items():
        spans = [(s.segment.start, s.segment.end) for s in one.stages if s.is_overloaded]
        beyond = one.verdict == "reached" and any(
            start < segment.end and end > segment.start
            for start, end in spans
            for segment in segments
        )
        losing += [name] if beyond else []
    return losing


def _same_mix(flows: Sequence[Flow], segments: Sequence[Segment]) -> bool:
    counts = np.array([[one.due_in(s.start, s.end) for one in flows] for s in segments], float)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts[totals[:, 0] > 0] / totals[totals[:, 0] > 0]
    return bool((np.ptp(shares, axis=0) <= _SAME_MIX).all()) if len(shares) else False


def _not_reached(found: Mapping[str, Found], losing: Sequence[str], up_to: float) -> Saturation:
    if not losing:
        kept = (
            f"All scenarios together were given up to {rate(up_to)} journeys/s, and none of them"
            " met a limit while others ran."
        )
        doubt = [name for name in found if found[name].verdict == "inconclusive"]
        if doubt:
            return _row("inconclusive", up_to, None, f"{kept} {_listed(doubt)} gave no answer.", "")
        next_run = "To find the limit of the whole, raise all scenarios together in steps of 10 %."
        return _row("not_reached", up_to, up_to, kept, next_run)
    own = _listed(losing)
    return _row(
        "not_reached", up_to, None,
        f"Only {own} lost journeys while others ran, up to {rate(up_to)} journeys/s together: that"
        " is its own limit, and the system as a whole showed none.",
        f"To find the limit of the whole, hold {own} below its own and raise the others together.",
    )  # fmt: skip


def _told(answer: Found, up_to: float, shared: Sequence[str]) -> Saturation:
    if answer.capacity is None or answer.ci is None:
        text = (
            f"{_listed(shared)} lost journeys at the same time, but where it begins is not clear."
        )
        next_run = "Raise all scenarios together, each by the same factor, in steps of 10 %."
        return _row("inconclusive", up_to, None, text, next_run)
    first = min(stage.offered for stage in balance.caused(answer.stages))
    sustained = answer.sustained
    low, high = answer.ci
    return Saturation(
        None, "reached", "lower" if answer.is_lower else "exact", answer.capacity, answer.ci, None,
        None, up_to, (sustained, first), sustained, None, answer.cause, "global", None, None,
        f"All scenarios together saturate at {rate(answer.capacity)} journeys/s"
        f" ({rate(low)} to {rate(high)}) at their declared mix; {_listed(shared)} lose together.",
        "",
    )  # fmt: skip


def _row(
    verdict: Verdict, up_to: float, sustained: float | None, text: str, next_run: str
) -> Saturation:
    return Saturation(
        None, verdict, "lower", None, None, None, None, up_to, None, sustained, None,
        "none" if verdict == "not_reached" else "unknown", "unknown", None, None, text, next_run,
    )  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
