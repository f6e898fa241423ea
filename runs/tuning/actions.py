"""Actions as people and programs write them: made, edited, commented on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from runs.analysis import priority
from runs.errors import Fault, RefusedError
from runs.models import Action, ActionEvent, Project, Run
from runs.models.action_state import JUDGED, OPENS_AS
from runs.tuning import criterion
from runs.tuning.criterion import NewCriterion

State = Action.State


@dataclass(frozen=True)
class NewAction:
    """An action as a person or a program describes it.

    `findings` are `{"kind": "saturation"|"bottleneck"|"figures", "run", "scenario", "text"}`,
    `links` are `{"title", "url"}`. `proposal` is the key of the proposal that it comes from.
    """

    title: str
    description: str = ""
    kind: str = Action.Kind.QUICK_WIN
    area: str = Action.Area.OTHER
    impact: str = Action.Level.MEDIUM
    effort: str = Action.Level.MEDIUM
    risk: str = Action.Level.LOW
    own_priority: int | None = None
    priority_reason: str = ""
    expected_gain: str = ""
    owner: str = ""
    due: date | None = None
    campaign: str = ""
    environment: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    needed_runs: int = 1
    links: Sequence[Mapping[str, str]] = ()
    findings: Sequence[Mapping[str, Any]] = ()
    proposal: str | None = None
    state: str = State.PROPOSED
    implemented_at: datetime | None = None
    evidence: Sequence[Run] = ()
    baseline: Run | None = None
    criteria: Sequence[NewCriterion] = ()


_COLUMNS: Final = (
    "title",
    "description",
    "kind",
    "area",
    "impact",
    "effort",
    "risk",
    "own_priority",
    "priority_reason",
    "expected_gain",
    "owner",
    "due",
    "campaign",
    "environment",
    "labels",
    "needed_runs",
    "links",
    "findings",
    "proposal",
    "state",
    "baseline",
)


def create_action(project: Project, new: NewAction, user: User | None = None) -> Action:
    """Make an action with the project's next number; its criteria are tried on the evidence.

    Raises RefusedError where a criterion cannot be read or a run is of another project.
    """
    for at, one in enumerate(new.criteria):
        criterion.parsed(one.text, f"criteria.{at}.text")
    columns: dict[str, Any] = {name: getattr(new, name) for name in _COLUMNS}
    columns["links"] = [dict(one) for one in new.links]
    columns["findings"] = [dict(one) for one in new.findings]
    _check(project, columns | {"evidence": new.evidence})
    now = timezone.now()
    if new.state in JUDGED:
        columns["accepted_at"] = now
    if new.state == State.IMPLEMENTED:
        columns["implemented_at"] = new.implemented_at or now
        columns["accepted_at"] = min(now, columns["implemented_at"])
    with transaction.atomic():
        action = Action.objects.create(
            project=project, number=_next_number(project), created_by=user, **columns
        )
        action.evidence.set(new.evidence)
        ActionEvent.objects.create(
            action=action, at=now, kind=ActionEvent.Kind.CREATED, to_state=new.state, user=user
        )
    criterion.write_down(action, new.criteria)
    return action


def _next_number(project: Project) -> int:
    """Two that make an action at once wait for each other here."""
    Project.objects.select_for_update().get(pk=project.pk)
    highest: int | None = project.actions.aggregate(highest=Max("number"))["highest"]
    return (highest or 0) + 1


def edit(action: Action, changes: Mapping[str, Any], user: User | None = None) -> None:
    """Set the named columns (not the state) and note which."""
    _check(action.project, changes, action)
    columns = {name: one for name, one in changes.items() if name != "evidence"}
    with transaction.atomic():
        for name, value in columns.items():
            setattr(action, name, value)
        if columns:
            action.save(update_fields=list(columns))
        if "evidence" in changes:
            action.evidence.set(changes["evidence"])
        ActionEvent.objects.create(
            action=action,
            at=timezone.now(),
            kind=ActionEvent.Kind.EDITED,
            user=user,
            detail=f"Changed: {', '.join(name.replace('_', ' ') for name in changes)}",
        )


def comment(action: Action, text: str, user: User | None = None) -> ActionEvent:
    """A remark that stays in the action's history."""
    words = text.strip()
    if not words:
        raise RefusedError("comment", "The comment is empty.", [Fault("text", "write something")])
    return ActionEvent.objects.create(
        action=action, at=timezone.now(), kind=ActionEvent.Kind.COMMENT, user=user, detail=words
    )


def _check(project: Project, given: Mapping[str, Any], action: Action | None = None) -> None:
    """What the database would refuse as well, in words and with its place."""
    check_runs(project, list(given.get("evidence") or ()), "evidence")
    check_runs(project, [given["baseline"]] if given.get("baseline") else [], "baseline")
    _check_links(given.get("links") or ())
    _check_priority(given, action)
    state = given.get("state", State.PROPOSED)
    if state not in OPENS_AS:
        raise RefusedError(
            "state",
            f"An action cannot begin as {state}; it begins as {', '.join(OPENS_AS)}.",
            [Fault("state", f"allowed are {', '.join(OPENS_AS)}")],
        )


def check_runs(project: Project, named: Sequence[Run], at: str) -> None:
    for run in named:
        if run.project_id != project.pk:
            raise RefusedError(
                "other_project",
                f"Run {run.pk} is of another project, so it says nothing about this one.",
                [Fault(at, str(run.pk))],
            )


def _check_links(links: Sequence[Mapping[str, str]]) -> None:
    """Only what a browser may safely follow."""
    for at, link in enumerate(links):
        parts = urlsplit(link.get("url", ""))
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise RefusedError(
                "link",
                f"'{link.get('url', '')}' is no address; a link begins with https:// or http://.",
                [Fault(f"links.{at}.url", "https://… is expected")],
            )


def _check_priority(given: Mapping[str, Any], action: Action | None) -> None:
    """A priority of one's own needs its reason, and a reason its priority."""
    own = given.get("own_priority", action.own_priority if action else None)
    reason = given.get("priority_reason", action.priority_reason if action else "")
    if own is not None and not 0 <= own <= priority.HIGHEST:
        raise RefusedError(
            "priority",
            f"{own} is no priority; it goes from 0 to {priority.HIGHEST}, the highest.",
            [Fault("own_priority", f"0 to {priority.HIGHEST}")],
        )
    if (own is None) != (reason == ""):
        at = "priority_reason" if own is not None else "own_priority"
        raise RefusedError(
            "priority",
            "A priority that overrules the computed one needs a reason, and the other way round.",
            [Fault(at, "is missing")],
        )
