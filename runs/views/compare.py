"""Two to six runs side by side; the first is the one that the others are held against."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from runs import reports
from runs.access import Access
from runs.errors import NotFound, PortalError
from runs.figures import comparison as figure
from runs.figures.chart import Chart
from runs.models import Run
from runs.views import comparison_rows
from runs.views.comparison_rows import LETTERS
from runs.views.row_history import RowHistory
from runs.views.visitor import access, page

EVERYTHING = "all"


@page
def compare(request: HttpRequest) -> HttpResponse:
    named = [part.strip() for part in request.GET.get("runs", "").split(",") if part.strip()]
    wants_all = request.GET.get("show") == EVERYTHING
    try:
        runs = _runs(access(request), named)
        context = _context(runs, wants_all)
    except NotFound:
        raise
    except PortalError as error:
        return _refused(request, error.detail)
    return render(request, "runs/compare.html", context)


def _refused(request: HttpRequest, detail: str) -> HttpResponse:
    context = {"title": "These runs cannot be compared", "detail": detail, "here": "runs"}
    return render(request, "runs/compare_refused.html", context, status=422)


def _runs(visitor: Access, named: Sequence[str]) -> list[Run]:
    """In the order of the address; a run that is named twice counts once."""
    ids = list(dict.fromkeys(_id(name) for name in named))
    found = {run.pk: run for run in visitor.runs().filter(pk__in=ids[: 2 * len(LETTERS)])}
    for run_id in ids:
        if run_id not in found and len(ids) <= len(LETTERS):
            raise NotFound("run_not_found", f"There is no run {run_id} that you may see.")
    return [found[run_id] for run_id in ids if run_id in found]


def _id(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError as error:
        raise NotFound("run_not_found", f"'{name[:40]}' is not the id of a run.") from error


def _context(runs: Sequence[Run], wants_all: bool) -> dict[str, Any]:
    found = reports.compare(runs)
    documents = [run.report or {} for run in runs]
    known = [row for row in found.rows if comparison_rows.is_on_all_sides(row, documents)]
    apart = [row for row in found.rows if row not in known]
    apart += getattr(found, "only_in", ())
    history = RowHistory(runs[0])
    rows = [comparison_rows.shown(row, history) for row in known]
    capacities = [row for row in rows if row.statistic == "capacity"]
    figures = [row for row in rows if row.statistic != "capacity"]
    told = [row for row in figures if row.is_told]
    sides = [
        {"letter": letter, "run": run, "verdict": verdict, "first": _first(runs, run)}
        for letter, run, verdict in zip(LETTERS, runs, (None, *found.verdicts), strict=False)
    ]
    drawn = _charts(runs)
    return {
        "title": _doubt(runs) or comparison_rows.title(found),
        "here": "runs",
        "project": runs[0].project,
        "sides": sides,
        "others": sides[1:],
        "capacities": capacities,
        "rows": figures if wants_all else told,
        "hidden": 0 if wants_all else len(figures) - len(told),
        "apart": [comparison_rows.shown(row) for row in apart],
        "wants_all": wants_all,
        "everything": EVERYTHING,
        "means": comparison_rows.means(found),
        "not_comparable": found.not_comparable,
        "charts": [one for one, is_told in drawn if is_told],
        "folded": [one for one, is_told in drawn if not is_told],
        "over_time": _over_time(runs),
        "address": ",".join(str(run.pk) for run in runs),
        "swapped": ",".join(str(run.pk) for run in reversed(runs)),
    }


def _first(runs: Sequence[Run], run: Run) -> str:
    """The address in which the others are held against this run."""
    return ",".join(str(one.pk) for one in (run, *(other for other in runs if other is not run)))


def _over_time(runs: Sequence[Run]) -> Chart | None:
    """p95 of everything, moment by moment, of the runs that have a course over time."""
    tracks = [
        figure.Track(letter, run.timeline)
        for letter, run in zip(LETTERS, runs, strict=False)
        if run.timeline
    ]
    return figure.over_time("compare-time", tracks) if len(tracks) > 1 else None


def _is_reached(points: Sequence[Mapping[str, Mapping[str, Any]]], scenario: str) -> bool:
    return any(one.get(scenario, {}).get("verdict") == "reached" for one in points)


def _doubt(runs: Sequence[Run]) -> str:
    """Of two runs, the one that may not be believed is the whole answer."""
    doubted = [
        letter
        for letter, run in zip(LETTERS, runs, strict=False)
        if run.validity == Run.Validity.INVALID
    ]
    if not doubted or len(runs) > 2:
        return ""
    which = "neither run is" if len(doubted) > 1 else f"run {doubted[0]} is not"
    return f"Nothing can be concluded: {which} valid"


def _charts(runs: Sequence[Run]) -> list[tuple[Chart, bool]]:
    """One picture a scenario that at least one of the runs took through more than one load, and
    whether one of them reached its saturation point; all of them where none did."""
    points = [comparison_rows.points_by_scenario(run.report or {}) for run in runs]
    found = dict.fromkeys(name for one in points for name in one)
    scenarios = sorted(found, key=lambda name: not _is_reached(points, name))
    charts = []
    for index, scenario in enumerate(scenarios):
        sides = [
            figure.Side(letter, one.get(scenario, {}), (run.curves or {}).get(scenario, []))
            for letter, run, one in zip(LETTERS, runs, points, strict=False)
        ]
        if max(len(side.points) for side in sides) > 1:
            drawn = figure.draw(f"compare-{index}", scenario, sides)
            charts.append((drawn, _is_reached(points, scenario)))
    is_any_told = any(is_told for _, is_told in charts)
    return [(drawn, is_told or not is_any_told) for drawn, is_told in charts]
