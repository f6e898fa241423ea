"""The read API: authorise, call one function, shape the answer."""

from threading import BoundedSemaphore
from typing import Annotated, Any, Final
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Query, Router, Status
from pydantic import Field

from runs import reports, retention, settling, tagged
from runs.access import Access
from runs.documents import plain
from runs.errors import Fault, RefusedError
from runs.models import Retest, Run
from runs.paging import Place
from runs.schemas import (
    ErrorOut,
    FileOut,
    ProjectIn,
    ProjectOut,
    ProjectsOut,
    RunIn,
    RunOut,
    RunQuery,
    RunsOut,
    VerdictOut,
)

LONGEST_WAIT_S: Final = 120
# A call that waits holds a thread of the server: half of the sixteen that it should have.
MOST_WAITING: Final = 8
waiting: Final = BoundedSemaphore(MOST_WAITING)
REFUSALS: Final = dict.fromkeys((401, 403, 404, 409, 422, 429), ErrorOut)

router = Router()


class ApiRequest(HttpRequest):
    """A request that was let in; `auth` says what its sender may do."""

    auth: Access


Page = Annotated[int, Field(ge=1, le=1_000_000)]
PerPage = Annotated[int, Field(ge=1, le=500)]


@router.get("projects", response={200: ProjectsOut, **REFUSALS}, tags=["projects"])
def list_projects(request: ApiRequest, page: Page = 1, per_page: PerPage = 50) -> dict[str, Any]:
    request.auth.require("read", "upload")
    return one_page(request, request.auth.projects(), page, per_page)


@router.get("projects/{project}", response={200: ProjectOut, **REFUSALS}, tags=["projects"])
def get_project(request: ApiRequest, project: str) -> Model:
    request.auth.require("read", "upload")
    return request.auth.project(project)


@router.patch("projects/{project}", response={200: ProjectOut, **REFUSALS}, tags=["projects"])
def change_project(request: ApiRequest, project: str, change: ProjectIn) -> Model:
    request.auth.require("admin")
    found = request.auth.project(project)
    given = change.model_dump(exclude_unset=True)
    for name, value in given.items():
        setattr(found, name, value)
    found.save(update_fields=list(given))
    return found


@router.get("runs", response={200: RunsOut, **REFUSALS}, tags=["runs"])
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


@router.get("runs/{run_id}", response={200: RunOut, **REFUSALS}, tags=["runs"])
def get_run(request: ApiRequest, run_id: UUID) -> Run:
    request.auth.require("read", "upload")
    return request.auth.run(run_id)


@router.patch("runs/{run_id}", response={200: RunOut, **REFUSALS}, tags=["runs"])
def change_run(request: ApiRequest, run_id: UUID, change: RunIn) -> Run:
    """Labels are replaced as a whole."""
    request.auth.require("triage")
    run = request.auth.run(run_id)
    given = change.model_dump(exclude_none=True)
    for name, value in given.items():
        setattr(run, name, value)
    run.save(update_fields=list(given))
    return run


@router.delete("runs/{run_id}", response={204: None, **REFUSALS}, tags=["runs"])
def delete_run(request: ApiRequest, run_id: UUID) -> Status[None]:
    """Take a run out of every list; it can be restored until it is purged. 409 for a baseline, a
    pinned run, one that an open action rests on, and one that is being processed."""
    request.auth.require("triage")
    retention.delete(request.auth.run(run_id), request.auth.name, timezone.now())
    return Status(204, None)


@router.get("runs/{run_id}/report", response={200: dict[str, Any], **REFUSALS}, tags=["runs"])
def get_report(request: ApiRequest, run_id: UUID) -> HttpResponse:
    """The document `headroom-report/1`, the same as `loadrunner report --format json`; 409 until
    the run is ready, 304 for whoever sends its ETag in `If-None-Match`."""
    request.auth.require("read")
    run = request.auth.run(run_id)
    reports.require_ready(run)
    return tagged.of_figures(request, run, lambda: JsonResponse(reports.document(run)))


@router.get("runs/{run_id}/timeseries", response={200: dict[str, Any], **REFUSALS}, tags=["runs"])
def get_timeseries(request: ApiRequest, run_id: UUID) -> HttpResponse:
    """A value a second (or a wider bin, `bin_s`) for the whole run and each scenario, the phases
    and the probe readings on the same clock; 409 until the run is ready."""
    request.auth.require("read")
    run = request.auth.run(run_id)
    reports.require_ready(run)
    return tagged.of_figures(request, run, lambda: JsonResponse(run.timeline or {}))


@router.get("runs/{run_id}/files", response={200: list[FileOut], **REFUSALS}, tags=["runs"])
def list_files(request: ApiRequest, run_id: UUID) -> list[Any]:
    request.auth.require("read", "upload")
    return list(request.auth.run(run_id).files.all())


@router.get("runs/{run_id}/verdict", response={200: VerdictOut, **REFUSALS}, tags=["runs"])
def get_verdict(
    request: ApiRequest,
    run_id: UUID,
    baseline: UUID | None = None,
    wait: Annotated[int, Field(ge=0, le=LONGEST_WAIT_S)] = 0,
) -> dict[str, Any]:
    """Waits up to `wait` seconds for the run to be ready or failed; where many wait already, it
    answers at once. With `baseline` the run's criteria are judged anew against that run."""
    request.auth.require("read", "upload")
    request.auth.run(run_id)
    _await(run_id, wait)
    run = request.auth.run(run_id, documents=True)
    against = request.auth.run(baseline, documents=True) if baseline else None
    return _verdict_out(request, reports.verdict_of(run, against))


def _await(run_id: UUID, seconds: int) -> None:
    if not waiting.acquire(blocking=False):
        return
    try:
        settling.wait_for(run_id, seconds)
    finally:
        waiting.release()


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


@router.get("compare", response={200: dict[str, Any], **REFUSALS}, tags=["runs"])
def compare(request: ApiRequest, runs: str) -> HttpResponse:
    """Two to six run ids, separated by commas; the first is what the others are held against. In
    place of one, repeats of it: ids separated by colons."""
    request.auth.require("read")
    sides = dict.fromkeys(text.strip() for text in runs.split(",") if text.strip())
    groups = [[request.auth.run(run_id, documents=True) for run_id in _ids(side)] for side in sides]
    return JsonResponse(plain(reports.compare_groups(groups)))


def _ids(side: str) -> list[UUID]:
    return list(dict.fromkeys(_run_id(text.strip(), "runs") for text in side.split(":")))


def _run_id(text: str, at: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise RefusedError(
            "run_id", f"'{text}' is not the id of a run.", [Fault(at, f"'{text}' is no UUID")]
        ) from error


def one_page(request: ApiRequest, rows: QuerySet[Any], page: int, per_page: int) -> dict[str, Any]:
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
