"""What happened to a service: deploys and changes of configuration, drawn over its trends."""

from datetime import UTC, datetime

from django.db import transaction

from runs import audit
from runs.access import Access
from runs.models import Marker, Project


def add(access: Access, project: Project, at: datetime, kind: str, text: str) -> Marker:
    """`kind` is one of Marker.Kind; white space in the text is one blank each."""
    words = " ".join(text.split())[:120]
    with transaction.atomic():
        marker = Marker.objects.create(
            project=project, at=at.astimezone(UTC), kind=kind, text=words, created_by=access.user
        )
        audit.note(access, project, "marker.added", detail=words)
    return marker


def remove(access: Access, marker: Marker) -> None:
    with transaction.atomic():
        audit.note(access, marker.project, "marker.removed", detail=marker.text)
        marker.delete()
