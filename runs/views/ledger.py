"""The ledger: what was expected of each action, and what came."""

import csv
from typing import Final

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from runs.figures import gains
from runs.models import Badge, Project
from runs.tuning import ledger
from runs.views.visitor import access, page

_IN_A_PAGE: Final = 50
_MOST_DRAWN: Final = 100  # the newest actions that are measured
_HEAD = ("action", "title", "area", "author", "expected", "reached", "share", "why")


@page
def ledger_page(request: HttpRequest, slug: str) -> HttpResponse:
    visitor = access(request)
    project = visitor.project(slug)
    found = ledger.of(project)
    if request.GET.get("format") == "csv":
        return _csv(found, f"{project.slug}-ledger.csv")
    measured = [one for one in found.entries if one.share is not None]
    context = {
        "project": project,
        "here": "actions",
        "ledger": found,
        "shown": Paginator(found.entries, _IN_A_PAGE).get_page(request.GET.get("page")),
        "title": _title(found),
        "badge": _badge_address(request, project),
        "may_renew": visitor.may_in(project, "admin"),
        "chart": gains.draw(
            [
                gains.Estimate(
                    one.action.ref, one.expected.factor, one.factor, one.expected.statistic
                )
                for one in measured[-_MOST_DRAWN:]
                if one.expected is not None and one.factor is not None
            ]
        ),
        "groupings": [("By area", found.by_area), ("By author of the estimate", found.by_author)],
    }
    return render(request, "actions/ledger.html", context)


def _badge_address(request: HttpRequest, project: Project) -> str:
    made = Badge.objects.filter(project=project).first()
    return request.build_absolute_uri(made.get_absolute_url()) if made else ""


def _title(found: ledger.Ledger) -> str:
    whole = found.whole
    if not whole.known:
        return "No gain is measured yet"
    return f"Estimates: {whole.words}"


def _csv(found: ledger.Ledger, name: str) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    writer = csv.writer(response)
    writer.writerow(_HEAD)
    writer.writerows([_harmless(cell) for cell in row] for row in ledger.as_table(found.entries))
    return response


def _harmless(cell: str) -> str:
    """A spreadsheet runs what begins like a formula; a sign before a figure stays."""
    is_figure = cell[:1] in "+-" and cell[1:2].isdigit()
    return f"'{cell}" if cell[:1] in ("=", "@", "+", "-", "\t") and not is_figure else cell
