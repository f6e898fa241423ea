"""What people do to a run: label it, annotate it, pin it, doubt it, share it, delete it.

Each change stands in the audit log beside what it changed.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from runs import audit, doubt, reports, retention, tuning
from runs.access import Access
from runs.analysis.report import Report
from runs.documents import digest
from runs.errors import ConflictError, Fault, RefusedError
from runs.formats import report_json
from runs.models import InvalidMark, Retest, Run, ShareLink

MOST_LABELS: Final = 100
_LONGEST: Final = 200
_JUDGED: Final = ("validity", "verdict", "criteria")


def read_labels(text: str) -> dict[str, str]:
    """`KEY=VALUE`, one a line; RefusedError names the line that is none."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not key or not equals or len(key) > _LONGEST or len(value) > _LONGEST:
            raise RefusedError(
                "label",
                f"Line {number} is '{line.strip()[:60]}'; KEY=VALUE is expected, each of at most "
                f"{_LONGEST} characters.",
                [Fault(f"labels.{number}", "KEY=VALUE is expected")],
            )
        found[key] = value
    if len(found) > MOST_LABELS:
        raise RefusedError("labels", f"{len(found)} labels; at most {MOST_LABELS} are kept.")
    return found


def relabel(access: Access, run: Run, labels: Mapping[str, str]) -> None:
    old, new = dict(run.labels), dict(labels)
    if old == new:
        return
    told = [f"{key}={value}" for key, value in new.items() if old.get(key) != value]
    told += [f"without {key}" for key in old if key not in new]
    run.labels = new
    _save(access, run, "labels", "run.labels", ", ".join(told))


def annotate(access: Access, run: Run, notes: str) -> None:
    if run.notes != notes:
        run.notes = notes
        _save(access, run, "notes", "run.notes", notes[:200])


def pin(access: Access, run: Run, is_pinned: bool) -> None:
    if run.is_pinned != is_pinned:
        run.is_pinned = is_pinned
        _save(access, run, "is_pinned", "run.pinned" if is_pinned else "run.unpinned")


def set_baseline(access: Access, run: Run, is_baseline: bool) -> None:
    if run.is_baseline != is_baseline:
        run.is_baseline = is_baseline
        what = "run.baseline" if is_baseline else "run.no_baseline"
        _save(access, run, "is_baseline", what)


def _save(access: Access, run: Run, column: str, what: str, detail: str = "") -> None:
    with transaction.atomic():
        run.save(update_fields=[column])
        audit.note(access, run.project, what, run, detail)


def delete(access: Access, run: Run) -> None:
    """ConflictError where something holds the run."""
    with transaction.atomic():
        retention.delete(run, access.name, timezone.now())
        audit.note(access, run.project, "run.deleted", run, f"{run.campaign} {run.short_id}")


def restore(access: Access, run: Run) -> None:
    with transaction.atomic():
        retention.restore(run.pk)
        audit.note(access, run.project, "run.restored", run, f"{run.campaign} {run.short_id}")


def share(access: Access, run: Run) -> ShareLink:
    """The run's one share link, made where there is none."""
    with transaction.atomic():
        link, is_new = ShareLink.objects.get_or_create(
            run=run, defaults={"created_by": access.user}
        )
        if is_new:
            audit.note(access, run.project, "run.shared", run)
    return link


def unshare(access: Access, run: Run) -> None:
    with transaction.atomic():
        if ShareLink.objects.filter(run=run).delete()[0]:
            audit.note(access, run.project, "run.unshared", run)


def mark_invalid(access: Access, run: Run, reason: str) -> None:
    """From now on nobody believes the run: its criteria are not judged, and it judges no action.
    Needs the run's documents."""
    words = reason.strip()
    if not words:
        raise RefusedError(
            "reason_missing",
            "Say in a sentence why the run may not be believed; the others will ask.",
            [Fault("reason", "is empty")],
        )
    if not run.is_ready or run.report is None:
        raise ConflictError("run_not_ready", f"Run {run.pk} is {run.processing}; mark it later.")
    if InvalidMark.objects.filter(run=run).exists():
        raise ConflictError("run_marked", f"Run {run.pk} is marked invalid already.")
    mark = InvalidMark(
        run=run, reason=words[:500], at=timezone.now(), name=access.name, user=access.user
    )
    with transaction.atomic():
        believed = reports.load(run)
        mark.before = _judged(run.report)
        mark.save()
        _save_report(run, doubt.doubted(believed, mark))
        why = f"The run was marked invalid: {mark.reason}"
        Retest.objects.filter(run=run).update(
            outcome=Retest.Outcome.NOT_APPLICABLE, reason=why, is_clear=False
        )
        audit.note(access, run.project, "run.marked_invalid", run, mark.reason)


def unmark(access: Access, run: Run) -> None:
    """Take the mark off: the verdict is again what the analysis found, and the actions that the
    run had judged are judged again, without moving."""
    mark = doubt.mark_of(run)
    if mark is None or run.report is None:
        return
    with transaction.atomic():
        _save_report(run, report_json.load(run.report | mark.before))
        mark.delete()
        audit.note(access, run.project, "run.unmarked", run, mark.reason)
    try:
        data = reports.run_data(run)
    except FileNotFoundError:
        return  # imported before there were tables: recalculating makes them
    tuning.retest(run, data, reports.load(run), announce=False)


def as_marked(run: Run, found: Report) -> Report:
    """What the analysis found of a run, under the mark that it may carry; for whoever computes
    it anew."""
    mark = doubt.mark_of(run)
    if mark is None:
        return found
    mark.before = _judged(report_json.dump(found))
    mark.save(update_fields=["before"])
    return doubt.doubted(found, mark)


def _judged(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in _JUDGED}


def _save_report(run: Run, report: Report) -> None:
    run.report = report_json.dump(report)
    run.validity, run.verdict = report.validity.verdict, report.verdict
    run.headline = {**(run.headline or {}), "digest": digest(run.report)}
    run.save(update_fields=["report", "validity", "verdict", "headline"])
