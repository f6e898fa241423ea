"""Tuning actions: the board and the list of a project's, and one with what runs said of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from runs import tuning
from runs.analysis import priority, wording
from runs.errors import PortalError
from runs.figures import retests as retests_figure
from runs.figures.chart import Chart
from runs.models import Action, ActionCriterion, Retest, Run
from runs.tuning import baseline, ledger, trial
from runs.views.visitor import access, page

State = Action.State
CLOSED: Final = (State.VERIFIED, State.REJECTED, State.DEFERRED)
_BROKEN: Final = (State.FAILED, State.REGRESSED)
_COLUMNS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("Failed or regressed", _BROKEN),
    ("Proposed", (State.PROPOSED,)),
    ("Accepted", (State.ACCEPTED,)),
    ("On trial", (State.IMPLEMENTED,)),
    ("Verified", (State.VERIFIED,)),
)
_LEVELS: Final = ("high", "medium", "low")
_FILTERS: Final = ("state", "kind", "area", "owner", "q")
_LONGEST: Final = 200


@dataclass(frozen=True)
class ActionRow:
    """An action as lists show it; `lost` are criteria that can no longer be evaluated."""

    action: Action
    latest: Retest | None
    criteria: int
    lost: tuple[str, ...]
    today: date

    @property
    def is_overdue(self) -> bool:
        due = self.action.due
        return due is not None and due < self.today and self.action.state not in CLOSED

    @property
    def is_back(self) -> bool:
        """Put off until a day that has come."""
        until = self.action.deferred_until
        return until is not None and until <= self.today


@dataclass(frozen=True)
class Column:
    """A column of the board: quick wins before structural work."""

    name: str
    rows: tuple[ActionRow, ...]

    @property
    def groups(self) -> list[tuple[str, list[ActionRow]]]:
        found = [
            (kind.label, [row for row in self.rows if row.action.kind == kind])
            for kind in Action.Kind
        ]
        return [(name, rows) for name, rows in found if rows]


@page
def action_list(request: HttpRequest, slug: str) -> HttpResponse:
    visitor = access(request)
    project = visitor.project(slug)
    retests = Retest.objects.exclude(outcome=Retest.Outcome.NOT_APPLICABLE)
    loaded = (
        visitor.actions()
        .filter(project=project)
        .prefetch_related(
            Prefetch("retests", retests.select_related("run").defer(*_run_documents())), "criteria"
        )
    )
    wanted = {name: request.GET.get(name, "").strip()[:_LONGEST] for name in _FILTERS}
    today = timezone.now().date()
    every = [_row(action, today) for action in sorted(loaded, key=_order)]
    rows = [row for row in every if _is_wanted(row.action, wanted)]
    opened = [row for row in rows if row.action.state not in CLOSED]
    context = {
        "project": project,
        "here": "actions",
        "view": "list" if request.GET.get("view") == "list" else "board",
        "rows": rows,
        "open": opened,
        "closed": [row for row in rows if row.action.state in CLOSED],
        "aside": [row for row in rows if row.action.state in (State.REJECTED, State.DEFERRED)],
        "columns": _columns(rows),
        "grid": _grid(opened),
        "lost": [row for row in opened if row.lost],
        "wanted": wanted,
        "is_filtered": any(wanted.values()),
        "has_any": bool(every),
        "states": State.choices,
        "kinds": Action.Kind.choices,
        "areas": Action.Area.choices,
        "owners": sorted({row.action.owner for row in every if row.action.owner}),
        "rule": priority.RULE,
    }
    return render(request, "actions/action_list.html", context)


def _run_documents() -> list[str]:
    return [f"run__{name}" for name in Run.DOCUMENTS]


def _row(action: Action, today: date) -> ActionRow:
    """From what was prefetched, so that a list costs a fixed number of queries."""
    found, criteria = list(action.retests.all()), list(action.criteria.all())
    latest = found[0] if found else None
    return ActionRow(action, latest, len(criteria), lost_criteria(criteria, latest), today)


def lost_criteria(criteria: Iterable[ActionCriterion], latest: Retest | None) -> tuple[str, ...]:
    """Those that the newest run could not evaluate at all: a step was renamed, say."""
    figures = latest.figures if latest else []
    lost = {one.get("text") for one in figures if one.get("is_evaluable") is False}
    return tuple(one.text for one in criteria if one.text in lost)


def _order(action: Action) -> tuple[int, int, int]:
    """What is broken first; then by priority."""
    return (0 if action.state in _BROKEN else 1, -action.priority, action.number)


def _is_wanted(action: Action, wanted: Mapping[str, str]) -> bool:
    text = f"{action.ref} {action.title} {action.description}".lower()
    return (
        wanted["state"] in ("", action.state)
        and wanted["kind"] in ("", action.kind)
        and wanted["area"] in ("", action.area)
        and wanted["owner"] in ("", action.owner)
        and all(word in text for word in wanted["q"].lower().split())
    )


def _columns(rows: Sequence[ActionRow]) -> list[Column]:
    return [
        Column(name, tuple(row for row in rows if row.action.state in states))
        for name, states in _COLUMNS
    ]


def _grid(rows: Sequence[ActionRow]) -> list[tuple[str, list[tuple[str, list[ActionRow]]]]]:
    """Impact from high to low, and for each the efforts from low to high."""

    def at(impact: str, effort: str) -> list[ActionRow]:
        return [one for one in rows if (one.action.impact, one.action.effort) == (impact, effort)]

    return [
        (impact, [(effort, at(impact, effort)) for effort in reversed(_LEVELS)])
        for impact in _LEVELS
    ]


@page
def action_page(request: HttpRequest, action_id: int) -> HttpResponse:
    visitor = access(request)
    action = visitor.action(action_id)
    context = _context(action) | {"may_change": visitor.may_in(action.project, "triage")}
    return render(request, "actions/action_page.html", context)


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
        "lost": lost_criteria(action.criteria.all(), latest),
        "retests": retests,
        "evidence": list(action.evidence.defer(*Run.DOCUMENTS)),
        "events": list(events.order_by("-at", "-id")),
        "charts": _charts(action, judged),
        "next_states": sorted(tuning.BY_PEOPLE[action.state]),
        "advice": baseline.advice(action),
        "baseline": baseline.of(action) if baseline.is_needed(action) else action.baseline,
        "gain": ledger.entry(action),
        "rule": priority.RULE,
        "meanings": {
            name: priority.MEANINGS[name][getattr(action, name)]
            for name in ("impact", "effort", "risk")
        },
        "is_overdue": _row(action, timezone.now().date()).is_overdue,
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
    """Each criterion in words, with its trial and what the latest run measured for it."""
    figures = latest.figures if latest else []
    by_text = {figure.get("text"): figure for figure in figures}
    return [
        {
            "criterion": one,
            "words": trial.in_words(one.text),
            "advice": trial.advice(one.trial),
            "judgement": by_text.get(one.text),
        }
        for one in action.criteria.all()
    ]


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
        until = _date(request.POST.get("deferred_until", ""))
        to = request.POST.get("to", "")
        until = until if to == State.DEFERRED else None
        tuning.transition(action, to, visitor.user, detail, deferred_until=until)
    except PortalError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"{action.ref} is {wording.name(action.state)} now.")
    return redirect("runs:action", action_id=action.pk)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


@require_POST
@page
def add_comment(request: HttpRequest, action_id: int) -> HttpResponse:
    visitor = access(request)
    visitor.require("triage")
    action = visitor.action(action_id)
    try:
        tuning.comment(action, request.POST.get("text", "")[:20_000], visitor.user)
    except PortalError as error:
        messages.error(request, error.detail)
    return redirect("runs:action", action_id=action.pk)
