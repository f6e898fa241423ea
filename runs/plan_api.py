"""The generated plan, its acceptance, the ledger and the campaign report, for programs."""

from typing import Any, Literal
from uuid import UUID

from django.http import HttpResponse
from ninja import Router, Status

from runs import campaign_report
from runs.api import REFUSALS, ApiRequest
from runs.models import Action
from runs.plan_schemas import AcceptIn, LedgerOut, PlanOut, ledger_out, plan_out
from runs.tuning import ledger, proposals
from runs.tuning_api import detailed
from runs.tuning_schemas import ActionOut

router = Router(tags=["plan"])


@router.get("runs/{run_id}/plan", response={200: PlanOut, **REFUSALS})
def get_run_plan(request: ApiRequest, run_id: UUID) -> dict[str, Any]:
    """What the run's figures support doing next; 409 until it is ready."""
    request.auth.require("read")
    return plan_out(proposals.of_run(request.auth.run(run_id, documents=True)))


@router.get("projects/{project}/plan", response={200: PlanOut, **REFUSALS})
def get_campaign_plan(request: ApiRequest, project: str, campaign: str = "") -> dict[str, Any]:
    """The same of a campaign's newest runs that may be believed; without a name, of the campaign
    that ran last."""
    request.auth.require("read")
    return plan_out(proposals.of_campaign(request.auth.project(project), campaign))


@router.post("runs/{run_id}/plan/accept", response={200: ActionOut, 201: ActionOut, **REFUSALS})
def accept_proposal(request: ApiRequest, run_id: UUID, chosen: AcceptIn) -> Status[Action]:
    """The proposal becomes an accepted action, with its evidence and criteria; 200 with the
    action where it was accepted before."""
    request.auth.require("triage")
    run = request.auth.run(run_id, documents=True)
    action, is_new = proposals.accept(run, chosen.key, request.auth.user)
    return Status(201 if is_new else 200, detailed(request, action.pk))


@router.get("projects/{project}/ledger", response={200: LedgerOut, **REFUSALS})
def get_ledger(request: ApiRequest, project: str) -> dict[str, Any]:
    """Expected against reached gain over the project's actions."""
    request.auth.require("read")
    return ledger_out(ledger.of(request.auth.project(project)))


@router.get("projects/{project}/campaign-report", response={200: str, **REFUSALS})
def get_campaign_report(
    request: ApiRequest, project: str, runs: str, form: Literal["markdown", "html"] = "markdown"
) -> HttpResponse:
    """The report that a team keeps, of one to six runs (ids, separated by commas)."""
    request.auth.require("read")
    found = campaign_report.of(request.auth.project(project), campaign_report.ids_of(runs))
    text = campaign_report.markdown(found) if form == "markdown" else campaign_report.html(found)
    return HttpResponse(text, content_type=f"text/{form}; charset=utf-8")
