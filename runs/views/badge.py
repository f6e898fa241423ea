"""The badge: an SVG that needs no sign-in, under an address that cannot be guessed."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from runs import badges
from runs.models import Badge
from runs.views.visitor import access, page


@require_POST
@page
def make_badge(request: HttpRequest, slug: str) -> HttpResponse:
    """The project's badge; where there is one, another address, so that the old one ends."""
    visitor = access(request)
    visitor.require("admin")
    project = visitor.project(slug)
    if Badge.objects.filter(project=project).exists():
        badges.renewed(project)
        messages.success(request, "The badge has another address; the old one ends.")
    else:
        badges.of(project)
    return redirect(f"{reverse('runs:ledger', args=[project.slug])}#badge")


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
