"""The badge: an SVG that needs no sign-in, under an address that cannot be guessed."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse

from runs import badges
from runs.models import Badge


@login_not_required
def badge(_request: HttpRequest, key: str) -> HttpResponse:
    found = Badge.objects.select_related("project").filter(key=key).first()
    if found is None:
        raise Http404("There is no such badge.")
    response = HttpResponse(
        badges.svg(badges.standing(found.project)), content_type="image/svg+xml; charset=utf-8"
    )
    # Where it is shown it may be five minutes old; proxies of others must ask again.
    response["Cache-Control"] = "max-age=300, must-revalidate"
    response["X-Robots-Tag"] = "noindex"
    return response
