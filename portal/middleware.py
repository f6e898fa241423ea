"""What holds for every request: no character that a database cannot hold, errors in one shape."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponseBadRequest, HttpResponseBase, JsonResponse
from django.utils.cache import patch_cache_control

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


_HEADERS: Final = {
    # Nothing of a browser's machine is any page's business.
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class PageHeadersMiddleware:
    """What every answer says to browsers beside Django's own headers and the policy of django-csp.

    A page shows what one person may see at one moment: it is kept by that person's browser alone,
    and asked for again.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and "Cache-Control" not in response.headers:
            patch_cache_control(response, private=True, no_cache=True)
        return response


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
