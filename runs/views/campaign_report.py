"""The campaign report as a page with notes, and as files that a team keeps."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from runs import campaign_report
from runs.campaign_report import CampaignReport
from runs.errors import ConflictError, PortalError, RefusedError
from runs.models import Project, Run
from runs.views.visitor import access, page

_RECENT = 30


@page
def report_page(request: HttpRequest, slug: str) -> HttpResponse:
    """`runs` in the address, separated by commas; without it, a choice of runs."""
    visitor = access(request)
    project = visitor.project(slug)
    named = ",".join(request.GET.getlist("runs"))
    if not named:
        return _choice(request, project, "")
    try:
        ids = campaign_report.ids_of(named)
        if request.method == "POST":
            visitor.require("triage")
            return _keep(request, project, ids)
        found = campaign_report.of(project, ids)
    except (RefusedError, ConflictError) as error:
        return _choice(request, project, error.detail)
    if request.GET.get("format") in ("markdown", "html"):
        return _file(found, request.GET["format"])
    context = {
        "project": project,
        "here": "actions",
        "report": found,
        "title": found.title,
        "may_write": visitor.may_in(project, "triage"),
    }
    return render(request, "actions/report.html", context)


def _keep(request: HttpRequest, project: Project, ids: Sequence[UUID]) -> HttpResponse:
    notes = {
        key.removeprefix("notes-"): str(text)
        for key, text in request.POST.items()
        if key.startswith("notes-")
    }
    address = f"{reverse('runs:campaign-report', args=[project.slug])}?{request.GET.urlencode()}"
    try:
        user = access(request).user
        campaign_report.write_notes(project, ids, request.POST.get("title", ""), notes, user)
    except PortalError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, "The notes are kept beside the report.")
    return redirect(address)


def _file(found: CampaignReport, form: str) -> HttpResponse:
    """As a download: a page of its own would fall under the portal's rules for styles."""
    text = campaign_report.html(found) if form == "html" else campaign_report.markdown(found)
    response = HttpResponse(text, content_type=f"text/{form}; charset=utf-8")
    ending = {"html": "html", "markdown": "md"}[form]
    response["Content-Disposition"] = f'attachment; filename="{found.file_name}.{ending}"'
    return response


def _choice(request: HttpRequest, project: Project, problem: str) -> HttpResponse:
    ready = Run.objects.filter(project=project, processing=Run.Processing.READY)
    context = {
        "project": project,
        "here": "actions",
        "title": "Campaign report",
        "recent": list(ready.defer(*Run.DOCUMENTS)[:_RECENT]),
        "kept": campaign_report.kept(project),
        "most": campaign_report.MOST_RUNS,
        "problem": problem,
    }
    return render(request, "actions/report_choice.html", context, status=422 if problem else 200)
