"""Who looks at a page, and how a refusal of the warehouse becomes a page of its own."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from runs.access import Access
from runs.errors import Forbidden, NotFound

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def access(request: HttpRequest) -> Access:
    """What the signed-in person may do; the same as over the API."""
    user = request.user
    if not user.is_authenticated:
        raise PermissionDenied("Sign in to see this page.")
    return Access.of_user(user)


def page(view: View[P]) -> View[P]:
    """A view whose NotFound is a 404 and whose Forbidden is a 403, each with its reason."""

    @wraps(view)
    def answered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotFound as error:
            raise Http404(error.detail) from error
        except Forbidden as error:
            raise PermissionDenied(error.detail) from error

    return answered
