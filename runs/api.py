"""The read API and the tracker's: authorise, call one function, shape the answer."""

import time
from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Query, Router, Status
from pydantic import Field

from runs import reports, retention, tuning
from runs.access import Access
from runs.documents import plain
from runs.errors import Fault, RefusedError
from runs.models import Action, ActionEvent, Retest, Run
from runs.paging import Place
from runs.schemas import (
    ActionChange,
    ActionIn,
    ActionOut,
    ActionsOut,
    CriterionIn,
    CriterionOut,
    ErrorOut,
    EventOut,
    FileOut,
    ProjectIn,
    ProjectOut,
    ProjectsOut,
    RetestIn,
    RetestOut,
    RunIn,
    RunOut,
    RunQuery,
    RunsOut,
    VerdictOut,
)

LONGEST_WAIT_S: Final = 120
_POLLS_EVERY_S: Final = 0.25
_REFUSALS: Final = dict.fromkeys((401, 403, 404, 409, 422), ErrorOut)

router = Router()


class ApiRequest(HttpRequest):
    """A request that was let in; `auth` says what its sender may do."""

    auth: Access


Page = Annotated[int, Field(ge=1, le=1_000_000)]
PerPage = Annotated[int, Field(ge=1, le=500)]


@router.get("projects", response={200: ProjectsOut, **_REFUSALS}, tags=["projects"])
def list_projects(request: ApiRequest, page: Page = 1, per_page: PerPage = 50) -> dict[str, Any]:
    request.auth.require("read", "upload")
    return _page(request, request.auth.projects(), page, per_page)


@router.get("projects/{project}", response={200: ProjectOut, **_REFUSALS}, tags=["projects"])
def get_project(request: ApiRequest, project: str) -> Model:
    request.auth.require("read", "upload")
    return request.auth.project(project)


@router.patch("projects/{project}", response={200: ProjectOut, **_REFUSALS}, tags=["projects"])
def change_project(request: ApiRequest, project: str, change: ProjectIn) -> Model:
    request.auth.require("admin")
    found = request.auth.project(project)
    given = change.model_dump(exclude_unset=True)
    for name, value in given.items():
        setattr(found, name, value)
    found.save(update_fields=list(given))
    return found


@router.get("runs", response={200: RunsOut, **_REFUSALS}, tags=["runs"])
def list_runs(request: ApiRequest, query: Query[RunQuery]) -> dict[str, Any]:
    request.auth.require("read")
    _check_filters(request)
    runs = request.auth.deleted_runs() if query.is_deleted else request.auth.runs()
    return _run_page(request, reports.selected(runs, query.wanted()), query)


def _run_page(request: ApiRequest, found: QuerySet[Run], query: RunQuery) -> dict[str, Any]:
    """One page of runs; `next` goes on behind the last of them, whatever comes in meanwhile."""
    count = found.count()
    first = 0 if query.after else (query.page - 1) * query.per_page
    behind = Place.read(query.after).after(found) if query.after else found
    rows = list(behind[first : first + query.per_page + 1])
    items, following = rows[: query.per_page], None
    if len(rows) > len(items):
        address = request.GET.copy()
        address.pop("page", None)
        address["after"] = str(Place.of(items[-1]))
        following = request.build_absolute_uri(f"{request.path}?{address.urlencode()}")
    return {"items": items, "count": count, "next": following}


def _check_filters(request: ApiRequest) -> None:
    """A filter that is mistyped must not answer with every run there is."""
    known = sorted(RunQuery.model_fields)
    unknown = [name for name in request.GET if name not in known]
    if unknown:
        raise RefusedError(
            "filter_unknown",
            f"There is no filter '{unknown[0]}'; there are {', '.join(known)}.",
            [Fault(f"query.{name}", "is not known") for name in unknown],
        )


@router.get("runs/{run_id}", response={200: RunOut, **_REFUSALS}, tags=["runs"])
def get_run(request: ApiRequest, run_id: UUID) -> Run:
    request.auth.require("read", "upload")
    return request.auth.run(run_id)


@router.patch("runs/{run_id}", response={200: RunOut, **_REFUSALS}, tags=["runs"])
def change_run(request: ApiRequest, run_id: UUID, change: RunIn) -> Run:
    """Labels are replaced as a whole."""
    request.auth.require("triage")
    run = request.auth.run(run_id)
    given = change.model_dump(exclude_none=True)
    for name, value in given.items():
        setattr(run, name, value)
    run.save(update_fields=list(given))
    return run


@router.delete("runs/{run_id}", response={204: None, **_REFUSALS}, tags=["runs"])
def delete_run(request: ApiRequest, run_id: UUID) -> Status[None]:
    """Take a run out of every list; it can be restored until it is purged. 409 for a baseline, a
    pinned run, one that an open action rests on, and one that is being processed."""
    request.auth.require("triage")
    retention.delete(request.auth.run(run_id), request.auth.name, timezone.now())
    return Status(204, None)


@router.get("runs/{run_id}/report", response={200: dict[str, Any], **_REFUSALS}, tags=["runs"])
def get_report(request: ApiRequest, run_id: UUID) -> HttpResponse:
    """The document `headroom-report/1`, the same as `loadrunner report --format json`; 409 until
    the run is ready."""
    request.auth.require("read")
    return JsonResponse(reports.document(request.auth.run(run_id, documents=True)))


@router.get("runs/{run_id}/timeseries", response={200: dict[str, Any], **_REFUSALS}, tags=["runs"])
def get_timeseries(request: ApiRequest, run_id: UUID) -> HttpResponse:
    """A value a second (or a wider bin, `bin_s`) for the whole run and each scenario, the phases
    and the probe readings on the same clock; 409 until the run is ready."""
    request.auth.require("read")
    run = request.auth.run(run_id, documents=True)
    reports.require_ready(run)
    return JsonResponse(run.timeline or {})


@router.get("runs/{run_id}/files", response={200: list[FileOut], **_REFUSALS}, tags=["runs"])
def list_files(request: ApiRequest, run_id: UUID) -> list[Any]:
    request.auth.require("read", "upload")
    return list(request.auth.run(run_id).files.all())


@router.get("runs/{run_id}/verdict", response={200: VerdictOut, **_REFUSALS}, tags=["runs"])
def get_verdict(
    request: ApiRequest,
    run_id: UUID,
    baseline: UUID | None = None,
    wait: Annotated[int, Field(ge=0, le=LONGEST_WAIT_S)] = 0,
) -> dict[str, Any]:
    """Waits up to `wait` seconds for the run to be ready or failed. With `baseline` the run's
    criteria are judged anew against that run."""
    request.auth.require("read", "upload")
    request.auth.run(run_id)
    _await(run_id, wait)
    run = request.auth.run(run_id, documents=True)
    against = request.auth.run(baseline, documents=True) if baseline else None
    return _verdict_out(request, reports.verdict_of(run, against))


def _await(run_id: UUID, seconds: int) -> None:
    """Polls: whoever finishes the run may be another process."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not reports.is_settled(run_id):
        time.sleep(_POLLS_EVERY_S)


def _verdict_out(request: ApiRequest, found: reports.Verdict) -> dict[str, Any]:
    return {
        "run": found.run.pk,
        "processing": found.run.processing,
        "stage": found.run.stage,
        "reason": found.run.reason,
        "validity": found.validity or None,
        "verdict": found.verdict or None,
        "criteria": found.criteria,
        "actions": [_touched(retest) for retest in found.retests],
        "url": request.build_absolute_uri(found.run.get_absolute_url()),
    }


def _touched(retest: Retest) -> dict[str, Any]:
    action = retest.action
    return {
        "id": action.pk,
        "ref": action.ref,
        "title": action.title,
        "retest": retest.outcome,
        "reason": retest.reason,
        "state": action.state,
    }


@router.get("compare", response={200: dict[str, Any], **_REFUSALS}, tags=["runs"])
def compare(request: ApiRequest, runs: str) -> HttpResponse:
    """Two to six run ids, separated by commas; the first is what the others are held against."""
    request.auth.require("read")
    ids = [_run_id(text.strip(), "runs") for text in runs.split(",") if text.strip()]
    found = [request.auth.run(run_id, documents=True) for run_id in dict.fromkeys(ids)]
    return JsonResponse(plain(reports.compare(found)))


@router.get("projects/{project}/actions", response={200: ActionsOut, **_REFUSALS}, tags=["actions"])
def list_actions(
    request: ApiRequest, project: str, state: str = "", page: Page = 1, per_page: PerPage = 50
) -> dict[str, Any]:
    request.auth.require("read")
    found = _with_details(request.auth.actions()).filter(project=request.auth.project(project))
    if state:
        found = found.filter(state=state)
    return _page(request, found, page, per_page)


@router.post("projects/{project}/actions", response={201: ActionOut, **_REFUSALS}, tags=["actions"])
def create_action(request: ApiRequest, project: str, new: ActionIn) -> Status[Action]:
    request.auth.require("triage")
    found = request.auth.project(project)
    described = new.model_dump(exclude={"evidence", "baseline", "criteria"})
    action = tuning.create_action(
        found,
        tuning.NewAction(
            evidence=_runs(request, new.evidence),
            baseline=request.auth.run(new.baseline) if new.baseline else None,
            criteria=[tuning.NewCriterion(one.text, one.by) for one in new.criteria],
            **described,
        ),
        request.auth.user,
    )
    return Status(201, _detailed(request, action.pk))


@router.get("actions/{action_id}", response={200: ActionOut, **_REFUSALS}, tags=["actions"])
def get_action(request: ApiRequest, action_id: int) -> Action:
    request.auth.require("read")
    return _detailed(request, action_id)


@router.patch("actions/{action_id}", response={200: ActionOut, **_REFUSALS}, tags=["actions"])
def change_action(request: ApiRequest, action_id: int, change: ActionChange) -> Action:
    """Columns first, then the state; 409 where the state cannot be reached by hand."""
    request.auth.require("triage")
    action = request.auth.action(action_id)
    given = change.model_dump(exclude_unset=True)
    to, detail = given.pop("state", None), given.pop("detail", "")
    since = given.pop("implemented_at", None)
    if "evidence" in given:
        given["evidence"] = _runs(request, given["evidence"])
    if given.get("baseline"):
        given["baseline"] = request.auth.run(given["baseline"])
    if given:
        tuning.edit(action, given, request.auth.user)
    if to is not None:
        tuning.transition(action, to, request.auth.user, detail, since)
    return _detailed(request, action_id)


@router.get(
    "actions/{action_id}/criteria",
    response={200: list[CriterionOut], **_REFUSALS},
    tags=["actions"],
)
def list_criteria(request: ApiRequest, action_id: int) -> list[Any]:
    request.auth.require("read")
    return list(request.auth.action(action_id).criteria.all())


@router.post(
    "actions/{action_id}/criteria", response={201: CriterionOut, **_REFUSALS}, tags=["actions"]
)
def add_criterion(request: ApiRequest, action_id: int, new: CriterionIn) -> Status[Any]:
    request.auth.require("triage")
    action = request.auth.action(action_id)
    made = tuning.add_criterion(action, tuning.NewCriterion(new.text, new.by), request.auth.user)
    return Status(201, made)


@router.get(
    "actions/{action_id}/retests", response={200: list[RetestOut], **_REFUSALS}, tags=["actions"]
)
def list_retests(request: ApiRequest, action_id: int) -> list[Any]:
    """The newest run first."""
    request.auth.require("read")
    return list(request.auth.action(action_id).retests.all())


@router.post(
    "actions/{action_id}/retests", response={200: RetestOut, **_REFUSALS}, tags=["actions"]
)
def retest_now(request: ApiRequest, action_id: int, new: RetestIn) -> Retest:
    """Hold a run that is there already against the action; a first outcome moves its state."""
    request.auth.require("triage")
    action = request.auth.action(action_id)
    return tuning.retest_now(action, request.auth.run(new.run, documents=True))


@router.get(
    "actions/{action_id}/events", response={200: list[EventOut], **_REFUSALS}, tags=["actions"]
)
def list_events(request: ApiRequest, action_id: int) -> list[dict[str, Any]]:
    """The action's history, the oldest first."""
    request.auth.require("read")
    events = request.auth.action(action_id).events.select_related("user")
    return [_event_out(event) for event in events]


def _event_out(event: ActionEvent) -> dict[str, Any]:
    return {
        "at": event.at,
        "kind": event.kind,
        "from_state": event.from_state,
        "to_state": event.to_state,
        "by": event.user.get_username() if event.user else "",
        "run": event.run_id,
        "detail": event.detail,
    }


def _detailed(request: ApiRequest, action_id: int) -> Action:
    found = _with_details(request.auth.actions()).filter(pk=action_id).first()
    return found or request.auth.action(action_id)


def _with_details(actions: QuerySet[Action]) -> QuerySet[Action]:
    """With everything that ActionOut shows, in a fixed number of queries."""
    runs = Run.objects.only("pk")
    return actions.defer(*(f"baseline__{name}" for name in Run.DOCUMENTS)).prefetch_related(
        "criteria", "retests", Prefetch("evidence", queryset=runs)
    )


def _runs(request: ApiRequest, ids: Sequence[UUID]) -> list[Run]:
    return [request.auth.run(run_id) for run_id in ids]


def _run_id(text: str, at: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise RefusedError(
            "run_id", f"'{text}' is not the id of a run.", [Fault(at, f"'{text}' is no UUID")]
        ) from error


def _page(request: ApiRequest, rows: QuerySet[Any], page: int, per_page: int) -> dict[str, Any]:
    """One page, how many there are in all, and the address of the next page."""
    count = rows.count()
    first = (page - 1) * per_page
    items = list(rows[first : first + per_page])
    following = None
    if first + per_page < count:
        query = request.GET.copy()
        query["page"] = str(page + 1)
        following = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
    return {"items": items, "count": count, "next": following}
