"""Parts of a run's page that are fetched when they come into view, and kept by the browser.

Each is computed once for a calculation version; the browser is told with an ETag.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_cache_control

from runs import live, reports, samples, tagged, tracing
from runs.analysis import distribution
from runs.analysis.distribution import Distribution
from runs.analysis.plan import PLATEAU
from runs.analysis.run_data import RunData
from runs.errors import NotFoundError
from runs.figures import distribution as distribution_figure
from runs.figures import timeline as timeline_figure
from runs.models import Run
from runs.views.visitor import access, page

_KEPT_S: Final = 24 * 3600
# Rises whenever the same run would be drawn in another way.
DRAWING_VERSION: Final = 1


@dataclass(frozen=True)
class Part:
    template: str
    context: Callable[[Run, str], dict[str, Any]]


@page
def run_part(request: HttpRequest, run_id: UUID, name: str) -> HttpResponse:
    run = access(request).run(run_id)
    part = PARTS.get(name)
    if part is None:
        raise NotFoundError("part_not_found", f"A run's page has no part '{name[:40]}'.")
    scenario = request.GET.get("scenario", "")[:200]
    tag = _tag(run, name, scenario)
    return tagged.answer(request, tag, lambda: HttpResponse(_rendered(run, part, scenario, tag)))


@page
def run_live(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """How far a run is that is still coming in; a page that shows it is told when it is there."""
    run = access(request).run(run_id)
    if run.is_settled:
        return HttpResponse(headers={"HX-Refresh": "true"})
    whole = Run.objects.defer("report", "timeline", "curves").get(pk=run.pk)
    found = live.progress(whole)
    context = {"run": whole, "progress": found, "percent": round(found.share * 100)}
    answer = HttpResponse(render_to_string("runs/part_live.html", context))
    patch_cache_control(answer, private=True, no_store=True)
    return answer


def _tag(run: Run, name: str, scenario: str) -> str:
    version = (run.calculation_version, DRAWING_VERSION)
    return tagged.tag_of(run.pk, *version, name, scenario, run.project.trace_url, run.processing)


def _rendered(run: Run, part: Part, scenario: str, tag: str) -> str:
    key = f"part:{tag}"
    found: str | None = cache.get(key)
    if found is None:
        context = {"run": run, **part.context(run, scenario)}
        found = render_to_string(part.template, context)
        cache.set(key, found, _KEPT_S)
    return found


def _samples(run: Run, _scenario: str) -> dict[str, Any]:
    """The errors with a sample of each, and the slowest requests."""
    try:
        found = samples.evidence(run)
    except FileNotFoundError:
        return {"evidence": None}
    template = run.project.trace_url
    return {
        "evidence": found,
        "groups": [(group, _traced(group.first, template)) for group in found.groups],
        "slowest": [_traced(one, template) for one in found.slowest],
    }


@dataclass(frozen=True)
class Traced:
    sample: samples.Sample
    trace: str


def _traced(sample: samples.Sample, template: str) -> Traced:
    return Traced(sample, tracing.address(template, sample.trace_id))


def _distribution(run: Run, scenario: str) -> dict[str, Any]:
    """The heatmap and the percentile spectrum of one scenario, or of all of them together."""
    whole = Run.objects.get(pk=run.pk)
    timeline = whole.timeline
    try:
        data = reports.run_data(whole)
    except FileNotFoundError:
        return {"charts": [], "sentences": []}
    if not timeline or not whole.is_ready:
        return {"charts": [], "sentences": []}
    name = scenario if scenario in timeline["scenarios"] else None
    heat = distribution.heatmap(data, name)
    clock = timeline_figure.clock_of(timeline)
    bands = timeline_figure.phases(timeline, name)
    lines = _lines(data, whole.report or {}, name)
    charts = [
        distribution_figure.heatmap("heatmap", heat, clock, bands),
        distribution_figure.spectrum("spectrum", lines),
    ]
    sentences = [distribution_figure.modes_sentence(line) for line in lines]
    return {"charts": charts, "sentences": [one for one in sentences if one]}


def _lines(data: RunData, report: dict[str, Any], scenario: str | None) -> list[Distribution]:
    """At most eight: plateaus first, where there are more steps and phases than that."""
    rows = [
        row
        for row in report["series"]
        if not row["pooled"] and row["count"] and scenario in (None, row["scenario"])
    ]
    if len(rows) > distribution_figure.MOST_LINES:
        rows.sort(key=lambda row: row["phase"] != PLATEAU)
        rows = rows[: distribution_figure.MOST_LINES]
    return [distribution.of(data, row["scenario"], row["step"], row["phase"]) for row in rows]


PARTS: Final[dict[str, Part]] = {
    "samples": Part("runs/part_samples.html", _samples),
    "distribution": Part("runs/part_distribution.html", _distribution),
}
