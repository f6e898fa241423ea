"""Where a person begins: the projects, with what is new and what needs a look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlencode

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from runs.access import Access
from runs.analysis import history, wording
from runs.models import Action, Project, Run
from runs.views.run_rows import RunRow, row
from runs.views.visitor import access, page

_OPEN: Final = (Action.State.PROPOSED, Action.State.ACCEPTED, Action.State.IMPLEMENTED)
_NEWEST: Final = 300  # runs of all projects, from which the cards are written
_STRIP: Final = 12
_MOST_LOOKED_INTO: Final = 50


@dataclass(frozen=True)
class Change:
    """A figure that the newest runs have changed, in words, and its trend."""

    words: str
    direction: str
    address: str


@dataclass(frozen=True)
class ProjectCard:
    """`newest` are its last runs, the oldest first; `doubtful` and `failed` count all of them."""

    project: Project
    latest: RunRow | None
    newest: Sequence[Run]
    changes: Sequence[Change]
    runs: int
    doubtful: int
    failed: int
    open_actions: int
    broken_actions: int

    @property
    def doubtful_words(self) -> str:
        return f"{wording.plural(self.doubtful, 'run')} invalid"

    @property
    def failed_words(self) -> str:
        return f"{wording.plural(self.failed, 'run')} could not be read"

    @property
    def broken_words(self) -> str:
        return f"{wording.plural(self.broken_actions, 'action')} failed or regressed"

    @property
    def headroom(self) -> Mapping[str, Any] | None:
        return self.latest.headline.get("headroom") if self.latest else None


@page
def home(request: HttpRequest) -> HttpResponse:
    """Three queries, however many projects there are."""
    visitor = access(request)
    projects = list(_counted(visitor.projects()))
    latest = Run.objects.filter(pk__in=[vars(project)["latest"] for project in projects])
    by_id = {run.pk: run for run in latest.defer(*Run.DOCUMENTS)}
    newest = _newest(visitor)
    cards = [
        _card(project, by_id.get(vars(project)["latest"]), newest.get(project.pk, []), number)
        for number, project in enumerate(projects)
    ]
    return render(request, "runs/home.html", {"cards": cards, "here": "projects"})


def _newest(visitor: Access) -> dict[int, list[Run]]:
    """The newest runs by project, the oldest first."""
    found: dict[int, list[Run]] = {}
    runs = visitor.runs().select_related(None).defer(*Run.DOCUMENTS)
    for run in reversed(runs.order_by("-started_at", "-id")[:_NEWEST]):
        found.setdefault(run.project_id, []).append(run)
    return found


def _counted(projects: QuerySet[Project]) -> QuerySet[Project]:
    newest = Run.objects.filter(project=OuterRef("pk")).order_by("-started_at", "-id")
    return projects.annotate(
        latest=Subquery(newest.values("pk")[:1]),
        run_count=_count(Run, Q()),
        doubtful=_count(Run, Q(validity=Run.Validity.INVALID)),
        failed=_count(Run, Q(processing="failed")),
        open_actions=_count(Action, Q(state__in=_OPEN)),
        broken_actions=_count(Action, Q(state__in=("failed", "regressed"))),
    )


def _count(model: type[Run] | type[Action], condition: Q) -> Subquery:
    """A count of its own: joining runs with actions would multiply both."""
    mine = model.objects.filter(condition, project=OuterRef("pk")).order_by()
    return Subquery(mine.values("project").annotate(n=Count("pk")).values("n"))


def _card(project: Project, latest: Run | None, runs: Sequence[Run], number: int) -> ProjectCard:
    found = vars(project)
    looked_into = runs if number < _MOST_LOOKED_INTO else []
    return ProjectCard(
        project=project,
        latest=row(latest) if latest else None,
        newest=runs[-_STRIP:],
        changes=_changes(project, latest, looked_into),
        runs=found["run_count"] or 0,
        doubtful=found["doubtful"] or 0,
        failed=found["failed"] or 0,
        open_actions=found["open_actions"] or 0,
        broken_actions=found["broken_actions"] or 0,
    )


def _changes(project: Project, latest: Run | None, runs: Sequence[Run]) -> list[Change]:
    """What the newest runs of the campaign that ran last have changed, by their headlines."""
    if latest is None:
        return []
    mine = [
        run
        for run in runs
        if run.campaign == latest.campaign and run.is_ready and run.validity != Run.Validity.INVALID
    ]
    point = row(latest).point
    scenario = point.get("scenario") if point else None
    p95 = [(run.headline or {}).get("p95_ms") for run in mine]
    found = [_change(project, latest, "p95", "p95(*)", p95, "lower")]
    if scenario:
        capacities = [_capacity(run, scenario) for run in mine]
        words, statistic = f"capacity of {scenario}", f"capacity({scenario})"
        found.append(_change(project, latest, words, statistic, capacities, "higher"))
    return [one for one in found if one is not None]


def _capacity(run: Run, scenario: str) -> float | None:
    points = (run.headline or {}).get("capacity") or []
    mine = (one.get("capacity_jps") for one in points if one.get("scenario") == scenario)
    return next(mine, None)


def _change(
    project: Project,
    latest: Run,
    words: str,
    statistic: str,
    values: Sequence[float | None],
    better: Literal["lower", "higher"],
) -> Change | None:
    """The last change, where it is one of the newest runs."""
    changes = history.detect(values, better).changes
    if not changes or changes[-1].at < len(values) - _STRIP:
        return None
    last = changes[-1]
    told = f"{last.status}: {words} {last.direction}, {wording.change(last.ratio)}"
    query = urlencode({"statistic": statistic, "campaign": latest.campaign})
    return Change(told, last.direction, f"{project.get_absolute_url()}trends/?{query}")
