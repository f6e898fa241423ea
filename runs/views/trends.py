"""A statistic over the runs of a project: what changed, when, and what happened at that time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from runs import markers, trends
from runs.analysis import history, wording
from runs.errors import RefusedError
from runs.figures import trend as figure
from runs.models import Marker, Project, Run
from runs.trends import Place, Trend
from runs.views.visitor import access, page

MOST_LINES: Final = 12
_RUNS: Final = (50, 100, 200)
_FILTERS: Final = ("campaign", "branch", "environment")
_STATISTICS: Final = ("p50", "p95", "p99", "goodput", "error_rate", "refusal_rate")
_FLOWS: Final = ("capacity", "headroom")
_MOST_MARKERS: Final = 100


@page
def trend_page(request: HttpRequest, slug: str) -> HttpResponse:
    visitor = access(request)
    project = visitor.project(slug)
    mine = Run.objects.filter(project=project)
    wanted = {name: request.GET.get(name, "").strip()[:200] for name in _FILTERS}
    given = {name: value for name, value in wanted.items() if value}
    newest = (
        mine.filter(processing="ready", **given).defer("manifest", "timeline", "curves").first()
    )
    statistic = request.GET.get("statistic", "").strip()[:500] or _telling(newest)
    most = _number(request.GET.get("runs"))
    context: dict[str, Any] = {
        "project": project,
        "here": "trends",
        "statistic": statistic,
        "wanted": wanted,
        "campaigns": list(_names(mine, "campaign")),
        "branches": list(_names(mine, "branch")),
        "counts": _RUNS,
        "most": most,
        "suggestions": _suggestions(newest),
        "quick": _quick(statistic, wanted, most),
        "markers": list(project.markers.all()[:_MOST_MARKERS]),
        "kinds": Marker.Kind.choices,
        "may_triage": visitor.may_in(project, "triage"),
    }
    try:
        found = trends.of(mine.filter(**given), statistic, most, with_invalid=True)
    except RefusedError as error:
        return render(request, "runs/trends.html", context | _refused(error), status=422)
    return render(request, "runs/trends.html", context | _shown(found, context["markers"]))


def _number(text: str | None) -> int:
    wanted = int(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else _RUNS[0]
    return wanted if wanted in _RUNS else _RUNS[0]


def _names(mine: Any, column: str) -> Any:
    names = mine.exclude(**{column: ""}).order_by(column).values_list(column, flat=True)
    return names.distinct()[:100]


def _telling(newest: Run | None) -> str:
    """Capacity where the newest run looked for it, else p95."""
    points = (newest.headline or {}).get("capacity") if newest else None
    reached = any(point.get("verdict") == "reached" for point in points or [])
    return "capacity(*)" if reached else "p95(*)"


def _suggestions(newest: Run | None) -> list[str]:
    """What the newest run could be asked for, to complete what is typed."""
    rows = ((newest.report or {}).get("series") or []) if newest else []
    places = [
        f"{row['scenario']}/{row['step']}@{row['phase']}" for row in rows if not row["pooled"]
    ]
    scenarios = dict.fromkeys(row["scenario"] for row in rows if row["scenario"])
    flows = [f"{name}({scenario})" for scenario in scenarios for name in _FLOWS]
    return flows + [f"{name}({place})" for place in places[:40] for name in ("p95", "p99")]


@dataclass(frozen=True)
class Quick:
    """A statistic at one click, of what is being looked at."""

    name: str
    address: str
    is_here: bool


def _quick(statistic: str, wanted: Mapping[str, str], most: int) -> list[Quick]:
    """The same place under each of the statistics; capacity and headroom of its scenario."""
    here, _, inside = statistic.partition("(")
    place = inside.rstrip(")") or "*"
    kept = {name: value for name, value in wanted.items() if value}
    kept |= {"runs": str(most)} if most != _RUNS[0] else {}
    found = []
    for name in (*_FLOWS, *_STATISTICS):
        of = place.split("/")[0].split("@")[0] if name in _FLOWS else place
        address = "?" + urlencode({"statistic": f"{name}({of})", **kept})
        found.append(Quick(wording.name(name), address, name == here.strip()))
    return found


def _refused(error: RefusedError) -> dict[str, Any]:
    return {"title": "This statistic cannot be read", "refused": error.detail, "charts": []}


def _shown(found: Trend, drawn: Sequence[Marker]) -> dict[str, Any]:
    marks = [figure.Mark(one.at, one.kind, one.text) for one in drawn]
    known = {
        place: points
        for place, points in found.lines.items()
        if any(point.figure.value is not None for point in points)
    }
    lines = [
        _line(found, place, points, marks) for place, points in list(known.items())[:MOST_LINES]
    ]
    unknown = [_where(place) for place in found.lines if place not in known]
    told = [(line, change) for line in lines for change in line.history.changes]
    return {
        "title": _title(lines),
        "charts": [figure.draw(f"trend-{index}", line) for index, line in enumerate(lines)],
        "changes": [
            {
                "words": figure.change_sentence(line, change),
                "direction": change.direction,
                "status": change.status,
                "point": line.counted[change.at],
            }
            for line, change in told
        ],
        "left_out": max(len(known) - MOST_LINES, 0),
        "unknown": ", ".join(unknown[:MOST_LINES]),
        "too_short": _too_short(lines),
    }


def _too_short(lines: Sequence[figure.Line]) -> str:
    """Why nothing can be told yet, of the line that lacks the fewest runs."""
    short = sorted(lines, key=lambda line: line.history.more_runs)
    return short[0].history.reason if short else ""


def _line(
    found: Trend, place: Place, points: Sequence[trends.Point], marks: Sequence[figure.Mark]
) -> figure.Line:
    unit = _unit(found)
    drawn = [_point(point) for point in points]
    values = [point.value for point in drawn if point.is_counted]
    detected = history.detect(values, found.better)
    title = f"{wording.name(found.statistic.partition('(')[0].strip())} of {_where(place)}"
    return figure.Line(title, unit, drawn, detected, marks)


def _unit(found: Trend) -> str:
    """Shares are read as per cent, headroom as times the peak."""
    name = found.statistic.partition("(")[0].strip()
    if name.endswith("_rate") or name.startswith("rate_"):
        return "%"
    return "×" if name == "headroom" else found.unit


def _where(place: Place) -> str:
    names = "/".join(one for one in (place.scenario, place.step) if one)
    return f"{names} @ {place.phase}" if place.phase else names


def _point(point: trends.Point) -> figure.Point:
    run = point.run
    return figure.Point(
        run=f"{run.campaign} {run.short_id}",
        address=run.get_absolute_url(),
        at=run.started_at,
        value=point.figure.value,
        ci=point.figure.ci,
        count=point.figure.count,
        verdict=wording.name(run.verdict),
        is_counted=run.validity != Run.Validity.INVALID,
    )


def _title(lines: Sequence[figure.Line]) -> str:
    """What the history says, in a sentence."""
    if not lines:
        return "No run has this figure"
    confirmed = sum(len(line.history.confirmed) for line in lines)
    suspected = sum(len(line.history.suspected) for line in lines)
    if confirmed or suspected:
        told = [wording.plural(confirmed, "confirmed change")] if confirmed else []
        told += [wording.plural(suspected, "suspected change")] if suspected else []
        return " and ".join(told)
    runs = max(line.history.runs for line in lines)
    if all(line.history.more_runs for line in lines):
        return f"{wording.plural(runs, 'run')}: too few to tell a change"
    return f"No change in {wording.plural(runs, 'run')}"


@require_POST
@page
def add_marker(request: HttpRequest, slug: str) -> HttpResponse:
    visitor = access(request)
    visitor.require("triage")
    project = visitor.project(slug)
    text = request.POST.get("text", "").replace("\0", "").strip()
    at, kind = _moment(request.POST.get("at", "")), request.POST.get("kind", "")
    if at is None or not text or kind not in Marker.Kind.values:
        messages.error(request, "A marker needs a time in UTC, a kind and a few words.")
        return _back(request, project)
    marker = markers.add(visitor, project, at, kind, text)
    messages.success(request, f"The marker '{marker.text}' is drawn over the trends.")
    return _back(request, project)


@require_POST
@page
def remove_marker(request: HttpRequest, slug: str, marker_id: int) -> HttpResponse:
    visitor = access(request)
    visitor.require("triage")
    project = visitor.project(slug)
    marker = project.markers.filter(pk=marker_id).first()
    if marker is not None:
        markers.remove(visitor, marker)
    return _back(request, project)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _back(request: HttpRequest, project: Project) -> HttpResponse:
    """To the trend that was looked at; the query alone is taken from the form."""
    query = request.POST.get("query", "")[:1500]
    address = redirect("runs:trends", slug=project.slug)
    if query.startswith("?"):
        address.headers["Location"] += "?" + query.lstrip("?").replace("\n", "").replace("\r", "")
    return address
