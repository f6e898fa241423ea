"""The audit log: who changed what. Written in the transaction of the change itself."""

from typing import Final

from django.utils import timezone

from runs.access import Access
from runs.models import AuditEntry, Project, Run

# What can be noted, and how the log says it.
WORDS: Final = {
    "project.changed": "changed the project",
    "member.set": "gave a role",
    "member.removed": "took a role away",
    "token.created": "made a token",
    "token.revoked": "revoked a token",
    "webhook.added": "added a webhook",
    "webhook.removed": "removed a webhook",
    "marker.added": "added a marker",
    "marker.removed": "removed a marker",
    "view.saved": "saved a view",
    "view.removed": "removed a view",
    "run.labels": "changed the labels",
    "run.notes": "changed the notes",
    "run.pinned": "pinned the run",
    "run.unpinned": "unpinned the run",
    "run.baseline": "made the run a baseline",
    "run.no_baseline": "ended the run's being a baseline",
    "run.marked_invalid": "marked the run invalid",
    "run.unmarked": "took the mark 'invalid' off the run",
    "run.deleted": "deleted the run",
    "run.restored": "restored the run",
    "run.shared": "made a share link of the run",
    "run.unshared": "ended the share link of the run",
}


def note(
    access: Access, project: Project, what: str, run: Run | None = None, detail: str = ""
) -> None:
    """`what` is a key of WORDS."""
    AuditEntry.objects.create(
        project=project,
        at=timezone.now(),
        name=access.name[:200],
        user=access.user,
        what=what,
        run=run.pk if run else None,
        detail=detail[:2000],
    )
