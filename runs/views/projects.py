"""Where a person begins: the projects, with what is new and what needs a look."""

from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from runs.analysis import wording
from runs.models import Action, Project, Run
from runs.views.run_rows import RunRow, row
from runs.views.visitor import access, page

_OPEN = (Action.State.PROPOSED, Action.State.ACCEPTED, Action.State.IMPLEMENTED)


@dataclass(frozen=True)
class ProjectCard:
    project: Project
    latest: RunRow | None
    runs: int
    doubtful: int
    open_actions: int
    broken_actions: int

    @property
    def doubtful_words(self) -> str:
        return f"{wording.plural(self.doubtful, 'run')} invalid or failed"

    @property
    def broken_words(self) -> str:
        return f"{wording.plural(self.broken_actions, 'action')} failed or regressed"


@page
def home(request: HttpRequest) -> HttpResponse:
    """Two queries, however many projects there are."""
    projects = list(_counted(access(request).projects()))
    latest = Run.objects.filter(pk__in=[vars(project)["latest"] for project in projects])
    by_id = {run.pk: run for run in latest.defer(*Run.DOCUMENTS)}
    cards = [_card(project, by_id.get(vars(project)["latest"])) for project in projects]
    return render(request, "runs/home.html", {"cards": cards, "here": "projects"})


def _counted(projects: QuerySet[Project]) -> QuerySet[Project]:
    newest = Run.objects.filter(project=OuterRef("pk")).order_by("-started_at", "-id")
    return projects.annotate(
        latest=Subquery(newest.values("pk")[:1]),
        run_count=_count(Run, Q()),
        doubtful=_count(Run, Q(validity=Run.Validity.INVALID) | Q(processing="failed")),
        open_actions=_count(Action, Q(state__in=_OPEN)),
        broken_actions=_count(Action, Q(state__in=("failed", "regressed"))),
    )


def _count(model: type[Run] | type[Action], condition: Q) -> Subquery:
    """A count of its own: joining runs with actions would multiply both."""
    mine = model.objects.filter(condition, project=OuterRef("pk")).order_by()
    return Subquery(mine.values("project").annotate(n=Count("pk")).values("n"))


def _card(project: Project, latest: Run | None) -> ProjectCard:
    found = vars(project)
    return ProjectCard(
        project=project,
        latest=row(latest) if latest else None,
        runs=found["run_count"] or 0,
        doubtful=found["doubtful"] or 0,
        open_actions=found["open_actions"] or 0,
        broken_actions=found["broken_actions"] or 0,
    )
