"""A run as one HTML file that needs nothing else: for those who never sign in, and for print."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import mark_safe

from runs.figures import svg
from runs.figures.chart import Chart
from runs.models import Run, ShareLink
from runs.views import run_page
from runs.views.visitor import access, page

_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")


@page
def run_report(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The file to keep, to mail, to attach to a ticket."""
    run = access(request).run(run_id, documents=True)
    if not run.is_ready or run.report is None:
        return redirect("runs:run", run_id=run.pk)  # whose page says where it stands
    answer = HttpResponse(document(run))
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name(run)}"'
    return answer


def file_name(run: Run) -> str:
    """Of letters, digits, dots and dashes alone, whatever the campaign is called."""
    campaign = _NAME.sub("-", run.campaign).strip(".-")[:60] or "run"
    return f"{campaign}-{run.short_id}.html"


@login_not_required
def shared_report(request: HttpRequest, key: str) -> HttpResponseBase:
    """The same for whoever knows the address; nothing else of the portal is open to them."""
    link = ShareLink.objects.select_related("run__project").filter(key=key).first()
    if link is None or link.run.deleted_at is not None or link.run.report is None:
        raise Http404("This link leads to nothing; it may have been ended.")
    answer = _allowing_its_style(request, link.run)
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@cache
def _style() -> str:
    path = Path(settings.BASE_DIR) / "static" / "css" / "report.css"
    return path.read_text(encoding="utf-8")


def _digest() -> str:
    found = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"'sha256-{found}'"


def _allowing_its_style(request: HttpRequest, run: Run) -> HttpResponseBase:
    """The one style sheet that stands in the file is allowed by its digest, and no other."""

    @csp_replace({"style-src": [_digest()], "script-src": ["'none'"], "default-src": ["'none'"]})
    def answered(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(document(run))

    return answered(request)


def document(run: Run) -> str:
    """The whole file."""
    report = run.report or {}
    context: dict[str, Any] = {
        "run": run,
        "project": run.project,
        **run_page.answers(run, report),
        **run_page.material(run),
        "made_at": timezone.now(),
        # Our own file, read above: nothing in it comes from outside.
        "style": mark_safe(_style()),
    }
    pictures = run_page.pictures(run, report, "")
    context |= pictures
    context["timeline_drawn"] = [_drawn(one) for one in pictures.get("timeline", [])]
    context["probes_drawn"] = [_drawn(one) for one in pictures.get("probe_charts", [])]
    for panel in (*pictures["saturated"], *pictures["unsaturated"]):
        panel["drawn"] = _drawn(panel["chart"]) if panel["chart"] else None
    return render_to_string("runs/report.html", context)


def _drawn(chart: Chart) -> dict[str, Any]:
    # svg.draw escapes every text that it writes.
    picture = mark_safe(svg.draw(chart.figure, chart.title)) if chart.figure else ""
    return {"chart": chart, "svg": picture}
