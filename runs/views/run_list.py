"""The runs of a project, newest first, narrowed by what the address says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from runs import audit, reports
from runs.errors import PortalError
from runs.models import Project, Retest, Run, SavedView
from runs.reports import RunFilter
from runs.views.run_rows import RunRow, row
from runs.views.visitor import access, page

PAGE_SIZE: Final = 50
_FILTERS: Final = (
    "q",
    "campaign",
    "verdict",
    "validity",
    "branch",
    "environment",
    "processing",
    "marked",
)
_MARKS: Final = {"baseline": "baselines", "pinned": "pinned"}
_LONGEST: Final = 200
_MOST_LABELS: Final = 10
_COMPLETED_FROM: Final = 200  # the newest runs, whose labels complete what is typed
_LABEL: Final = re.compile(r"^([^=\s]+)=(\S+)$")
Wanted = dict[str, str]


@dataclass(frozen=True)
class Chip:
    """A filter that is on, and the address without it."""

    words: str
    without: str


@dataclass(frozen=True)
class Selection:
    """What the address asks for: filters by name, and labels as KEY:VALUE."""

    wanted: Wanted
    labels: tuple[str, ...]

    @classmethod
    def of(cls, address: QueryDict) -> "Selection":
        wanted = {name: address.get(name, "").strip()[:_LONGEST] for name in _FILTERS}
        labels = [one[:_LONGEST] for one in address.getlist("label") if ":" in one]
        # What is typed as key=value is a label, too.
        words = wanted["q"].split()
        typed = [match for match in map(_LABEL.match, words) if match]
        labels += [f"{match[1]}:{match[2]}" for match in typed]
        wanted["q"] = " ".join(word for word in words if not _LABEL.match(word))
        return cls(wanted, tuple(dict.fromkeys(labels))[:_MOST_LABELS])

    @property
    def is_narrowed(self) -> bool:
        return bool(self.labels) or any(self.wanted.values())

    def filter(self, project: Project) -> RunFilter:
        pairs = [(key, value) for key, _, value in (one.partition(":") for one in self.labels)]
        marked = self.wanted["marked"]
        return RunFilter(
            project=project.slug,
            text=self.wanted["q"],
            campaign=self.wanted["campaign"],
            verdict=self.wanted["verdict"],
            validity=self.wanted["validity"],
            branch=self.wanted["branch"],
            environment=self.wanted["environment"],
            processing=self.wanted["processing"],
            is_baseline=True if marked == "baseline" else None,
            is_pinned=True if marked == "pinned" else None,
            labels=dict(pairs),
        )

    @property
    def query(self) -> str:
        """The address of this selection, without its page."""
        return _address(self.wanted, self.labels)

    def page(self, number: int) -> str:
        return _address({**self.wanted, "page": str(number)}, self.labels)

    @property
    def chips(self) -> list[Chip]:
        chips = [
            Chip(f"{'search' if name == 'q' else name}: {value}", _address(rest, self.labels))
            for name, value in self.wanted.items()
            if value
            for rest in ({key: one for key, one in self.wanted.items() if key != name},)
        ]
        for label in self.labels:
            others = tuple(one for one in self.labels if one != label)
            chips.append(Chip(label.replace(":", "=", 1), _address(self.wanted, others)))
        return chips


def _address(values: Mapping[str, str], labels: tuple[str, ...] = ()) -> str:
    pairs = [(name, value) for name, value in values.items() if value]
    pairs += [("label", one) for one in labels]
    return "?" + urlencode(pairs) if pairs else "?"


@page
def run_list(request: HttpRequest, slug: str) -> HttpResponse:
    visitor = access(request)
    project = visitor.project(slug)
    selection = Selection.of(request.GET)
    mine = Run.objects.filter(project=project)
    shown = Paginator(_selected(mine, selection.filter(project)), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    context = {
        "project": project,
        "here": "runs",
        "rows": _rows(shown, project),
        "shown": shown,
        "wanted": selection.wanted,
        "labels": selection.labels,
        "chips": selection.chips,
        "query": selection.query,
        "campaigns": _campaigns(project),
        "completions": _completions(project),
        "verdicts": Run.Verdict.values,
        "validities": Run.Validity.values,
        "marks": _MARKS,
        "views": list(project.views.all()[:50]),
        "may_triage": visitor.may_in(project, "triage"),
        "deleted": _deleted(request, project),
        "portal": request.build_absolute_uri("/").rstrip("/"),
        "older": selection.page(shown.number + 1) if shown.has_next() else "",
        "newer": selection.page(shown.number - 1) if shown.has_previous() else "",
    }
    return render(request, "runs/run_list.html", context)


def _selected(mine: QuerySet[Run], wanted: RunFilter) -> QuerySet[Run]:
    try:
        return reports.selected(mine, wanted)
    except PortalError:
        return mine.none()  # a label that no run can have


def _rows(shown: Page[Run], project: Project) -> list[RunRow]:
    runs = list(shown.object_list)
    retests, baselines = _retests(runs), _baselines(runs, project)
    return [row(run, retests.get(run.pk, []), baselines.get(run.campaign)) for run in runs]


def _retests(runs: list[Run]) -> dict[UUID, list[Retest]]:
    """All re-tests of the page's runs in one query."""
    found: dict[UUID, list[Retest]] = {}
    for retest in Retest.objects.filter(run__in=runs).select_related("action"):
        found.setdefault(retest.run_id, []).append(retest)
    return found


def _baselines(runs: list[Run], project: Project) -> dict[str, Run]:
    """The newest baseline of each campaign on the page, in one query."""
    marked = Run.objects.filter(project=project, is_baseline=True, processing="ready")
    believed = marked.exclude(validity=Run.Validity.INVALID).defer(*Run.DOCUMENTS)
    mine = believed.filter(campaign__in={run.campaign for run in runs}).order_by("started_at")
    return {run.campaign: run for run in mine}


def _campaigns(project: Project) -> list[str]:
    names = Run.objects.filter(project=project).order_by("campaign")
    return list(names.values_list("campaign", flat=True).distinct()[:100])


def _completions(project: Project) -> list[str]:
    """key=value of the newest runs, which the search completes."""
    newest = Run.objects.filter(project=project).values_list("labels", flat=True)
    found = {
        f"{key}={value}"
        for labels in newest[:_COMPLETED_FROM]
        for key, value in labels.items()
        if _LABEL.match(f"{key}={value}")
    }
    return sorted(found)[:100]


def _deleted(request: HttpRequest, project: Project) -> Run | None:
    """The run that was deleted a moment ago and can be brought back from here."""
    try:
        run_id = UUID(request.GET.get("deleted", ""))
    except ValueError:
        return None
    gone = Run.every.filter(project=project, pk=run_id, deleted_at__isnull=False)
    return gone.defer(*Run.DOCUMENTS).first()


@require_POST
@page
def save_view(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep the selection under a name, for everybody in the project."""
    visitor = access(request)
    visitor.require("triage")
    project = visitor.project(slug)
    name = " ".join(request.POST.get("name", "").replace("\0", "").split())[:80]
    selection = Selection.of(QueryDict(request.POST.get("query", "").lstrip("?")))
    if not name or not selection.is_narrowed:
        messages.error(request, "A view needs a name, and at least one filter that it keeps.")
        return redirect(f"{project.get_absolute_url()}{selection.query}")
    values: dict[str, Any] = {"query": selection.query[:1000], "created_by": visitor.user}
    try:
        with transaction.atomic():
            SavedView.objects.update_or_create(project=project, name=name, defaults=values)
            audit.note(visitor, project, "view.saved", detail=name)
    except IntegrityError:
        messages.error(request, f"The view '{name}' was saved by somebody else just now.")
    return redirect(f"{project.get_absolute_url()}{selection.query}")


@require_POST
@page
def remove_view(request: HttpRequest, slug: str, view_id: int) -> HttpResponse:
    visitor = access(request)
    visitor.require("triage")
    project = visitor.project(slug)
    view = project.views.filter(pk=view_id).first()
    if view is not None:
        with transaction.atomic():
            view.delete()
            audit.note(visitor, project, "view.removed", detail=view.name)
    return redirect(project.get_absolute_url())
