"""Tuning actions: the board and the list of a project's, and one with what runs said of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from runs import tuning
from runs.analysis import priority, wording
from runs.errors import PortalError
from runs.figures import retests as retests_figure
from runs.figures.chart import Chart
from runs.models import Action, ActionCriterion, Project, Retest, Run
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
_ASIDE: Final = (State.REJECTED, State.DEFERRED)
_LONGEST: Final = 200
_IN_A_LIST: Final = 50  # actions of a page
_IN_A_COLUMN: Final = 16  # cards
_IN_A_CELL: Final = 12  # marks
_MOST_LISTED: Final = 50  # re-tests, and events, of an action's page
_MOST_DRAWN: Final = 100  # runs of its charts
# How a criterion that could not be evaluated stands in a re-test's figures.
_SAID_OF_LOST: Final = '"is_evaluable": false'


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
        return _is_overdue(self.action, self.today)

    @property
    def is_back(self) -> bool:
        """Put off until a day that has come."""
        until = self.action.deferred_until
        return until is not None and until <= self.today


def _is_overdue(action: Action, today: date) -> bool:
    return action.due is not None and action.due < today and action.state not in CLOSED


@dataclass(frozen=True)
class Column:
    """A column of the board: quick wins before structural work. `count` is how many there are,
    `rows` the first of them, `states` where the others are found."""

    name: str
    count: int
    rows: tuple[ActionRow, ...]
    states: tuple[str, ...]

    @property
    def groups(self) -> list[tuple[str, list[ActionRow]]]:
        found = [
            (kind.label, [row for row in self.rows if row.action.kind == kind])
            for kind in Action.Kind
        ]
        return [(name, rows) for name, rows in found if rows]

    @property
    def further(self) -> int:
        return self.count - len(self.rows)


@page
def action_list(request: HttpRequest, slug: str) -> HttpResponse:
    """However many actions there are, only those that are shown are read with their re-tests."""
    visitor = access(request)
    project = visitor.project(slug)
    mine = visitor.actions().filter(project=project).select_related(None)
    wanted = {name: request.GET.get(name, "").strip()[:_LONGEST] for name in _FILTERS}
    every = sorted(mine, key=_order)
    found = [action for action in every if _is_wanted(action, wanted)]
    opened = [action for action in found if action.state not in CLOSED]
    is_list = request.GET.get("view") == "list"
    context = {
        "project": project,
        "here": "actions",
        "view": "list" if is_list else "board",
        "count": len(found),
        "open": len(opened),
        "grid": _grid(opened),
        "lost": _lost(project, opened),
        "wanted": wanted,
        "is_filtered": any(wanted.values()),
        "has_any": bool(every),
        "states": State.choices,
        "kinds": Action.Kind.choices,
        "areas": Action.Area.choices,
        "owners": sorted({action.owner for action in every if action.owner}),
        "rule": priority.RULE,
    }
    context |= _listed(request, found) if is_list else _board(found)
    return render(request, "actions/action_list.html", context)


def _listed(request: HttpRequest, found: Sequence[Action]) -> dict[str, Any]:
    """A page of the list, what is open before what is settled."""
    ordered = sorted(found, key=lambda action: action.state in CLOSED)
    shown = Paginator(ordered, _IN_A_LIST).get_page(request.GET.get("page"))
    rows = _rows(list(shown.object_list))
    address = request.GET.copy()
    address.pop("page", None)
    return {
        "shown": shown,
        "query": address.urlencode(),
        "open_rows": [row for row in rows if row.action.state not in CLOSED],
        "closed_rows": [row for row in rows if row.action.state in CLOSED],
    }


def _board(found: Sequence[Action]) -> dict[str, Any]:
    columns = [
        (name, states, [action for action in found if action.state in states])
        for name, states in (*_COLUMNS, ("Rejected and deferred", _ASIDE))
    ]
    shown = [action for _, _, mine in columns for action in mine[:_IN_A_COLUMN]]
    rows = {row.action.pk: row for row in _rows(shown)}
    *board, aside = [
        Column(name, len(mine), tuple(rows[one.pk] for one in mine[:_IN_A_COLUMN]), states)
        for name, states, mine in columns
    ]
    return {"columns": board, "aside": aside}


def _run_documents() -> list[str]:
    return [f"run__{name}" for name in Run.DOCUMENTS]


def _rows(actions: Sequence[Action]) -> list[ActionRow]:
    """In a fixed number of queries, however many actions and re-tests there are."""
    judged = Retest.objects.exclude(outcome=Retest.Outcome.NOT_APPLICABLE)
    newest = tuning.newest_of(actions, judged)
    criteria: dict[int, list[ActionCriterion]] = {}
    for one in ActionCriterion.objects.filter(action__in=actions):
        criteria.setdefault(one.action_id, []).append(one)
    today = timezone.now().date()
    return [
        _row(action, newest.get(action.pk), criteria.get(action.pk, []), today)
        for action in actions
    ]


def _row(
    action: Action, latest: Retest | None, criteria: Sequence[ActionCriterion], today: date
) -> ActionRow:
    return ActionRow(action, latest, len(criteria), lost_criteria(criteria, latest), today)


def _lost(project: Project, opened: Sequence[Action]) -> list[ActionRow]:
    """Those with a criterion that the newest run could not evaluate; only actions of which a run
    ever said so are looked into."""
    said = Retest.objects.annotate(text=Cast("figures", TextField())).order_by()
    said = said.filter(action__project=project, text__contains=_SAID_OF_LOST)
    known = set(said.values_list("action_id", flat=True))
    candidates = [action for action in opened if action.pk in known]
    return [row for row in _rows(candidates[:_IN_A_LIST]) if row.lost] if candidates else []


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


@dataclass(frozen=True)
class Cell:
    """Actions of one impact and one effort, the first of them by name."""

    effort: str
    first: Sequence[Action]
    further: int


def _grid(opened: Sequence[Action]) -> list[tuple[str, list[Cell]]]:
    """Impact from high to low, and for each the efforts from low to high."""

    def at(impact: str, effort: str) -> Cell:
        mine = [one for one in opened if (one.impact, one.effort) == (impact, effort)]
        return Cell(effort, mine[:_IN_A_CELL], max(len(mine) - _IN_A_CELL, 0))

    return [(impact, [at(impact, effort) for effort in reversed(_LEVELS)]) for impact in _LEVELS]


@page
def action_page(request: HttpRequest, action_id: int) -> HttpResponse:
    visitor = access(request)
    action = visitor.action(action_id)
    context = _context(action) | {"may_change": visitor.may_in(action.project, "triage")}
    return render(request, "actions/action_page.html", context)


def _context(action: Action) -> dict[str, Any]:
    found = action.retests.select_related("run").defer(*_run_documents())
    judged = list(found.exclude(outcome=Retest.Outcome.NOT_APPLICABLE)[:_MOST_DRAWN])
    latest = judged[0] if judged else None
    fair = baseline.of_each([action]).get(action.pk)
    events = action.events.select_related("user", "run").defer(*_run_documents())
    return {
        "action": action,
        "project": action.project,
        "here": "actions",
        "title": _title(action, latest),
        "latest": latest,
        "criteria": _criteria(action, latest),
        "lost": lost_criteria(action.criteria.all(), latest),
        "retests": list(found[:_MOST_LISTED]),
        "retest_count": found.count(),
        "evidence": list(action.evidence.defer(*Run.DOCUMENTS)),
        "events": list(events.order_by("-at", "-id")[:_MOST_LISTED]),
        "charts": _charts(action, judged),
        "next_states": sorted(tuning.BY_PEOPLE[action.state]),
        "advice": baseline.advice(action, fair),
        "baseline": fair if baseline.is_needed(action) else action.baseline,
        "gain": ledger.entry(action),
        "rule": priority.RULE,
        "meanings": {
            name: priority.MEANINGS[name][getattr(action, name)]
            for name in ("impact", "effort", "risk")
        },
        "is_overdue": _is_overdue(action, timezone.now().date()),
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
