"""The upload API: authorise, receive, answer."""

from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import FileResponse
from ninja import Query, Router, Status

from ingest import imports, names, receive
from ingest.authentication import SessionAuth, TokenAuth
from ingest.schemas import ErrorOut, ImportIn, LimitsOut, ReceivedFileOut, ReceivedRunOut
from runs import store
from runs.access import SCOPES
from runs.api import LONGEST_WAIT_S, ApiRequest
from runs.errors import NotFoundError
from runs.models import Run

_REFUSALS: Final = dict.fromkeys((401, 403, 404, 409, 411, 413, 422, 429), ErrorOut)
_MANIFEST: Final = {
    "requestBody": {
        "required": True,
        "description": "A manifest of the format headroom-spool/1",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
_FILE: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string"}}},
    },
    "parameters": [
        {
            "in": "header",
            "name": "Content-Digest",
            "required": True,
            "description": "sha-256=:BASE64: of the body (RFC 9530)",
            "schema": {"type": "string"},
        }
    ],
}
_RESULT_FILE: Final = {
    "requestBody": {
        "required": True,
        "description": "The file as the tool wrote it: plain, gzip or zstd",
        "content": {"application/octet-stream": {"schema": {"type": "string"}}},
    }
}
_DOWNLOAD: Final = {
    "responses": {
        200: {
            "description": "The file, byte for byte as it came",
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    }
}

# People who are signed in look and decide; only tokens send.
router = Router(auth=TokenAuth(), tags=["upload"])


@router.post(
    "projects/{project}/runs",
    response={200: ReceivedRunOut, 201: ReceivedRunOut, **_REFUSALS},
    openapi_extra=_MANIFEST,
)
def open_run(request: ApiRequest, project: str) -> Status[dict[str, Any]]:
    """Announce a run by its manifest; 200 where it is known already."""
    request.auth.require("upload")
    run, is_new = receive.open_run(request.auth, project, request)
    return Status(201 if is_new else 200, _received(request, run))


@router.put(
    "runs/{run_id}/files/{name}",
    response={200: ReceivedFileOut, 201: ReceivedFileOut, **_REFUSALS},
    openapi_extra=_FILE,
)
def take_file(request: ApiRequest, run_id: UUID, name: str) -> Status[Any]:
    """Send one file of the spool; 200 where the same bytes came before."""
    request.auth.require("upload")
    file, is_new = receive.take_file(request.auth, run_id, name, request)
    return Status(201 if is_new else 200, file)


@router.post(
    "projects/{project}/imports",
    response={200: ReceivedRunOut, 201: ReceivedRunOut, **_REFUSALS},
    openapi_extra=_RESULT_FILE,
)
def take_import(
    request: ApiRequest, project: str, query: Query[ImportIn]
) -> Status[dict[str, Any]]:
    """Send the result file of another tool; 200 where the same bytes were imported before."""
    request.auth.require("upload")
    run, is_new = imports.take(request.auth, project, query.wanted(), request)
    return Status(201 if is_new else 200, _received(request, run))


# Here and not beside the other reading calls: one address is one router's.
@router.get(
    "runs/{run_id}/files/{name}",
    response={200: None, **_REFUSALS},
    auth=[TokenAuth(), SessionAuth()],
    openapi_extra=_DOWNLOAD,
)
def get_file(request: ApiRequest, run_id: UUID, name: str) -> FileResponse:
    """The raw file, byte for byte as it came."""
    request.auth.require("read")
    run = request.auth.run(run_id)
    file = run.files.filter(name=name).first()
    if file is None:
        raise NotFoundError("file_not_found", f"Run {run.pk} has no file '{name}'.")
    content = store.raw_file(run.pk, file.name).open("rb")
    answer = FileResponse(
        content, as_attachment=True, filename=file.name, content_type="application/octet-stream"
    )
    answer.headers["ETag"] = f'"{file.sha256}"'
    return answer


@router.post(
    "runs/{run_id}/complete",
    response={202: ReceivedRunOut, **_REFUSALS},
    openapi_extra=_MANIFEST,
)
def complete(request: ApiRequest, run_id: UUID) -> Status[dict[str, Any]]:
    """Everything has come: the body is the final manifest, and processing begins."""
    request.auth.require("upload")
    return Status(202, _received(request, receive.complete(request.auth, run_id, request)))


@router.post("runs/{run_id}/retry", response={202: ReceivedRunOut, **_REFUSALS})
def retry(request: ApiRequest, run_id: UUID) -> Status[dict[str, Any]]:
    """Process a run again that failed."""
    request.auth.require("upload", "triage")
    return Status(202, _received(request, receive.retry(request.auth, run_id)))


@router.get("limits", response={200: LimitsOut, **_REFUSALS})
def limits(request: ApiRequest) -> dict[str, Any]:
    """What this portal takes."""
    request.auth.require("upload", "read")
    return {
        "file_bytes": settings.HEADROOM_MAX_FILE_BYTES,
        "manifest_bytes": settings.HEADROOM_MAX_MANIFEST_BYTES,
        "files_per_run": settings.HEADROOM_MAX_FILES,
        "inflated_bytes_per_run": settings.HEADROOM_MAX_INFLATED_BYTES,
        "samples_per_run": settings.HEADROOM_MAX_SAMPLES,
        "series_per_run": settings.HEADROOM_MAX_SERIES,
        "longest_wait_s": LONGEST_WAIT_S,
        "calls_per_minute": settings.HEADROOM_CALLS_PER_MINUTE or None,
        "file_names": names.ALLOWED.split(", "),
        "scopes": SCOPES,
    }


def _received(request: ApiRequest, run: Run) -> dict[str, Any]:
    return {
        "id": run.pk,
        "project": run.project.slug,
        "processing": run.processing,
        "files": list(run.files.values_list("name", flat=True)),
        "url": request.build_absolute_uri(run.get_absolute_url()),
    }
