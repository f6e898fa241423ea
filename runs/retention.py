"""How runs leave: deleted by people, with a way back, and purged for good when their time is over.

Purged are runs that were deleted HEADROOM_UNDO_DAYS ago, that began to be sent
HEADROOM_RECEIVING_DAYS ago and were never completed, and what a project's retention lets go
(`keep_days`, `keep_runs`). Baselines, pinned runs and what open actions rest on always stay.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from runs import store
from runs.errors import ConflictError
from runs.models import Action, Project, Purge, Run, RunFile

CLOSED: Final = (Action.State.VERIFIED, Action.State.REJECTED)
_HELD: Final = {
    "is_pinned": "it is pinned",
    "is_baseline": "it is a baseline",
    "is_evidence": "it is evidence of an open action",
    "is_reference": "an open action is held against it",
}


@dataclass(frozen=True)
class Expiry:
    """A run whose time is over, why, and what it takes in the store."""

    run: Run
    reason: str
    bytes: int


@dataclass(frozen=True)
class Usage:
    """What a project's runs take in the store, deleted ones included."""

    runs: int
    raw_bytes: int
    derived_bytes: int
    deleted_runs: int

    @property
    def bytes(self) -> int:
        return self.raw_bytes + self.derived_bytes


def delete(run: Run, by: str, now: datetime) -> None:
    """Take the run out of every list; `restore` brings it back. ConflictError where it is held."""
    held = next((why for name, why in _HELD.items() if getattr(_marked(run), name)), None)
    if held:
        raise ConflictError(
            "run_held", f"Run {run.pk} stays: {held}. Undo that first, then delete it."
        )
    if run.processing in (Run.Processing.RECEIVED, Run.Processing.PROCESSING):
        raise ConflictError(
            "run_in_work", f"Run {run.pk} is {run.processing}; delete it when it is ready."
        )
    Run.objects.filter(pk=run.pk).update(deleted_at=now, deleted_by=by[:200])


def restore(run_id: UUID) -> None:
    """Undo a deletion; a run that was not deleted stays as it is."""
    Run.every.filter(pk=run_id).update(deleted_at=None, deleted_by="")


def expired(project: Project, now: datetime) -> list[Expiry]:
    """What a purge at this moment would remove, each run once, the oldest first."""
    found: dict[UUID, tuple[Run, str]] = {}
    for reason, runs in _expired(project, now):
        for run in runs.defer(*Run.DOCUMENTS):
            found.setdefault(run.pk, (run, reason))
    raw = _raw_bytes(list(found))
    expiries = [
        Expiry(run, reason, raw.get(run.pk, 0) + run.derived_bytes)
        for run, reason in found.values()
    ]
    return sorted(expiries, key=lambda one: one.run.started_at)


def _raw_bytes(run_ids: Sequence[UUID]) -> dict[UUID, int]:
    files = RunFile.objects.filter(run__in=run_ids).order_by()
    return dict(files.values_list("run").annotate(sum=Sum("bytes"))) if run_ids else {}


def _expired(project: Project, now: datetime) -> Iterator[tuple[str, QuerySet[Run]]]:
    every = Run.every.filter(project=project)
    undo = timedelta(days=settings.HEADROOM_UNDO_DAYS)
    yield (
        f"deleted more than {settings.HEADROOM_UNDO_DAYS} days ago",
        every.filter(deleted_at__lt=now - undo),
    )
    live = _unheld(every.filter(deleted_at=None))
    begun = timedelta(days=settings.HEADROOM_RECEIVING_DAYS)
    yield (
        f"never completed within {settings.HEADROOM_RECEIVING_DAYS} days",
        live.filter(processing=Run.Processing.RECEIVING, uploaded_at__lt=now - begun).exclude(
            files__received_at__gte=now - begun
        ),
    )
    settled = live.filter(processing__in=(Run.Processing.READY, Run.Processing.FAILED))
    if project.keep_days is not None:
        # By when it came: history that a team imports today is not gone tomorrow.
        oldest = now - timedelta(days=project.keep_days)
        yield f"older than {project.keep_days} days", settled.filter(uploaded_at__lt=oldest)
    if project.keep_runs is not None:
        newest = Run.objects.filter(project=project).order_by("-started_at", "-id")
        kept = list(newest.values_list("pk", flat=True)[: project.keep_runs])
        yield f"not among the newest {project.keep_runs} runs", settled.exclude(pk__in=kept)


def purge(expiry: Expiry, now: datetime) -> bool:
    """Remove the run's rows, then its files; False where somebody saved it meanwhile.

    A process that is killed in between leaves files without a row, which `manage.py doctor`
    removes.
    """
    run = expiry.run
    with transaction.atomic():
        same = Run.every.select_for_update().filter(pk=run.pk, deleted_at=run.deleted_at)
        still = same if run.deleted_at else _unheld(same)
        if not still.exists():
            return False
        Purge.objects.create(
            project_id=run.project_id,
            run=run.pk,
            campaign=run.campaign,
            started_at=run.started_at,
            bytes=expiry.bytes,
            reason=expiry.reason,
            at=now,
        )
        Run.every.filter(pk=run.pk).delete()
    store.current().remove(run.pk)
    return True


def usage(project: Project) -> Usage:
    """Sums in the database, over all of the project's runs."""
    runs = Run.every.filter(project=project)
    found = runs.aggregate(
        runs=Count("pk"),
        derived=Coalesce(Sum("derived_bytes"), 0),
        deleted=Count("pk", filter=Q(deleted_at__isnull=False)),
    )
    raw = RunFile.objects.filter(run__in=runs.values("pk")).aggregate(sum=Sum("bytes"))["sum"]
    return Usage(found["runs"], raw or 0, found["derived"], found["deleted"])


def _unheld(runs: QuerySet[Run]) -> QuerySet[Run]:
    nothing = dict.fromkeys(_HELD, False)
    return _with_holds(runs).filter(**nothing)


def _marked(run: Run) -> Run:
    return _with_holds(Run.objects.filter(pk=run.pk).defer(*Run.DOCUMENTS)).get()


def _with_holds(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Whether an open action rests on each of the runs, and how."""
    mine = OuterRef("pk")
    actions = Action.objects.exclude(state__in=CLOSED)
    return runs.annotate(
        is_evidence=Exists(actions.filter(evidence=mine)),
        is_reference=Exists(actions.filter(baseline=mine)),
    )
