"""The tracker's API: actions, their criteria, re-tests and history."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from ninja import Router, Status
from pydantic import Field

from runs import reports, tuning
from runs.api import REFUSALS, ApiRequest, Page, PerPage, one_page
from runs.errors import NotFoundError
from runs.models import Action, ActionCriterion, Retest, Run
from runs.tuning import baseline, trial
from runs.tuning.criterion import parsed, try_again
from runs.tuning_schemas import (
    ActionChange,
    ActionIn,
    ActionOut,
    ActionsOut,
    CommentIn,
    CriterionIn,
    CriterionOut,
    EventOut,
    RetestIn,
    RetestOut,
    TrialIn,
    TrialOut,
    trial_out,
)

router = Router(tags=["actions"])
Ref = Annotated[str, Field(pattern=r"^(ACT-[1-9][0-9]{0,8})?$")]


@router.get("projects/{project}/actions", response={200: ActionsOut, **REFUSALS})
def list_actions(
    request: ApiRequest,
    project: str,
    state: str = "",
    ref: Ref = "",
    page: Page = 1,
    per_page: PerPage = 50,
) -> dict[str, Any]:
    """`ref` finds the one that people call ACT-12: a token that uploads may do that as well, so
    that CI can re-test."""
    request.auth.require(*(("read", "upload") if ref else ("read",)))
    found = _with_details(request.auth.actions()).filter(project=request.auth.project(project))
    if state:
        found = found.filter(state=state)
    if ref:
        found = found.filter(number=int(ref.removeprefix("ACT-")))
    shown = one_page(request, found, page, per_page)
    return shown | {"items": _described(shown["items"])}


@router.post("projects/{project}/actions", response={201: ActionOut, **REFUSALS})
def create_action(request: ApiRequest, project: str, new: ActionIn) -> Status[Action]:
    """Its criteria are tried on the evidence at once: see `criteria[].trial`."""
    request.auth.require("triage")
    found = request.auth.project(project)
    described = new.model_dump(exclude={"evidence", "baseline", "criteria", "findings"})
    action = tuning.create_action(
        found,
        tuning.NewAction(
            evidence=_runs(request, new.evidence),
            baseline=request.auth.run(new.baseline) if new.baseline else None,
            criteria=[tuning.NewCriterion(one.text, one.by) for one in new.criteria],
            findings=[one.model_dump(mode="json") for one in new.findings],
            **described,
        ),
        request.auth.user,
    )
    return Status(201, detailed(request, action.pk))


@router.get("actions/{action_id}", response={200: ActionOut, **REFUSALS})
def get_action(request: ApiRequest, action_id: int) -> Action:
    request.auth.require("read")
    return detailed(request, action_id)


@router.patch("actions/{action_id}", response={200: ActionOut, **REFUSALS})
def change_action(request: ApiRequest, action_id: int, change: ActionChange) -> Action:
    """Columns first, then the state; 409 where the state cannot be reached by hand."""
    request.auth.require("triage")
    action = request.auth.action(action_id)
    given = change.model_dump(exclude_unset=True)
    to, detail = given.pop("state", None), given.pop("detail", "")
    since, until = given.pop("implemented_at", None), given.pop("deferred_until", None)
    if "evidence" in given:
        given["evidence"] = _runs(request, given["evidence"])
    if given.get("baseline"):
        given["baseline"] = request.auth.run(given["baseline"])
    if "findings" in given:
        given["findings"] = [one.model_dump(mode="json") for one in change.findings]
    if given:
        tuning.edit(action, given, request.auth.user)
    if "evidence" in given:
        try_again(action)
    if to is not None:
        tuning.transition(action, to, request.auth.user, detail, since, until)
    return detailed(request, action_id)


@router.get("actions/{action_id}/criteria", response={200: list[CriterionOut], **REFUSALS})
def list_criteria(request: ApiRequest, action_id: int) -> list[Any]:
    request.auth.require("read")
    return list(request.auth.action(action_id).criteria.all())


@router.post("actions/{action_id}/criteria", response={201: CriterionOut, **REFUSALS})
def add_criterion(request: ApiRequest, action_id: int, new: CriterionIn) -> Status[Any]:
    request.auth.require("triage")
    action = request.auth.action(action_id)
    made = tuning.add_criterion(action, tuning.NewCriterion(new.text, new.by), request.auth.user)
    return Status(201, made)


@router.put("actions/{action_id}/criteria/{criterion_id}", response={200: CriterionOut, **REFUSALS})
def change_criterion(
    request: ApiRequest, action_id: int, criterion_id: int, new: CriterionIn
) -> ActionCriterion:
    """A new version of the criterion: outcomes say by which version they were judged."""
    request.auth.require("triage")
    written = _criterion(request, action_id, criterion_id)
    return tuning.change_criterion(
        written, tuning.NewCriterion(new.text, new.by), request.auth.user
    )


@router.delete("actions/{action_id}/criteria/{criterion_id}", response={204: None, **REFUSALS})
def remove_criterion(request: ApiRequest, action_id: int, criterion_id: int) -> Status[None]:
    request.auth.require("triage")
    tuning.remove_criterion(_criterion(request, action_id, criterion_id), request.auth.user)
    return Status(204, None)


@router.post("projects/{project}/criteria/trial", response={200: TrialOut, **REFUSALS})
def try_criterion(request: ApiRequest, project: str, new: TrialIn) -> TrialOut | None:
    """Whether a criterion can be evaluated on a run, and whether it fails there, as one that asks
    for a gain should. Nothing is kept."""
    request.auth.require("read")
    request.auth.project(project)
    parsed(new.text, "text")
    run = request.auth.run(new.run, documents=True)
    reports.require_ready(run)
    return trial_out(trial.of(new.text, new.by, run).document)


@router.get("actions/{action_id}/retests", response={200: list[RetestOut], **REFUSALS})
def list_retests(
    request: ApiRequest, action_id: int, limit: Annotated[int, Field(ge=1, le=10_000)] = 500
) -> list[Any]:
    """The newest run first, `limit` of them at most."""
    request.auth.require("read")
    return list(request.auth.action(action_id).retests.all()[:limit])


@router.post("actions/{action_id}/retests", response={200: RetestOut, **REFUSALS})
def retest_now(request: ApiRequest, action_id: int, new: RetestIn) -> Retest:
    """Hold a run that is there already against the action; it moves its state as a new one
    would."""
    request.auth.require("triage")
    action = request.auth.action(action_id)
    return tuning.retest_now(action, request.auth.run(new.run, documents=True))


@router.get("actions/{action_id}/events", response={200: list[EventOut], **REFUSALS})
def list_events(request: ApiRequest, action_id: int) -> list[Any]:
    """The action's history, the oldest first."""
    request.auth.require("read")
    return list(request.auth.action(action_id).events.select_related("user"))


@router.post("actions/{action_id}/comments", response={201: EventOut, **REFUSALS})
def add_comment(request: ApiRequest, action_id: int, new: CommentIn) -> Status[Any]:
    request.auth.require("triage")
    action = request.auth.action(action_id)
    return Status(201, tuning.comment(action, new.text, request.auth.user))


def detailed(request: ApiRequest, action_id: int) -> Action:
    found = _with_details(request.auth.actions()).filter(pk=action_id)
    return _described(list(found) or [request.auth.action(action_id)])[0]


def _with_details(actions: QuerySet[Action]) -> QuerySet[Action]:
    return actions.defer(*(f"baseline__{name}" for name in Run.DOCUMENTS)).prefetch_related(
        "criteria", Prefetch("evidence", queryset=Run.objects.only("pk"))
    )


def _described(actions: Sequence[Action]) -> list[Action]:
    """With everything that ActionOut shows, in a fixed number of queries."""
    newest = tuning.newest_of(actions, Retest.objects.all())
    fair = baseline.of_each(actions)
    for one in actions:
        vars(one)["last_retest"] = newest.get(one.pk)
        vars(one)["baseline_advice"] = baseline.advice(one, fair.get(one.pk))
    return list(actions)


def _criterion(request: ApiRequest, action_id: int, criterion_id: int) -> ActionCriterion:
    action = request.auth.action(action_id)
    found = action.criteria.filter(pk=criterion_id).first()
    if found is None:
        raise NotFoundError("criterion_not_found", f"{action.ref} has no criterion {criterion_id}.")
    return found


def _runs(request: ApiRequest, ids: Sequence[UUID]) -> list[Run]:
    return [request.auth.run(run_id) for run_id in ids]
