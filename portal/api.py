"""The one API: who may call it, its routers, and its errors in one shape."""

from functools import cached_property
from http import HTTPStatus
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from ingest.api import router as ingest_router
from ingest.authentication import SessionAuth, TokenAuth
from ingest.token_api import router as token_router
from runs.api import router as runs_router
from runs.errors import Fault, PortalError, TooManyError
from runs.marker_api import router as marker_router
from runs.plan_api import router as plan_router
from runs.tuning_api import router as tuning_router
from runs.warehouse_api import router as warehouse_router
from runs.webhook_api import router as webhook_router


class PortalAPI(NinjaAPI):
    """Describes itself once: what it can do does not change while the process lives."""

    @cached_property
    def _description(self) -> OpenAPISchema:
        return super().get_openapi_schema()

    def get_openapi_schema(self, **_where: Any) -> OpenAPISchema:
        return self._description


api = PortalAPI(
    title="Headroom",
    version="1",
    description="Send runs, read their figures, keep tuning actions. See docs/api.md.",
    # Its page loads scripts from another host.
    docs_url=None,
    auth=[TokenAuth(), SessionAuth()],
)
api.add_router("", ingest_router)
api.add_router("", token_router)
api.add_router("", runs_router)
api.add_router("", tuning_router)
api.add_router("", warehouse_router)
api.add_router("", plan_router)
api.add_router("", webhook_router)
api.add_router("", marker_router)


def _answer(
    request: HttpRequest, status: int, code: str, detail: str, faults: tuple[Fault, ...] = ()
) -> HttpResponse:
    errors = [{"at": fault.at, "message": fault.message} for fault in faults]
    body = {"code": code, "detail": detail, "errors": errors}
    return api.create_response(request, body, status=status)


@api.exception_handler(PortalError)
def _on_refusal(request: HttpRequest, error: PortalError) -> HttpResponse:
    answer = _answer(request, error.status, error.code, error.detail, error.faults)
    if isinstance(error, TooManyError):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


@api.exception_handler(HttpError)
def _on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    detail = str(error)
    if error.status_code == HTTPStatus.UNAUTHORIZED and detail == "Unauthorized":
        detail = "This call needs `Authorization: Bearer TOKEN`, or a session of the portal."
    answer = _answer(request, error.status_code, code, detail)
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


@api.exception_handler(ValidationError)
def _on_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = tuple(_fault(one) for one in error.errors)
    detail = f"{len(faults)} of the request's values cannot be taken, the first at {faults[0].at}."
    return _answer(request, 422, "invalid", detail, faults)


def _fault(found: dict[str, Any]) -> Fault:
    """Where it is, as the caller knows it: `body.criteria.0.text`, `query.label.0`.

    For bodies, and for some queries, ninja puts the name of our own argument in between.
    """
    kind, *rest = (str(part) for part in found["loc"])
    inner = rest[1:] if kind == "body" or rest[:1] == [kind] else rest
    return Fault(".".join([kind, *inner]), found["msg"])


@api.exception_handler(Http404)
def _on_missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return _answer(request, 404, "not_found", str(error) or "There is no such thing.")


@api.exception_handler(RequestDataTooBig)
def _on_too_big(request: HttpRequest, _error: RequestDataTooBig) -> HttpResponse:
    return _answer(request, 413, "body_too_large", "The body is larger than this call takes.")


def api_urls() -> Any:
    """For `path`: no page of ours, so nobody is sent to the sign-in form; each call authorises."""
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if pattern.callback is not None:
            login_not_required(pattern.callback)
    return patterns, app_name, namespace
