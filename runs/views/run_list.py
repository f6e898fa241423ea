"""The runs of a project, newest first, narrowed by what the address says."""

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from runs import reports
from runs.models import Project, Retest, Run
from runs.reports import RunFilter
from runs.views.run_rows import RunRow, row
from runs.views.visitor import access, page

PAGE_SIZE = 50
_FILTERS = ("q", "campaign", "verdict", "validity", "branch", "environment")
_LONGEST = 200


@dataclass(frozen=True)
class Chip:
    """A filter that is on, and the address without it."""

    words: str
    without: str


@page
def run_list(request: HttpRequest, slug: str) -> HttpResponse:
    visitor = access(request)
    project = visitor.project(slug)
    wanted = {name: request.GET.get(name, "").strip()[:_LONGEST] for name in _FILTERS}
    found = reports.selected(visitor.runs(), _filter(project, wanted))
    shown = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "here": "runs",
        "rows": _rows(shown),
        "shown": shown,
        "wanted": wanted,
        "chips": _chips(wanted),
        "campaigns": _campaigns(project),
        "verdicts": Run.Verdict.values,
        "validities": Run.Validity.values,
        "portal": request.build_absolute_uri("/").rstrip("/"),
        "older": _page_address(request.GET, shown, +1),
        "newer": _page_address(request.GET, shown, -1),
    }
    return render(request, "runs/run_list.html", context)


def _filter(project: Project, wanted: dict[str, str]) -> RunFilter:
    return RunFilter(
        project=project.slug,
        text=wanted["q"],
        campaign=wanted["campaign"],
        verdict=wanted["verdict"],
        validity=wanted["validity"],
        branch=wanted["branch"],
        environment=wanted["environment"],
    )


def _rows(shown: Page[Run]) -> list[RunRow]:
    runs = list(shown.object_list)
    retests = _retests(runs)
    return [row(run, retests.get(run.pk, [])) for run in runs]


def _retests(runs: list[Run]) -> dict[UUID, list[Retest]]:
    """All re-tests of the page's runs in one query."""
    found: dict[UUID, list[Retest]] = {}
    for retest in Retest.objects.filter(run__in=runs).select_related("action"):
        found.setdefault(retest.run_id, []).append(retest)
    return found


def _campaigns(project: Project) -> list[str]:
    names = project.runs.order_by("campaign").values_list("campaign", flat=True)
    return list(names.distinct()[:100])


def _chips(wanted: dict[str, str]) -> list[Chip]:
    chips = []
    for name, value in wanted.items():
        if value:
            rest = {key: one for key, one in wanted.items() if one and key != name}
            chips.append(Chip(f"{'search' if name == 'q' else name}: {value}", _address(rest)))
    return chips


def _page_address(address: QueryDict, shown: Page[Run], step: int) -> str:
    number = shown.number + step
    if not 1 <= number <= shown.paginator.num_pages:
        return ""
    kept = {name: str(address[name]) for name in _FILTERS if address.get(name)}
    return _address(kept | {"page": str(number)})


def _address(values: dict[str, str]) -> str:
    return "?" + urlencode(values) if values else "?"
