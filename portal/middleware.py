"""What holds for every request: no character that a database cannot hold, errors in one shape."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponseBadRequest, HttpResponseBase, JsonResponse

Handler = Callable[[HttpRequest], HttpResponseBase]


class ApiErrorMiddleware:
    """Puts Django's own error pages (404, 405, 400, 413, 500) under /api/ into the API's shape."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = HttpResponseBadRequest() if _has_nul(request) else self.get_response(request)
        if response.status_code < 400 or not request.path.startswith("/api/"):
            return response
        if response.headers.get("Content-Type", "").startswith("application/json"):
            return response
        return _reshaped(request, response)


def _has_nul(request: HttpRequest) -> bool:
    """PostgreSQL refuses U+0000 in any text, as a fault of ours; no address of ours needs it."""
    return "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", "")


def _reshaped(request: HttpRequest, response: HttpResponseBase) -> JsonResponse:
    status = HTTPStatus(response.status_code)
    code = status.phrase.lower().replace(" ", "_").replace("-", "_")
    detail = f"{status.phrase}: {request.method} {request.path}"
    body = {"code": code, "detail": detail, "errors": []}
    headers = {"Allow": response.headers["Allow"]} if "Allow" in response.headers else {}
    return JsonResponse(body, status=status, headers=headers)
