"""Tuning actions: the list of a project's, and one with its criteria and what runs said of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from runs import tuning
from runs.analysis import wording
from runs.errors import PortalError
from runs.figures import retests as retests_figure
from runs.figures.chart import Chart
from runs.models import Action, Retest, Run
from runs.views.visitor import access, page

_RANK = {"high": 0, "medium": 1, "low": 2}
_CLOSED = (Action.State.VERIFIED, Action.State.REJECTED, Action.State.DEFERRED)


@dataclass(frozen=True)
class ActionRow:
    action: Action
    latest: Retest | None
    criteria: int


@page
def action_list(request: HttpRequest, slug: str) -> HttpResponse:
    visitor = access(request)
    project = visitor.project(slug)
    every = visitor.actions().filter(project=project)
    retests = Retest.objects.exclude(outcome=Retest.Outcome.NOT_APPLICABLE)
    loaded = every.prefetch_related(
        Prefetch("retests", retests.select_related("run").defer(*_run_documents())), "criteria"
    )
    rows = [_action_row(action) for action in sorted(loaded, key=_priority)]
    context = {
        "project": project,
        "here": "actions",
        "open": [row for row in rows if row.action.state not in _CLOSED],
        "closed": [row for row in rows if row.action.state in _CLOSED],
    }
    return render(request, "actions/action_list.html", context)


def _run_documents() -> list[str]:
    return [f"run__{name}" for name in Run.DOCUMENTS]


def _action_row(action: Action) -> ActionRow:
    found = list(action.retests.all())
    return ActionRow(action, found[0] if found else None, len(action.criteria.all()))


def _priority(action: Action) -> tuple[int, int, int, int]:
    """What is broken first; then the most impact for the least effort and risk."""
    is_broken = action.state in (Action.State.FAILED, Action.State.REGRESSED)
    rank = (-_RANK[action.effort], -_RANK[action.risk])
    return (0 if is_broken else 1, _RANK[action.impact], *rank)


@page
def action_page(request: HttpRequest, action_id: int) -> HttpResponse:
    action = access(request).action(action_id)
    return render(request, "actions/action_page.html", _context(action))


def _context(action: Action) -> dict[str, Any]:
    found = action.retests.select_related("run").defer(*_run_documents())
    retests = list(found)
    judged = [one for one in retests if one.outcome != Retest.Outcome.NOT_APPLICABLE]
    latest = judged[0] if judged else None
    events = action.events.select_related("user", "run").defer(*_run_documents())
    return {
        "action": action,
        "project": action.project,
        "here": "actions",
        "title": _title(action, latest),
        "latest": latest,
        "criteria": _criteria(action, latest),
        "retests": retests,
        "evidence": list(action.evidence.defer(*Run.DOCUMENTS)),
        "events": list(events.order_by("-at", "-id")),
        "charts": _charts(action, judged),
        "next_states": sorted(tuning.BY_PEOPLE[action.state]),
    }


def _title(action: Action, latest: Retest | None) -> str:
    """The action and, where a run has spoken, its answer."""
    outcome = "" if latest is None else f": {wording.name(latest.outcome)}"
    words = {
        ": pass": ": the re-test passed",
        ": fail": ": the re-test failed",
        ": inconclusive": ": the re-test is inconclusive",
    }.get(outcome, "")
    return f"{action.title}{words}"


def _criteria(action: Action, latest: Retest | None) -> list[dict[str, Any]]:
    """Each criterion with what the latest run measured for it."""
    figures = latest.figures if latest else []
    by_text = {figure.get("text"): figure for figure in figures}
    return [{"criterion": one, "judgement": by_text.get(one.text)} for one in action.criteria.all()]


def _charts(action: Action, judged: Sequence[Retest]) -> list[Chart]:
    """One chart a criterion, its runs oldest first."""
    charts = []
    for index, criterion in enumerate(action.criteria.all()):
        measured = [
            retests_figure.Measurement(
                retest.run.short_id, f"{retest.run.started_at:%Y-%m-%d %H:%M}", figure
            )
            for retest in reversed(judged)
            for figure in retest.figures
            if figure.get("text") == criterion.text
        ]
        if measured:
            charts.append(retests_figure.draw(f"retest-{index}", criterion.text, measured))
    return charts


@require_POST
@page
def change_state(request: HttpRequest, action_id: int) -> HttpResponse:
    """A person moves the action; what is not allowed is said on the page."""
    visitor = access(request)
    visitor.require("triage")
    action = visitor.action(action_id)
    detail = request.POST.get("detail", "").strip()[:500]
    try:
        tuning.transition(action, request.POST.get("to", ""), visitor.user, detail)
    except PortalError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"{action.ref} is {wording.name(action.state)} now.")
    return redirect("runs:action", action_id=action.pk)
