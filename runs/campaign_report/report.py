"""The campaign report of some runs: gathered, with the notes that people keep beside it."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from runs import reports
from runs.analysis import wording
from runs.campaign_report import sections
from runs.campaign_report.document import CampaignReport, Section
from runs.errors import Fault, NotFoundError, RefusedError
from runs.models import Project, ReportNotes, Run
from runs.tuning import proposals

MOST_RUNS: Final = 12
SECTIONS: Final = {
    "conclusions": "Conclusions",
    "runs": "Runs and verdicts",
    "load": "Load plan and profiles",
    "environment": "Environment",
    "results": "Results by scenario",
    "saturation": "Saturation points",
    "metrics": "Correlation with the operational metrics",
    "bottlenecks": "Bottlenecks",
    "plan": "Tuning plan: the first actions",
    "actions": "What was tried, and what runs said",
    "reproduce": "How to repeat it",
}
_LONGEST: Final = 20_000


def ids_of(text: str) -> list[UUID]:
    """Run ids separated by commas; RefusedError where one is none, or where there are too many."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    try:
        found = list(dict.fromkeys(UUID(name) for name in names))
    except ValueError as error:
        fault = Fault("runs", "RUN,RUN,… is expected")
        raise RefusedError("run_id", "One of the ids is not the id of a run.", [fault]) from error
    if not 1 <= len(found) <= MOST_RUNS:
        raise RefusedError(
            "runs_to_report",
            f"{len(found)} runs were named; a report is made of 1 to {MOST_RUNS}.",
            [Fault("runs", "RUN,RUN,… is expected")],
        )
    return found


def of(project: Project, ids: Sequence[UUID]) -> CampaignReport:
    """The report of these runs of the project. NotFoundError where one is not there;
    ConflictError before one is ready."""
    runs = _runs(project, ids)
    for run in runs:
        reports.require_ready(run)
    planned = proposals.of_runs(list(reversed(runs)))
    written = {
        "conclusions": sections.conclusions(planned),
        "runs": sections.runs(runs),
        "load": sections.load(runs),
        "environment": sections.environment(runs),
        "results": sections.results(runs),
        "saturation": sections.saturation(runs),
        "metrics": sections.metrics(runs),
        "bottlenecks": sections.bottlenecks(runs),
        "plan": sections.plan(planned),
        "actions": sections.actions(runs),
        "reproduce": sections.reproduce(runs),
    }
    kept_notes = ReportNotes.objects.filter(project=project, runs=_key(runs)).first()
    notes = kept_notes.sections if kept_notes else {}
    return CampaignReport(
        project=project,
        runs=tuple(runs),
        title=(kept_notes.title if kept_notes else "") or _title(runs),
        summary=(planned.summary,),
        sections=tuple(
            Section(key, title, tuple(written[key]), str(notes.get(key, "")))
            for key, title in SECTIONS.items()
        ),
        made_at=timezone.now(),
    )


def _runs(project: Project, ids: Sequence[UUID]) -> list[Run]:
    """The oldest first."""
    found = Run.objects.filter(project=project, pk__in=ids).select_related("project")
    runs = list(found.defer("timeline", "curves").order_by("started_at", "pk"))
    missing = set(ids) - {run.pk for run in runs}
    if missing:
        raise NotFoundError(
            "run_not_found", f"There is no run {missing.pop()} in {project.slug} that you may see."
        )
    return runs


def _title(runs: Sequence[Run]) -> str:
    campaigns = " and ".join(dict.fromkeys(run.campaign for run in runs))
    first, last = runs[0].started_at, runs[-1].started_at
    days = (
        f"{first:%Y-%m-%d}"
        if first.date() == last.date()
        else f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    )
    return f"Campaign report: {campaigns}, {days} ({wording.plural(len(runs), 'run')})"


def _key(runs: Sequence[Run]) -> str:
    return ",".join(sorted(str(run.pk) for run in runs))


def kept(project: Project) -> list[ReportNotes]:
    """The reports that somebody has written notes beside, the newest first."""
    return list(project.report_notes.all()[:50])


def write_notes(
    project: Project,
    ids: Sequence[UUID],
    title: str,
    notes: Mapping[str, str],
    user: User | None = None,
) -> ReportNotes:
    """Keep a title and a text a section; empty ones are taken away."""
    for key, text in notes.items():
        if key not in SECTIONS:
            raise RefusedError(
                "section", f"'{key}' is no section of the report.", [Fault(key, "?")]
            )
        if len(text) > _LONGEST or "\0" in text:
            raise RefusedError("notes", "These notes are too long.", [Fault(key, f"{_LONGEST}")])
    runs = _runs(project, ids)
    with transaction.atomic():
        found, _ = ReportNotes.objects.select_for_update().get_or_create(
            project=project, runs=_key(runs)
        )
        merged = {**found.sections, **{key: text.strip() for key, text in notes.items()}}
        found.title = title.strip()[:200]
        found.sections = {key: text for key, text in merged.items() if text}
        found.changed_by = user
        found.save()
    return found
