"""A run: its verdict, whether to believe it, its figures, the pictures, and the raw material."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from runs import audit, shape, tracing
from runs.access import Access
from runs.analysis import wording
from runs.figures import saturation as saturation_figure
from runs.figures import timeline as timeline_figure
from runs.figures.chart import Chart
from runs.models import AuditEntry, InvalidMark, Project, Retest, Run, RunFile, ShareLink
from runs.tuning import touched
from runs.views import report_rows, run_rows
from runs.views.against import against, baseline_of
from runs.views.visitor import access, page

EVERY = "*"
_ORDER = {"fail": 0, "inconclusive": 1, "pass": 2}
_MOST_LOGGED = 50


@page
def run_page(request: HttpRequest, run_id: UUID) -> HttpResponse:
    visitor = access(request)
    run = visitor.run(run_id, documents=True)
    context = _context(request, visitor, run)
    if not run.is_ready or run.report is None:
        return render(request, "runs/run_waiting.html", context)
    context |= answers(run, run.report)
    context |= pictures(run, run.report, request.GET.get("scenario", ""))
    return render(request, "runs/run_page.html", context)


def _context(request: HttpRequest, visitor: Access, run: Run) -> dict[str, Any]:
    """What stands on the page of every run, whatever has become of it."""
    files = list(run.files.all())
    typed = request.session.pop("typed", None) or {}
    link = ShareLink.objects.filter(run=run).first()
    return {
        "run": run,
        "project": run.project,
        "here": "runs",
        "files": files,
        "may_triage": visitor.may_in(run.project, "triage"),
        "label_lines": "\n".join(f"{key}={value}" for key, value in run.labels.items()),
        "typed": {typed["what"]: typed["text"]} if typed else {},
        "mark": InvalidMark.objects.filter(run=run).first(),
        "share": request.build_absolute_uri(link.get_absolute_url()) if link else "",
        "log": _log(run, files),
        "title": f"{run.campaign} {run.short_id}",
        **material(run),
    }


def material(run: Run) -> dict[str, Any]:
    """What the run was made of, as the manifest says it."""
    manifest = run.manifest or {}
    return {
        "manifest": manifest,
        "campaign_text": (manifest.get("campaign") or {}).get("text", ""),
        "environment": _environment(manifest),
    }


@dataclass(frozen=True)
class LogLine:
    at: datetime
    words: str


def _log(run: Run, files: Sequence[RunFile]) -> list[LogLine]:
    """What happened to the run in the portal, the newest first."""
    sender = f" by {run.uploaded_by}" if run.uploaded_by else ""
    lines = [LogLine(run.uploaded_at, f"Announced{sender}")]
    if files:
        size = wording.size(sum(file.bytes for file in files))
        count = wording.plural(len(files), "file")
        lines.append(LogLine(max(file.received_at for file in files), f"{count} received, {size}"))
    entries = AuditEntry.objects.filter(run=run.pk)[:_MOST_LOGGED]
    lines += [LogLine(entry.at, _entry_words(entry)) for entry in entries]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def _entry_words(entry: AuditEntry) -> str:
    words = f"{entry.name} {audit.WORDS.get(entry.what, wording.name(entry.what))}"
    return f"{words}: {entry.detail}" if entry.detail else words


def _environment(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The generator's machine, its tool, and the code under test, as far as they are known."""
    tool = manifest.get("tool") or {}
    named: list[tuple[str, Any]] = [
        ("tool", f"{tool.get('name', '')} {tool.get('version', '')}".strip())
    ]
    named += [(f"git {key}", value) for key, value in (manifest.get("git") or {}).items()]
    named += [(f"host {key}", value) for key, value in (manifest.get("host") or {}).items()]
    named += [("seed", manifest.get("seed")), ("target", shape.target(manifest))]
    return [(wording.name(key), str(value)) for key, value in named if value not in (None, "")]


def answers(run: Run, report: Mapping[str, Any]) -> dict[str, Any]:
    points = report["saturation"]
    whole = report_rows.whole(report)
    criteria = sorted(report["criteria"], key=lambda one: _ORDER.get(one["verdict"], 3))
    baseline = baseline_of(run)
    before = against(run, baseline) if baseline and baseline.report else None
    return {
        "title": run_rows.title(run, points),
        "report": report,
        "criteria": criteria,
        "verdict_words": verdict_words(report["verdict"], criteria),
        "validity_words": _validity_words(report["validity"]),
        "dispatch_p99_ms": (whole or {}).get("dispatch_delay_ms", {}).get("p99"),
        "headrooms": [_headroom(point, run.project) for point in points if point.get("headroom")],
        "against": before,
        "tiles": report_rows.tiles(run.samples, run.headline or {}, whole, run.timeline, before),
        "rows": report_rows.series_rows(report),
        "columns": report_rows.COLUMNS,
        "tokens": report_rows.token_rows(report),
        "journeys": report["journeys"],
        "errors": report_rows.error_rows(report),
        "retests": touched.by(run),
        "not_applicable": Retest.Outcome.NOT_APPLICABLE,
        "traces": tracing.is_template(run.project.trace_url),
    }


def _headroom(point: Mapping[str, Any], project: Project) -> dict[str, Any]:
    """A saturation entry with how long its headroom lasts at the project's growth."""
    lasts = lasting(point["headroom"].get("ratio"), project.growth_percent)
    return {**point, "lasts": lasts}


def lasting(ratio: float | None, growth_percent: float | None) -> str:
    """'lasts 10 months at 5 % growth a month'; empty where either is unknown."""
    if ratio is None or not growth_percent or ratio <= 0:
        return ""
    grows = f"{wording.number(growth_percent)} % growth a month"
    if ratio <= 1:
        return f"used up already, at {grows}"
    months = math.log(ratio) / math.log1p(growth_percent / 100)
    return f"lasts {wording.plural(math.floor(months), 'month')} at {grows}"


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


def pictures(run: Run, report: Mapping[str, Any], wanted: str) -> dict[str, Any]:
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
        "wanted": EVERY if scenario is None else scenario,
        "timeline": timeline_figure.draw(timeline, scenario),
        "probe_charts": timeline_figure.probes(timeline, scenario, ceilings),
    }
