"""What a project is set to, who is in it, and who changed what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from runs import audit, governance, retention, webhooks
from runs.access import Access
from runs.analysis import wording
from runs.errors import PortalError
from runs.governance import NewMember
from runs.models import AuditEntry, Delivery, Everybody, Project, Role, Webhook
from runs.views.visitor import access, page

_LOG_PAGE: Final = 100
_MOST_DELIVERIES: Final = 100
_SHOWN_DELIVERIES: Final = 5
_MOST_EXPIRING: Final = 100
Form = Mapping[str, str]
Values = dict[str, Any]


@page
def settings_page(request: HttpRequest, slug: str) -> HttpResponse:
    visitor = access(request)
    return _page(request, visitor, visitor.project(slug))


def _page(
    request: HttpRequest,
    visitor: Access,
    project: Project,
    *,
    typed: Form | None = None,
    status: int = 200,
) -> HttpResponse:
    """With what was typed, where a form could not be taken."""
    is_maintainer = visitor.may_in(project, "admin")
    hooks = _webhooks(project) if is_maintainer else []
    context = {
        "project": project,
        "here": "settings",
        "is_maintainer": is_maintainer,
        "fields": _fields(project) | dict(typed or {}),
        "members": list(project.members.select_related("user")),
        "roles": Role.choices,
        "everybody": Everybody.choices,
        "everybody_words": Everybody(project.everybody).label,
        "usage": retention.usage(project),
        "expiring": _expiring(request, project),
        "webhooks": hooks,
        "events": Webhook.Event.choices,
        "secret": request.session.pop("webhook_secret", ""),
    }
    return render(request, "projects/settings.html", context, status=status)


def _fields(project: Project) -> dict[str, str]:
    """What stands in the forms."""
    return {
        "name": project.name,
        "description": project.description,
        "trace_url": project.trace_url,
        "peak": "\n".join(f"{name} = {rate:g}" for name, rate in project.peak_jps.items()),
        "growth": "" if project.growth_percent is None else f"{project.growth_percent:g}",
        "criteria": "\n".join(project.criteria),
        "keep_days": "" if project.keep_days is None else str(project.keep_days),
        "keep_runs": "" if project.keep_runs is None else str(project.keep_runs),
        "everybody": project.everybody,
        "username": "",
        "url": "",
    }


@dataclass(frozen=True)
class Hook:
    """A webhook with its last messages."""

    webhook: Webhook
    deliveries: list[Delivery]


def _webhooks(project: Project) -> list[Hook]:
    newest = Delivery.objects.filter(webhook__project=project).order_by("-created_at")
    told: dict[int, list[Delivery]] = {}
    for delivery in newest[:_MOST_DELIVERIES]:
        told.setdefault(delivery.webhook_id, []).append(delivery)
    return [Hook(one, told.get(one.pk, [])[:_SHOWN_DELIVERIES]) for one in project.webhooks.all()]


def _expiring(request: HttpRequest, project: Project) -> dict[str, Any] | None:
    """What retention removes next; only where it is asked for, since it looks at every run."""
    if request.GET.get("show") != "expiring":
        return None
    found = retention.expired(project, timezone.now())
    size = wording.size(sum(one.bytes for one in found))
    return {"count": len(found), "size": size, "runs": found[:_MOST_EXPIRING]}


def _project(form: Form) -> Values:
    name = " ".join(form["name"].split())[:200]
    return {
        "name": name,
        "description": form["description"].replace("\r\n", "\n").strip()[:20_000],
        "trace_url": governance.read_trace_url(form["trace_url"]),
    }


def _peak(form: Form) -> Values:
    growth = governance.read_number(form["growth"], "The growth", -50, 1000)
    return {"peak_jps": governance.read_peaks(form["peak"]), "growth_percent": growth}


def _criteria(form: Form) -> Values:
    return {"criteria": governance.read_criteria(form["criteria"])}


def _retention(form: Form) -> Values:
    days = governance.read_number(form["keep_days"], "The number of days", 1, 36_500)
    runs = governance.read_number(form["keep_runs"], "The number of runs", 1, 1_000_000)
    return {
        "keep_days": None if days is None else int(days),
        "keep_runs": None if runs is None else int(runs),
    }


def _everybody(form: Form) -> Values:
    return {"everybody": governance.read_everybody(form["everybody"])}


_READERS: Final[dict[str, tuple[tuple[str, ...], Callable[[Form], Values]]]] = {
    "project": (("name", "description", "trace_url"), _project),
    "peak": (("peak", "growth"), _peak),
    "criteria": (("criteria",), _criteria),
    "retention": (("keep_days", "keep_runs"), _retention),
    "everybody": (("everybody",), _everybody),
}


@require_POST
@page
def change_settings(request: HttpRequest, slug: str, what: str) -> HttpResponse:
    visitor, project = _maintained(request, slug)
    names, read = _READERS.get(what, _READERS["project"])
    form = {name: request.POST.get(name, "").replace("\0", "")[:20_000] for name in names}
    try:
        is_changed = governance.change(visitor, project, read(form))
    except PortalError as error:
        messages.error(request, error.detail)
        return _page(request, visitor, project, typed=form, status=422)
    messages.success(request, "Saved." if is_changed else "Nothing was different.")
    return _back(project, what)


@require_POST
@page
def set_member(request: HttpRequest, slug: str) -> HttpResponse:
    visitor, project = _maintained(request, slug)
    username = request.POST.get("username", "").replace("\0", "")
    try:
        member = governance.set_role(
            visitor, project, NewMember(username, request.POST.get("role", ""))
        )
    except PortalError as error:
        messages.error(request, error.detail)
        return _page(request, visitor, project, typed={"username": username}, status=422)
    messages.success(request, f"{member.user.get_username()} is a {member.role} now.")
    return _back(project, "members")


@require_POST
@page
def remove_member(request: HttpRequest, slug: str, member_id: int) -> HttpResponse:
    visitor, project = _maintained(request, slug)
    member = project.members.select_related("user", "project").filter(pk=member_id).first()
    if member is not None:
        governance.remove_member(visitor, member)
        messages.success(
            request, f"{member.user.get_username()} has no role of their own any more."
        )
    return _back(project, "members")


@require_POST
@page
def add_webhook(request: HttpRequest, slug: str) -> HttpResponse:
    visitor, project = _maintained(request, slug)
    url = request.POST.get("url", "").replace("\0", "").strip()[:500]
    try:
        with transaction.atomic():
            made = webhooks.add(project, url, request.POST.getlist("events"), visitor.user)
            audit.note(visitor, project, "webhook.added", detail=_host(url))
    except PortalError as error:
        messages.error(request, error.detail)
        return _page(request, visitor, project, typed={"url": url}, status=422)
    # Shown once, on the page that follows.
    request.session["webhook_secret"] = made.secret
    messages.success(request, "The webhook is added; its secret stands below, this once.")
    return _back(project, "webhooks")


@require_POST
@page
def remove_webhook(request: HttpRequest, slug: str, webhook_id: int) -> HttpResponse:
    visitor, project = _maintained(request, slug)
    found = project.webhooks.filter(pk=webhook_id).first()
    if found is not None:
        with transaction.atomic():
            audit.note(visitor, project, "webhook.removed", detail=_host(found.url))
            found.delete()
        messages.success(request, "The webhook is removed.")
    return _back(project, "webhooks")


def _host(url: str) -> str:
    """The address without what may be a secret in its path."""
    return url.partition("://")[2].partition("/")[0][:200]


@page
def audit_page(request: HttpRequest, slug: str) -> HttpResponse:
    visitor = access(request)
    project = visitor.project(slug)
    entries = AuditEntry.objects.filter(project=project)
    shown = Paginator(entries, _LOG_PAGE).get_page(request.GET.get("page"))
    lines = [
        {"entry": one, "words": audit.WORDS.get(one.what, wording.name(one.what))} for one in shown
    ]
    context = {"project": project, "here": "settings", "lines": lines, "shown": shown}
    return render(request, "projects/audit.html", context)


def _maintained(request: HttpRequest, slug: str) -> tuple[Access, Project]:
    visitor = access(request)
    visitor.require("admin")
    return visitor, visitor.project(slug)


def _back(project: Project, what: str) -> HttpResponse:
    return redirect(f"{project.get_absolute_url()}settings/#{what}")
