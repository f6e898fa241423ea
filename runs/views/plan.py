"""The generated plan: of a run, or of a campaign; accepting a proposal makes the action."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from runs.analysis.tuning_plan import rules
from runs.errors import PortalError
from runs.models import Project, Run
from runs.tuning import proposals
from runs.tuning.proposals import Planned
from runs.views.visitor import access, page


@page
def campaign_plan(request: HttpRequest, slug: str) -> HttpResponse:
    visitor = access(request)
    project = visitor.project(slug)
    campaign = request.GET.get("campaign", "").strip()[:200]
    found = proposals.of_campaign(project, campaign)
    name = campaign or (found.runs[0].campaign if found.runs else "")
    return _shown(request, project, found, name, None, may_accept=visitor.may_in(project, "triage"))


@page
def run_plan(request: HttpRequest, run_id: UUID) -> HttpResponse:
    visitor = access(request)
    run = visitor.run(run_id, documents=True)
    if not run.is_ready:
        return redirect("runs:run", run_id=run.pk)
    found = proposals.of_run(run)
    may_accept = visitor.may_in(run.project, "triage")
    return _shown(request, run.project, found, run.campaign, run, may_accept=may_accept)


def _shown(
    request: HttpRequest,
    project: Project,
    found: Planned,
    campaign: str,
    run: Run | None,
    *,
    may_accept: bool,
) -> HttpResponse:
    ready = Run.objects.filter(project=project, processing=Run.Processing.READY)
    context = {
        "project": project,
        "here": "actions",
        "plan": found,
        "campaign": campaign,
        "run": run,
        "title": found.summary.rstrip(".") if found.runs else "No run to plan from yet",
        "campaigns": sorted(set(ready.order_by().values_list("campaign", flat=True).distinct())),
        "groups": [("Quick wins", found.quick_wins), ("Structural work", found.structural)],
        "rules": {one.name: one.reasoning for one in rules.RULES},
        "all_rules": rules.RULES,
        "may_accept": may_accept,
    }
    return render(request, "actions/plan.html", context)


@require_POST
@page
def accept(request: HttpRequest, run_id: UUID) -> HttpResponse:
    visitor = access(request)
    visitor.require("triage")
    run = visitor.run(run_id, documents=True)
    try:
        action, is_new = proposals.accept(run, request.POST.get("key", ""), visitor.user)
    except PortalError as error:
        messages.error(request, error.detail)
        return redirect("runs:run-plan", run_id=run.pk)
    said = "is accepted" if is_new else "was accepted before"
    messages.success(request, f"{action.ref} {said}: its criteria and evidence are below.")
    return redirect("runs:action", action_id=action.pk)
