"""The shapes of the tracker's API: actions, their criteria and re-tests, proposals, webhooks."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from runs.models import Action, ActionCriterion, ActionEvent, Retest
from runs.schemas import In, Labels, Line, Text
from runs.tuning import trial

Level = Literal["low", "medium", "high"]
Kind = Literal["quick_win", "structural"]
Area = Literal["database", "cache", "rate_limit", "llm", "cpu", "other"]
State = Literal[
    "proposed",
    "accepted",
    "implemented",
    "verified",
    "failed",
    "regressed",
    "rejected",
    "deferred",
]
By = Literal["point", "interval"]
CriterionText = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00\r\n]*$")]
Priority = Annotated[int, Field(ge=0, le=12)]
Reason = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
NeededRuns = Annotated[int, Field(ge=1, le=20)]
WebhookEvent = Literal[
    "run.ready",
    "run.verdict",
    "action.verified",
    "action.failed",
    "action.regressed",
    "change.suspected",
    "change.confirmed",
]


class CriterionIn(In):
    text: CriterionText
    by: By = "interval"


class TrialIn(In):
    """A criterion to be tried on a run before it is used."""

    text: CriterionText
    by: By = "interval"
    run: UUID


class TrialOut(Schema):
    """`judgement` is an entry of a report's `criteria`; `advice` says what it means."""

    is_evaluable: bool
    fails_today: bool
    advice: str
    judgement: dict[str, Any]


class CriterionOut(Schema):
    """`trial` is what the evidence said when the criterion was written, null without evidence."""

    id: int
    text: str
    by: By
    version: int
    trial: TrialOut | None

    @staticmethod
    def resolve_trial(written: ActionCriterion) -> TrialOut | None:
        return trial_out(written.trial)


class RetestOut(Schema):
    """`figures` has an entry for each criterion, as in the report's `criteria`.

    The run was the `look`-th to judge the change, and `is_clear` where one that has looked so
    often may still believe it.
    """

    id: int
    run: UUID
    outcome: str
    reason: str
    figures: list[dict[str, Any]]
    look: int | None
    is_clear: bool
    created_at: datetime

    @staticmethod
    def resolve_run(retest: Retest) -> UUID:
        return retest.run_id


class RetestIn(In):
    run: UUID


class EventOut(Schema):
    at: datetime
    kind: str
    from_state: str
    to_state: str
    by: str
    run: UUID | None
    detail: str
    figures: list[dict[str, Any]]

    @staticmethod
    def resolve_by(event: ActionEvent) -> str:
        return event.user.get_username() if event.user else ""

    @staticmethod
    def resolve_run(event: ActionEvent) -> UUID | None:
        return event.run_id


class CommentIn(In):
    text: Annotated[Text, Field(min_length=1)]


class LinkIn(In):
    title: Line = ""
    url: Annotated[Line, Field(min_length=1)]


class FindingIn(In):
    """A saturation point or a bottleneck that the action rests on."""

    kind: Literal["saturation", "bottleneck", "figures"]
    run: UUID | None = None
    scenario: Line | None = None
    text: Text


class ActionOut(Schema):
    """`priority` is the one that counts, `computed_priority` what the rule says (0 to 12, the
    highest first). `baseline_advice` says what is missing for relative criteria."""

    id: int
    number: int
    ref: str
    project: str
    title: str
    description: str
    state: State
    kind: Kind
    area: Area
    impact: Level
    effort: Level
    risk: Level
    priority: int
    computed_priority: int
    own_priority: int | None
    priority_reason: str
    expected_gain: str
    owner: str
    due: date | None
    deferred_until: date | None
    accepted_at: datetime | None
    implemented_at: datetime | None
    campaign: str
    environment: str
    labels: dict[str, str]
    needed_runs: int
    evidence: list[UUID]
    findings: list[dict[str, Any]]
    links: list[dict[str, str]]
    baseline: UUID | None
    baseline_advice: str
    criteria: list[CriterionOut]
    last_retest: RetestOut | None
    created_at: datetime
    url: str

    @staticmethod
    def resolve_project(action: Action) -> str:
        return action.project.slug

    @staticmethod
    def resolve_evidence(action: Action) -> list[UUID]:
        return [run.pk for run in action.evidence.all()]

    @staticmethod
    def resolve_baseline(action: Action) -> UUID | None:
        return action.baseline_id

    @staticmethod
    def resolve_criteria(action: Action) -> list[Any]:
        return list(action.criteria.all())

    @staticmethod
    def resolve_url(action: Action, context: Any) -> str:
        return str(context["request"].build_absolute_uri(action.get_absolute_url()))


class ActionsOut(Schema):
    items: list[ActionOut]
    count: int
    next: str | None


class ActionIn(In):
    """A new action. `evidence` and `baseline` are run ids of the same project."""

    title: Annotated[Line, Field(min_length=1)]
    description: Text = ""
    kind: Kind = "quick_win"
    area: Area = "other"
    impact: Level = "medium"
    effort: Level = "medium"
    risk: Level = "low"
    own_priority: Priority | None = None
    priority_reason: Reason = ""
    expected_gain: Line = ""
    owner: Line = ""
    due: date | None = None
    campaign: Line = ""
    environment: Line = ""
    labels: Labels = {}
    needed_runs: NeededRuns = 1
    links: Annotated[list[LinkIn], Field(max_length=50)] = []
    findings: Annotated[list[FindingIn], Field(max_length=50)] = []
    state: State = "proposed"
    implemented_at: datetime | None = None
    evidence: list[UUID] = []
    baseline: UUID | None = None
    criteria: list[CriterionIn] = []


class ActionChange(In):
    """What is left out stays as it is: the defaults are never used. `state` moves the action, with
    `detail` as the reason, `implemented_at` as the moment since when the change is live, and
    `deferred_until` as the day until when it is put off."""

    title: Annotated[Line, Field(min_length=1)] = ""
    description: Text = ""
    kind: Kind = "quick_win"
    area: Area = "other"
    impact: Level = "medium"
    effort: Level = "medium"
    risk: Level = "low"
    own_priority: Priority | None = None
    priority_reason: Reason = ""
    expected_gain: Line = ""
    owner: Line = ""
    due: date | None = None
    campaign: Line = ""
    environment: Line = ""
    labels: Labels = {}
    needed_runs: NeededRuns = 1
    links: Annotated[list[LinkIn], Field(max_length=50)] = []
    findings: Annotated[list[FindingIn], Field(max_length=50)] = []
    evidence: list[UUID] = []
    baseline: UUID | None = None
    state: State = "proposed"
    implemented_at: datetime | None = None
    deferred_until: date | None = None
    detail: Text = ""


def trial_out(document: dict[str, Any] | None) -> TrialOut | None:
    """A trial as it is kept, with what it means."""
    if document is None:
        return None
    return TrialOut(
        is_evaluable=document["is_evaluable"],
        fails_today=document["verdict"] == "fail",
        advice=trial.advice(document),
        judgement=document,
    )
