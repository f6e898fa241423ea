"""Rows of the database for the pages' tests; the documents are those of documents.py."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from runs.models import (
    Action,
    ActionCriterion,
    ActionEvent,
    AuditEntry,
    Marker,
    Member,
    Project,
    Retest,
    Run,
    RunFile,
    SavedView,
    ShareLink,
)
from tests.portal_pages import documents

STARTED = datetime(2024, 11, 23, 9, 0, tzinfo=UTC)
PASSWORD = "correct-horse-battery"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def user(name: str = "ada") -> User:
    return User.objects.create_user(name, password=PASSWORD)


def project(slug: str = "backend") -> Project:
    return Project.objects.create(slug=slug, name="Example backend")


def run(of: Project, minutes: int = 0, **more: Any) -> Run:
    """A run that is ready, `minutes` after nine o'clock."""
    columns: dict[str, Any] = {
        "project": of,
        "campaign": "critical-flows",
        "state": "complete",
        "processing": "ready",
        "started_at": STARTED + timedelta(minutes=minutes),
        "ended_at": STARTED + timedelta(minutes=minutes + 1),
        "duration_s": 60.0,
        "labels": {"pool": "10"},
        "commit": "4f2c9ab01d33",
        "branch": "main",
        "environment": "compose",
        "validity": "valid",
        "verdict": "pass",
        "samples": 5400,
        "headline": documents.headline(),
        "manifest": documents.manifest(),
        "report": documents.report(),
        "timeline": documents.timeline(),
        "curves": {"billing": documents.points(), "chat": []},
    }
    return Run.objects.create(**(columns | more))


def member(of: Project, user: User, role: str) -> Member:
    return Member.objects.create(project=of, user=user, role=role)


def surroundings(of: Project, before: Run, after: Run) -> str:
    """What people left around the runs: marks, notes, a saved view; the address of a shared one."""
    Marker.objects.create(project=of, at=STARTED, kind="deploy", text="release 2.14")
    SavedView.objects.create(project=of, name="Failing", query="?verdict=fail")
    AuditEntry.objects.create(
        project=of, at=STARTED, name="ada", what="run.labels", run=before.pk, detail="pool=10"
    )
    Run.objects.filter(pk=before.pk).update(is_baseline=True, is_pinned=True)
    Run.objects.filter(pk=after.pk).update(notes="The pool was doubled.")
    return ShareLink.objects.create(run=after).get_absolute_url()


def file(of: Run, name: str = "samples-00000.ndjson.zst") -> RunFile:
    return RunFile.objects.create(run=of, name=name, bytes=340_123, sha256="ab" * 32)


def action(of: Project, evidence: Run | None = None, **more: Any) -> Action:
    """ACT-1, raise the database pool, with one criterion; implemented at half past nine."""
    columns: dict[str, Any] = {
        "project": of,
        "number": Action.objects.filter(project=of).count() + 1,
        "title": "Raise the database pool",
        "area": "database",
        "state": "implemented",
        "accepted_at": STARTED + timedelta(minutes=5),
        "implemented_at": STARTED + timedelta(minutes=30),
        "campaign": "critical-flows",
        "baseline": evidence,
    }
    made = Action.objects.create(**(columns | more))
    if evidence:
        made.evidence.add(evidence)
    ActionCriterion.objects.create(action=made, text="capacity(billing) >= 1.3 * baseline")
    ActionEvent.objects.create(action=made, at=STARTED, kind="created", to_state="proposed")
    return made


def retest(of: Action, by: Run, outcome: str = "pass", measured: float = 141.3) -> Retest:
    figure = documents.judgement(
        outcome,
        text="capacity(billing) >= 1.3 * baseline",
        by="interval",
        measured=measured,
        ci=[measured - 3, measured + 3],
        limit=96.5,
        unit="/s",
        reason="The whole interval lies above 96.5/s.",
    )
    return Retest.objects.create(
        action=of, run=by, outcome=outcome, reason="As measured.", figures=[figure]
    )
