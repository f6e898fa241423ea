"""The tokens of a project as a page: made, shown once, revoked, by its maintainers."""

from datetime import timedelta
from typing import Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from ingest import tokens
from ingest.models import ApiToken
from runs import audit
from runs.access import SCOPES, Access, Scope
from runs.models import Project
from runs.views.visitor import access, page

_EXPIRIES: Final = {"": "never", "30": "in 30 days", "90": "in 90 days", "365": "in a year"}
_MOST: Final = 200


@page
def token_page(request: HttpRequest, slug: str) -> HttpResponse:
    _, project = _maintained(request, slug)
    context = {
        "project": project,
        "here": "settings",
        "tokens": list(ApiToken.objects.filter(project=project)[:_MOST]),
        "scopes": SCOPES,
        "expiries": _EXPIRIES,
        "made": request.session.pop("token", ""),
        "portal": request.build_absolute_uri("/").rstrip("/"),
        "now": timezone.now(),
    }
    return render(request, "projects/tokens.html", context)


@require_POST
@page
def make_token(request: HttpRequest, slug: str) -> HttpResponse:
    """The text is kept in the session until the next page has shown it, and nowhere else."""
    visitor, project = _maintained(request, slug)
    name = " ".join(request.POST.get("name", "").replace("\0", "").split())[:200]
    chosen: list[Scope] = [scope for scope in SCOPES if scope in request.POST.getlist("scopes")]
    if not name or not chosen:
        messages.error(request, "A token needs a name and at least one thing that it may do.")
        return redirect("tokens", slug=slug)
    days = request.POST.get("expires", "")
    expires_at = timezone.now() + timedelta(days=int(days)) if days in _EXPIRIES and days else None
    with transaction.atomic():
        text, token = tokens.create(name, chosen, project, expires_at)
        audit.note(visitor, project, "token.created", detail=f"{name}: {', '.join(token.scopes)}")
    request.session["token"] = text
    return redirect("tokens", slug=slug)


@require_POST
@page
def revoke_token(request: HttpRequest, slug: str, token_id: int) -> HttpResponse:
    visitor, project = _maintained(request, slug)
    mine = ApiToken.objects.filter(project=project, pk=token_id, revoked_at=None)
    token = mine.first()
    if token is not None:
        with transaction.atomic():
            mine.update(revoked_at=timezone.now())
            audit.note(visitor, project, "token.revoked", detail=token.name)
        messages.success(request, f"The token '{token.name}' opens nothing any more.")
    return redirect("tokens", slug=slug)


def _maintained(request: HttpRequest, slug: str) -> tuple[Access, Project]:
    visitor = access(request)
    visitor.require("admin")
    return visitor, visitor.project(slug)
