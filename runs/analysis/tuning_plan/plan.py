"""The plan of a run: its proposals in order, and what to measure next.

Nothing is proposed that the run's own figures do not support: nothing on a run that may not be
believed, and no bottleneck where nothing saturates.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from runs.analysis import wording
from runs.analysis.plan import Probe
from runs.analysis.report import Report
from runs.analysis.saturation import Saturation
from runs.analysis.tuning_plan.proposal import Proposal
from runs.analysis.tuning_plan.rules import RULES
from runs.analysis.tuning_plan.situation import Situation

MOST_AT_THE_TOP: Final = 5


@dataclass(frozen=True)
class TuningPlan:
    """`summary` is the answer in a sentence; `proposals` go from the first to do to the last, and
    the first MOST_AT_THE_TOP are the plan proper; `next_steps` say what to run next."""

    summary: str
    proposals: tuple[Proposal, ...]
    next_steps: tuple[str, ...]

    @property
    def top(self) -> tuple[Proposal, ...]:
        return self.proposals[:MOST_AT_THE_TOP]

    @property
    def quick_wins(self) -> tuple[Proposal, ...]:
        return tuple(one for one in self.top if one.kind == "quick_win")

    @property
    def structural(self) -> tuple[Proposal, ...]:
        return tuple(one for one in self.top if one.kind == "structural")


def make(report: Report, probes: Sequence[Probe] = ()) -> TuningPlan:
    """What to do after this run; `probes` are those of its plan, with their ceilings."""
    if report.validity.verdict == "invalid":
        reasons = tuple(one.detail for one in report.validity.reasons)
        return TuningPlan(
            "Nothing is proposed: this run may not be believed. Make it again first.", (), reasons
        )
    situation = Situation(report, probes)
    found = _ordered(one for rule in RULES for one in rule.propose(situation))
    next_steps = _next_steps(situation, found)
    return TuningPlan(_summary(report, found), found, next_steps)


def _ordered(proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """What explains a saturation best goes first; then priority, then how strong the evidence is.
    One metric that stops several scenarios is one proposal."""
    merged: dict[str, Proposal] = {}
    for one in proposals:
        known = merged.get(one.key)
        merged[one.key] = one if known is None else _joined(known, one)
    return tuple(sorted(merged.values(), key=order))


def order(proposal: Proposal) -> tuple[int, int, float]:
    """By what explains best, then by priority, then by how strong the evidence is."""
    return proposal.rank, -proposal.priority, -proposal.strength


def _joined(first: Proposal, second: Proposal) -> Proposal:
    better, other = sorted((first, second), key=lambda one: (one.rank, -one.strength))
    return replace(
        better,
        evidence=(*better.evidence, *other.evidence),
        criteria=tuple(dict.fromkeys((*better.criteria, *other.criteria))),
        scenarios=tuple(dict.fromkeys((*better.scenarios, *other.scenarios))),
    )


def _next_steps(situation: Situation, found: Sequence[Proposal]) -> tuple[str, ...]:
    explained = {scenario for one in found for scenario in one.scenarios}
    steps = [
        f"{wording.who(scenario)} saturates, and no metric that was read explains it: add probes "
        "of the target's pools, caches and CPU to the campaign, and run it again."
        for scenario, _ in situation.reached
        if scenario not in explained
    ]
    steps += [_next_run(point) for point in situation.report.saturation if point.next_run]
    return tuple(dict.fromkeys(steps))


def _next_run(point: Saturation) -> str:
    """Of which scenario it is; what is said of the whole system says so itself."""
    words = point.next_run
    if point.scenario is None:
        return words
    return f"{wording.who(point.scenario)}: {words[:1].lower()}{words[1:]}"


def summary_of(proposals: Sequence[Proposal]) -> str:
    """The first to do, and how many there are beside it."""
    more = len(proposals) - 1
    rest = f", and {wording.plural(more, 'more proposal')}" if more else ""
    return f"{proposals[0].title}{rest}."


def _summary(report: Report, found: Sequence[Proposal]) -> str:
    if found:
        return summary_of(found)
    if any(one.verdict == "reached" for one in report.saturation):
        return "It saturates, and the figures do not show where to begin."
    limits = [
        f"{wording.name(one.scenario)} beyond {wording.per_second(one.up_to_jps)}"
        for one in report.saturation
        if one.scenario is not None and one.up_to_jps is not None
    ]
    if limits:
        return f"Nothing to tune; next: look for the limit at {', '.join(limits)}."
    return "Nothing to tune: this run does not say how much the service can take."
