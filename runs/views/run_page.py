"""A run: its verdict, whether to believe it, its figures, the pictures, and the raw material."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from runs.analysis import wording
from runs.figures import saturation as saturation_figure
from runs.figures import timeline as timeline_figure
from runs.figures.chart import Chart
from runs.models import Retest, Run
from runs.tuning import touched
from runs.views import report_rows, run_rows
from runs.views.visitor import access, page

EVERY = "*"
_ORDER = {"fail": 0, "inconclusive": 1, "pass": 2}


@page
def run_page(request: HttpRequest, run_id: UUID) -> HttpResponse:
    run = access(request).run(run_id, documents=True)
    context = _context(run)
    if not run.is_ready or run.report is None:
        return render(request, "runs/run_waiting.html", context)
    context |= _answers(run, run.report)
    context |= _pictures(run, run.report, request.GET.get("scenario", ""))
    return render(request, "runs/run_page.html", context)


def _context(run: Run) -> dict[str, Any]:
    """What stands on the page of every run, whatever has become of it."""
    manifest = run.manifest or {}
    return {
        "run": run,
        "project": run.project,
        "here": "runs",
        "files": list(run.files.all()),
        "manifest": manifest,
        "campaign_text": (manifest.get("campaign") or {}).get("text", ""),
        "environment": _environment(manifest),
        "title": f"{run.campaign} {run.short_id}",
    }


def _environment(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The generator's machine, its tool, and the code under test, as far as they are known."""
    tool = manifest.get("tool") or {}
    named: list[tuple[str, Any]] = [
        ("tool", f"{tool.get('name', '')} {tool.get('version', '')}".strip())
    ]
    named += [(f"git {key}", value) for key, value in (manifest.get("git") or {}).items()]
    named += [(f"host {key}", value) for key, value in (manifest.get("host") or {}).items()]
    named += [("seed", manifest.get("seed"))]
    return [(wording.name(key), str(value)) for key, value in named if value not in (None, "")]


def _answers(run: Run, report: Mapping[str, Any]) -> dict[str, Any]:
    points = report["saturation"]
    whole = report_rows.whole(report)
    criteria = sorted(report["criteria"], key=lambda one: _ORDER.get(one["verdict"], 3))
    return {
        "title": run_rows.title(run, points),
        "report": report,
        "criteria": criteria,
        "verdict_words": verdict_words(report["verdict"], criteria),
        "validity_words": _validity_words(report["validity"]),
        "dispatch_p99_ms": (whole or {}).get("dispatch_delay_ms", {}).get("p99"),
        "headrooms": [point for point in points if point.get("headroom")],
        "tiles": report_rows.tiles(run.samples, run.headline or {}, whole),
        "rows": report_rows.series_rows(report),
        "columns": report_rows.COLUMNS,
        "errors": report_rows.error_rows(report),
        "retests": touched.by(run),
        "not_applicable": Retest.Outcome.NOT_APPLICABLE,
    }


def verdict_words(verdict: str, criteria: Sequence[Mapping[str, Any]]) -> str:
    """The verdict as a sentence."""
    counts = {one: sum(c["verdict"] == one for c in criteria) for one in _ORDER}
    every = wording.plural(len(criteria), "criterion")
    match verdict:
        case "pass":
            return f"Pass: {every} met" if len(criteria) > 1 else "Pass: its criterion is met"
        case "fail":
            return f"Fail: {counts['fail']} of {every} not met"
        case "inconclusive":
            return f"Inconclusive: {counts['inconclusive']} of {every} undecided"
        case "invalid":
            return "Invalid: this run may not be believed, so nothing was judged"
        case _:
            return "No verdict: the campaign states no criteria"


def _validity_words(validity: Mapping[str, Any]) -> str:
    return {
        "valid": "Valid: the generator kept its schedule, and nothing casts doubt on the run",
        "suspect": "Suspect: read the figures with care",
        "invalid": "Invalid: the figures say more about the generator than about the target",
    }.get(str(validity["verdict"]), str(validity["verdict"]))


def _pictures(run: Run, report: Mapping[str, Any], wanted: str) -> dict[str, Any]:
    points = _by_telling(report["saturation"])
    panels = [_panel(index, point, run.curves or {}) for index, point in enumerate(points)]
    context: dict[str, Any] = {
        "saturated": [panel for panel in panels if panel["point"]["verdict"] != "not_reached"],
        "unsaturated": [panel for panel in panels if panel["point"]["verdict"] == "not_reached"],
    }
    if run.timeline:
        context |= _over_time(run, run.timeline, _scenario(run.timeline, points, wanted))
    return context


def _by_telling(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Reached ones first; the whole system after its scenarios."""
    order = {"reached": 0, "inconclusive": 1, "not_reached": 2}
    return sorted(
        points, key=lambda one: (order.get(one["verdict"], 3), one.get("scenario") is None)
    )


def _panel(index: int, point: Mapping[str, Any], curves: Mapping[str, Any]) -> dict[str, Any]:
    scenario = point.get("scenario")
    stages = curves.get(scenario or "", [])
    drawn: Chart | None = None
    if scenario is not None or stages:
        drawn = saturation_figure.draw(f"saturation-{index}", point, stages)
    return {"point": point, "title": wording.capacity(point), "chart": drawn}


def _scenario(
    timeline: Mapping[str, Any], points: Sequence[Mapping[str, Any]], wanted: str
) -> str | None:
    """The scenario that the address names, else the most telling one; None for all together."""
    known = timeline["scenarios"]
    if wanted == EVERY:
        return None
    if wanted in known:
        return wanted
    best = run_rows.telling(points)
    first = best.get("scenario") if best else None
    return first if first in known else next(iter(known), None)


def _over_time(run: Run, timeline: Mapping[str, Any], scenario: str | None) -> dict[str, Any]:
    ceilings = {
        metric["name"]: metric["ceiling"]
        for probe in (run.manifest or {}).get("probes") or []
        for metric in probe.get("metrics") or []
        if metric.get("ceiling") is not None
    }
    return {
        "scenario": scenario,
        "every": EVERY,
        "scenarios": list(timeline["scenarios"]),
        "timeline": timeline_figure.draw(timeline, scenario),
        "probe_charts": timeline_figure.probes(timeline, scenario, ceilings),
    }
