"""The warehouse over the API: data out, trends, and how runs leave."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field

from runs import exports, partial, retention, trends
from runs.analysis import history
from runs.api import ApiRequest
from runs.documents import plain
from runs.exports import Kind, Table, Tool
from runs.models import Project, Purge, Run
from runs.schemas import ErrorOut, PartialOut, RetentionOut, RunOut, TrendOut
from runs.trends import MOST_RUNS, Trend

_REFUSALS: Final = dict.fromkeys((401, 403, 404, 409, 422, 429), ErrorOut)
_SHOWN: Final = 100
_FILE: Final = {
    "responses": {
        200: {
            "description": "The file",
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    }
}

router = Router()


@router.get("runs/{run_id}/partial", response={200: PartialOut, **_REFUSALS}, tags=["runs"])
def get_partial(request: ApiRequest, run_id: UUID) -> HttpResponse:
    """The figures of what has come of a run that is still being sent: the time series and the
    rows of the report, of the segments that are here. Of a run that is ready, all of them."""
    request.auth.require("read")
    run = request.auth.run(run_id, documents=True)
    where = {"run": str(run.pk), "processing": run.processing, "state": run.state}
    return JsonResponse(where | plain(partial.of(run)))


@router.get(
    "runs/{run_id}/{table}.{kind}",
    response={200: None, **_REFUSALS},
    tags=["data"],
    openapi_extra=_FILE,
)
def get_table(request: ApiRequest, run_id: UUID, table: Table, kind: Kind) -> FileResponse:
    """A table of the run: `samples`, `series` (the report's rows), `seconds`, `histograms`,
    `readings`, `health`; 409 until the run is ready."""
    request.auth.require("read")
    run = request.auth.run(run_id, documents=table == "series")
    return FileResponse(
        exports.table(run, table, kind),
        as_attachment=True,
        filename=f"{run.pk}-{table}.{kind}",
        content_type=exports.MEDIA[kind],
    )


@router.get(
    "runs/{run_id}/export", response={200: None, **_REFUSALS}, tags=["data"], openapi_extra=_FILE
)
def export_run(
    request: ApiRequest, run_id: UUID, to: Annotated[Tool, Query(...)]
) -> StreamingHttpResponse:
    """The samples as `k6 run --out json` or JMeter (`jtl`) writes them; 409 until it is ready."""
    request.auth.require("read")
    run = request.auth.run(run_id, documents=True)
    pieces: Iterator[bytes] = exports.lines(run, to)
    tool = exports.TOOLS[to]
    name = f'attachment; filename="{run.pk}.{tool.suffix}"'
    headers = {"Content-Disposition": name}
    return StreamingHttpResponse(pieces, content_type=tool.media, headers=headers)


@router.get("projects/{project}/trends", response={200: TrendOut, **_REFUSALS}, tags=["projects"])
def get_trend(
    request: ApiRequest,
    project: str,
    statistic: Annotated[str, Field(max_length=500)],
    campaign: str = "",
    environment: str = "",
    branch: str = "",
    runs: Annotated[int, Field(ge=1, le=MOST_RUNS)] = 50,
) -> dict[str, Any]:
    """A statistic, such as `p95(chat/send_message@plateau)`, over the newest runs that are ready
    and not invalid; the oldest first, with the intervals that their reports hold, and when it
    changed. A name alone, such as `p95`, is that of every scenario and step."""
    request.auth.require("read")
    own = request.auth.runs().filter(project=request.auth.project(project))
    wanted = {"campaign": campaign, "environment": environment, "branch": branch}
    given = {name: value for name, value in wanted.items() if value}
    return _trend_out(request, trends.of(own.filter(**given), statistic, runs))


def _trend_out(request: HttpRequest, trend: Trend) -> dict[str, Any]:
    lines = [
        {
            **place._asdict(),
            "points": [_point_out(request, point) for point in points],
            **_changes_out(points, trend.better),
        }
        for place, points in trend.lines.items()
    ]
    return {"statistic": trend.statistic, "unit": trend.unit, "series": lines}


def _changes_out(points: Sequence[trends.Point], better: trends.Better | None) -> dict[str, Any]:
    found = history.detect([point.figure.value for point in points], better)
    changes = [_change_out(points[change.at].run, change) for change in found.changes]
    return {"changes": changes, "more_runs": found.more_runs, "reason": found.reason}


def _change_out(first: Run, change: history.Change) -> dict[str, Any]:
    when = {"run": first.pk, "started_at": first.started_at, "commit": first.commit}
    return when | {name: value for name, value in vars(change).items() if name != "at"}


def _point_out(request: HttpRequest, point: trends.Point) -> dict[str, Any]:
    run = point.run
    return {
        "run": run.pk,
        "started_at": run.started_at,
        "commit": run.commit,
        "branch": run.branch,
        "environment": run.environment,
        "validity": run.validity,
        "value": point.figure.value,
        "ci": point.figure.ci,
        "count": point.figure.count,
        "url": request.build_absolute_uri(run.get_absolute_url()),
    }


@router.post("runs/{run_id}/restore", response={200: RunOut, **_REFUSALS}, tags=["runs"])
def restore_run(request: ApiRequest, run_id: UUID) -> Any:
    """Undo a deletion; harmless where there was none."""
    request.auth.require("triage")
    if request.auth.deleted_runs().filter(pk=run_id).exists():
        retention.restore(run_id)
    return request.auth.run(run_id)


@router.get(
    "projects/{project}/retention", response={200: RetentionOut, **_REFUSALS}, tags=["projects"]
)
def get_retention(request: ApiRequest, project: str) -> dict[str, Any]:
    """The room that a project takes, what was purged last, and what goes next. `PATCH
    projects/{project}` sets `keep_days` and `keep_runs`."""
    request.auth.require("read")
    return _retention_out(request.auth.project(project))


def _retention_out(project: Project) -> dict[str, Any]:
    usage = retention.usage(project)
    expiries = retention.expired(project, timezone.now())
    return {
        "keep_days": project.keep_days,
        "keep_runs": project.keep_runs,
        "runs": usage.runs,
        "deleted_runs": usage.deleted_runs,
        "raw_bytes": usage.raw_bytes,
        "derived_bytes": usage.derived_bytes,
        "bytes": usage.bytes,
        "purged": list(Purge.objects.filter(project=project)[:_SHOWN]),
        "next": [_next_out(expiry) for expiry in expiries[:_SHOWN]],
        "next_bytes": sum(expiry.bytes for expiry in expiries),
    }


def _next_out(expiry: retention.Expiry) -> dict[str, Any]:
    return {
        "run": expiry.run.pk,
        "campaign": expiry.run.campaign,
        "started_at": expiry.run.started_at,
        "bytes": expiry.bytes,
        "reason": expiry.reason,
    }
