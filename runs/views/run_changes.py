"""What a person changes about a run from its page: each a form, answered by the page again."""

from collections.abc import Callable
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from runs import curation
from runs.access import Access
from runs.errors import ForbiddenError, NotFoundError, PortalError
from runs.models import Run
from runs.views.visitor import access, page

Change = Callable[[Access, Run, HttpRequest], str]
_NOTES = 20_000


def _labels(visitor: Access, run: Run, request: HttpRequest) -> str:
    curation.relabel(visitor, run, curation.read_labels(request.POST.get("labels", "")))
    return "The labels are saved."


def _notes(visitor: Access, run: Run, request: HttpRequest) -> str:
    text = request.POST.get("notes", "").replace("\r\n", "\n").replace("\0", "").strip()
    curation.annotate(visitor, run, text[:_NOTES])
    return "The notes are saved."


def _pin(visitor: Access, run: Run, request: HttpRequest) -> str:
    is_pinned = request.POST.get("to") == "on"
    curation.pin(visitor, run, is_pinned)
    return "Pinned: retention leaves this run alone." if is_pinned else "No longer pinned."


def _baseline(visitor: Access, run: Run, request: HttpRequest) -> str:
    is_baseline = request.POST.get("to") == "on"
    curation.set_baseline(visitor, run, is_baseline)
    if is_baseline:
        return f"A baseline: later runs of {run.campaign} are held against it."
    return "No longer a baseline."


def _mark(visitor: Access, run: Run, request: HttpRequest) -> str:
    curation.mark_invalid(visitor, run, request.POST.get("reason", ""))
    return "Marked invalid: nothing is judged by this run any more."


def _unmark(visitor: Access, run: Run, _request: HttpRequest) -> str:
    curation.unmark(visitor, run)
    return "The mark is off; the run counts again."


def _share(visitor: Access, run: Run, _request: HttpRequest) -> str:
    curation.share(visitor, run)
    return "Whoever has the link below reads this run's report without signing in."


def _unshare(visitor: Access, run: Run, _request: HttpRequest) -> str:
    curation.unshare(visitor, run)
    return "The link leads nowhere any more."


_CHANGES: dict[str, tuple[Change, bool]] = {
    # The change, and whether it needs the run's documents.
    "labels": (_labels, False),
    "notes": (_notes, False),
    "pin": (_pin, False),
    "baseline": (_baseline, False),
    "invalid": (_mark, True),
    "believe": (_unmark, True),
    "share": (_share, False),
    "unshare": (_unshare, False),
}
CHANGES = tuple(_CHANGES)


@require_POST
@page
def change_run(request: HttpRequest, run_id: UUID, what: str) -> HttpResponse:
    visitor = access(request)
    visitor.require("triage")
    if what not in _CHANGES:
        raise NotFoundError("change_not_found", f"A run has nothing called '{what[:40]}'.")
    change, needs_documents = _CHANGES[what]
    run = visitor.run(run_id, documents=needs_documents)
    try:
        messages.success(request, change(visitor, run, request))
    except (NotFoundError, ForbiddenError):
        raise
    except PortalError as error:
        messages.error(request, error.detail)
        _keep_what_was_typed(request, what)
    return redirect(f"{run.get_absolute_url()}#keeping")


def _keep_what_was_typed(request: HttpRequest, what: str) -> None:
    """The page shows it again; a session holds it until then."""
    typed = request.POST.get(what if what != "invalid" else "reason", "")
    request.session["typed"] = {"what": what, "text": typed[:_NOTES]}


@require_POST
@page
def delete_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Gone from every list at once, with a way back on the page that follows."""
    visitor = access(request)
    visitor.require("triage")
    run = visitor.run(run_id)
    try:
        curation.delete(visitor, run)
    except PortalError as error:
        messages.error(request, error.detail)
        return redirect(f"{run.get_absolute_url()}#keeping")
    query = urlencode({"deleted": run.pk})
    return redirect(f"{run.project.get_absolute_url()}?{query}")


@require_POST
@page
def restore_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    visitor = access(request)
    visitor.require("triage")
    run = visitor.deleted_runs().defer(*Run.DOCUMENTS).filter(pk=run_id).first()
    if run is None:
        return redirect(visitor.run(run_id))  # it was never away
    curation.restore(visitor, run)
    messages.success(request, f"{run} is back.")
    return redirect(run)


@page
def deleted_runs(request: HttpRequest, slug: str) -> HttpResponse:
    """What can still be restored."""
    visitor = access(request)
    project = visitor.project(slug)
    runs = visitor.deleted_runs().filter(project=project).defer(*Run.DOCUMENTS)
    context = {
        "project": project,
        "here": "runs",
        "runs": runs.order_by("-deleted_at")[:200],
        "may_triage": visitor.may_in(project, "triage"),
    }
    return render(request, "runs/deleted_runs.html", context)
