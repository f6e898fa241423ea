"""The generated plan of a run or of a campaign, and what becomes of its proposals.

A proposal that is accepted is an action. Its key stays with that action, so that it is not
proposed again while somebody is at it; once a run has verified the action the same change may be
proposed anew, and then makes another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.contrib.auth.models import User
from django.db import IntegrityError

from runs import reports
from runs.analysis import tuning_plan
from runs.analysis.tuning_plan import Proposal, TuningPlan
from runs.errors import ConflictError, Fault, NotFoundError
from runs.formats.manifest import probes_of
from runs.models import Action, Project, Run
from runs.tuning.actions import NewAction, create_action
from runs.tuning.criterion import NewCriterion

MOST_RUNS: Final = 10  # of a campaign, the newest
_SEPARATOR: Final = "#"


@dataclass(frozen=True)
class Proposed:
    """A proposal, the run that it comes from, and the action that it became, if any."""

    proposal: Proposal
    run: Run
    action: Action | None

    @property
    def can_be_accepted(self) -> bool:
        return self.action is None or self.action.state == Action.State.VERIFIED


@dataclass(frozen=True)
class Planned:
    """`proposals` in the order in which to do them; the first five are the plan proper."""

    runs: tuple[Run, ...]
    summary: str
    proposals: tuple[Proposed, ...]
    next_steps: tuple[str, ...]

    @property
    def top(self) -> tuple[Proposed, ...]:
        return self.proposals[: tuning_plan.MOST_AT_THE_TOP]

    @property
    def further(self) -> tuple[Proposed, ...]:
        return self.proposals[tuning_plan.MOST_AT_THE_TOP :]

    @property
    def quick_wins(self) -> tuple[Proposed, ...]:
        return tuple(one for one in self.top if one.proposal.kind == "quick_win")

    @property
    def structural(self) -> tuple[Proposed, ...]:
        return tuple(one for one in self.top if one.proposal.kind == "structural")


def of_run(run: Run) -> Planned:
    """ConflictError before the run is ready."""
    found = _made(run)
    known = _actions(run.project)
    proposed = tuple(Proposed(one, run, known.get(one.key)) for one in found.proposals)
    return Planned((run,), found.summary, proposed, found.next_steps)


def of_runs(runs: Sequence[Run]) -> Planned:
    """One plan of several runs, the newest first: each scenario by the newest run that climbed it.

    What an older run proposes is dropped where a newer one has looked at the same scenario; runs
    that may not be believed are left aside, unless there are no others.
    """
    believed = [run for run in runs if run.validity != Run.Validity.INVALID] or list(runs[:1])
    if not believed:
        return Planned((), "No run yet.", (), ())
    known = _actions(believed[0].project)
    proposed = [
        Proposed(one, run, known.get(one.key))
        for run, plan in _each_scenario_once(believed)
        for one in plan.proposals
    ]
    proposed.sort(key=lambda one: tuning_plan.order(one.proposal))
    first = {one.proposal.key: one for one in reversed(proposed)}
    ordered = tuple(one for one in proposed if first[one.proposal.key] is one)
    newest = _made(believed[0])
    summary = tuning_plan.summary_of([one.proposal for one in ordered]) if ordered else ""
    return Planned(tuple(runs), summary or newest.summary, ordered, newest.next_steps)


def of_campaign(project: Project, campaign: str) -> Planned:
    """From the campaign's newest runs that may be believed; without a name, from the campaign of
    the project's newest such run."""
    ready = Run.objects.filter(project=project, processing=Run.Processing.READY)
    ready = ready.exclude(validity=Run.Validity.INVALID).defer("timeline", "curves")
    if not campaign:
        campaign = ready.values_list("campaign", flat=True).first() or ""
    newest = ready.filter(campaign=campaign).select_related("project")[:MOST_RUNS]
    return of_runs(list(newest))


def _each_scenario_once(runs: Sequence[Run]) -> Iterator[tuple[Run, TuningPlan]]:
    seen: set[str] = set()
    for run in runs:
        looked_at = {
            row["scenario"]
            for row in (run.report or {}).get("saturation", [])
            if row["scenario"] is not None and row["verdict"] in ("reached", "not_reached")
        }
        if looked_at - seen:
            plan = _made(run)
            kept = [one for one in plan.proposals]
            yield run, replace(plan, proposals=tuple(kept))
        seen |= looked_at


def _made(run: Run) -> TuningPlan:
    return tuning_plan.make(reports.load(run), probes_of(run.manifest))


def accept(run: Run, key: str, user: User | None = None) -> tuple[Action, bool]:
    """The proposal as an action, accepted; the action and whether it is new.

    NotFoundError where the run proposes no such thing; ConflictError where a person has rejected
    it or put it off.
    """
    proposed = _named(run, key)
    if proposed.action is not None and not proposed.can_be_accepted:
        return _already(proposed.action), False
    number = _number(proposed.action) + 1 if proposed.action else 1
    proposal = key if number == 1 else f"{key}{_SEPARATOR}{number}"
    try:
        return create_action(run.project, _as_action(proposed, proposal), user), True
    except IntegrityError:
        # Somebody else has accepted it at the same moment: there is one action for both.
        return run.project.actions.get(proposal=proposal), False


def _named(run: Run, key: str) -> Proposed:
    found = next((one for one in of_run(run).proposals if one.proposal.key == key), None)
    if found is None:
        raise NotFoundError("proposal_not_found", f"Run {run.pk} proposes no '{key[:200]}'.")
    return found


def _already(action: Action) -> Action:
    if action.state in (Action.State.REJECTED, Action.State.DEFERRED):
        raise ConflictError(
            "proposal_settled",
            f"{action.ref} is this proposal and is {action.state}; move that action instead.",
            [Fault("key", f"is {action.ref}")],
        )
    return action


def _number(action: Action) -> int:
    _, _, number = (action.proposal or "").partition(_SEPARATOR)
    return int(number) if number.isdigit() else 1


def _actions(project: Project) -> dict[str, Action]:
    """By key, the newest of each."""
    made = project.actions.exclude(proposal=None).order_by("number")
    return {(one.proposal or "").partition(_SEPARATOR)[0]: one for one in made}


def _as_action(proposed: Proposed, key: str) -> NewAction:
    one, run = proposed.proposal, proposed.run
    return NewAction(
        title=one.title[:200],
        description=f"{one.reasoning}\n\nExpected: {one.expected_gain}. {one.gain_reasoning}",
        kind=one.kind,
        area=one.area,
        impact=one.impact,
        effort=one.effort,
        risk=one.risk,
        expected_gain=one.expected_gain[:200],
        campaign=run.campaign,
        environment=run.environment,
        findings=[
            {"kind": each.kind, "run": str(run.pk), "scenario": each.scenario, "text": each.text}
            for each in one.evidence
        ],
        proposal=key,
        state=Action.State.ACCEPTED,
        evidence=[run],
        criteria=[NewCriterion(text) for text in one.criteria],
    )
