"""Markers, for programs: a pipeline says what it has deployed, and the trends show it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from django.db.models import Q
from ninja import Router, Schema, Status
from pydantic import AwareDatetime, Field

from runs import markers
from runs.api import REFUSALS, ApiRequest, Page, PerPage, one_page
from runs.errors import NotFoundError
from runs.models import Marker
from runs.schemas import In

router = Router(tags=["markers"])


# Years of four digits in any time zone.
Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC)),
]
Words = Annotated[str, Field(max_length=120, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]


class MarkerIn(In):
    """What happened, in a few words, and when."""

    at: Moment
    kind: Literal["deploy", "configuration", "other"] = "deploy"
    text: Words


class MarkerOut(Schema):
    id: int
    at: datetime
    kind: str
    text: str


class MarkersOut(Schema):
    items: list[MarkerOut]
    count: int
    next: str | None


@router.get("projects/{project}/markers", response={200: MarkersOut, **REFUSALS})
def list_markers(
    request: ApiRequest,
    project: str,
    since: Moment | None = None,
    until: Moment | None = None,
    page: Page = 1,
    per_page: PerPage = 50,
) -> dict[str, Any]:
    """Deploys and changes of configuration, the newest first."""
    request.auth.require("read")
    wanted = Q(at__gte=since) if since else Q()
    wanted &= Q(at__lte=until) if until else Q()
    found = request.auth.project(project).markers.filter(wanted)
    return one_page(request, found, page, per_page)


@router.post("projects/{project}/markers", response={201: MarkerOut, **REFUSALS})
def add_marker(request: ApiRequest, project: str, new: MarkerIn) -> Status[Marker]:
    """It is drawn over every trend of the project."""
    request.auth.require("triage")
    found = request.auth.project(project)
    return Status(201, markers.add(request.auth, found, new.at, new.kind, new.text))


@router.delete("markers/{marker_id}", response={204: None, **REFUSALS})
def remove_marker(request: ApiRequest, marker_id: int) -> Status[None]:
    request.auth.require("triage")
    projects = request.auth.projects()
    found = Marker.objects.filter(pk=marker_id, project__in=projects).first()
    if found is None:
        raise NotFoundError("marker_not_found", f"There is no marker {marker_id}.")
    markers.remove(request.auth, found)
    return Status(204, None)
