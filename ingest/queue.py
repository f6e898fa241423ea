"""The queue of runs to process: leases in the database, so that no killed worker holds anything.

    queued --claim--> leased --finish--> done
       ^                |  \\--fail----> failed --enqueue--> queued
       +--- lease ran out

Every step is one conditional UPDATE: whoever changes the row has it, on any database.
"""

import logging
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from ingest.models import Work
from runs import settling, webhooks
from runs.models import Run

# More than a few restarts of a portal can cost a run that has nothing to do with them.
MAX_ATTEMPTS: Final = 5
logger = logging.getLogger(__name__)

# Set when this process has queued a run, so that its own worker need not wait for its next look.
something_queued = threading.Event()


class LeaseLostError(Exception):
    """Another worker has taken over; whatever this one holds is worth nothing any more."""


@dataclass(frozen=True)
class Lease:
    """A run that this worker has until it finishes, fails or stops extending."""

    run_id: UUID
    key: str
    attempt: int
    length: timedelta

    def extend(self) -> None:
        """Raise LeaseLostError where it is not ours any more."""
        changed = self._row().update(lease_until=timezone.now() + self.length)
        if not changed:
            raise LeaseLostError(f"the lease on run {self.run_id} has gone to another worker")

    def note_stage(self, stage: str) -> None:
        self.extend()
        Run.every.filter(pk=self.run_id).update(stage=stage)

    def finish(self) -> None:
        """The run is ready, and whoever asked for it is told."""
        with transaction.atomic():
            self._end(Work.State.DONE, processing=Run.Processing.READY, stage="", reason="")
            webhooks.announce_run(
                Run.every.defer("report", "timeline", "curves").get(pk=self.run_id)
            )

    def fail(self, reason: str) -> None:
        """The stage that was noted last stays, so that people see where it failed."""
        self._end(Work.State.FAILED, processing=Run.Processing.FAILED, reason=reason)

    def release(self) -> None:
        """Hand it back untouched: the worker is told to stop."""
        self._row().update(
            state=Work.State.QUEUED, lease="", lease_until=None, attempts=F("attempts") - 1
        )

    def _end(self, state: str, **run_columns: str) -> None:
        with transaction.atomic():
            changed = self._row().update(
                state=state, lease="", lease_until=None, ended_at=timezone.now()
            )
            if not changed:
                raise LeaseLostError(f"the lease on run {self.run_id} has gone to another worker")
            Run.every.filter(pk=self.run_id).update(**run_columns)
            transaction.on_commit(settling.tell)

    def _row(self) -> QuerySet[Work]:
        return Work.objects.filter(run_id=self.run_id, state=Work.State.LEASED, lease=self.key)


def enqueue(run: Run) -> None:
    """Part of the caller's transaction, which holds the run's row."""
    run.processing = Run.Processing.RECEIVED
    run.stage = run.reason = ""
    run.save()
    Work.objects.update_or_create(
        run=run,
        defaults={
            "state": Work.State.QUEUED,
            "attempts": 0,
            "lease": "",
            "lease_until": None,
            "queued_at": timezone.now(),
            "ended_at": None,
        },
    )
    transaction.on_commit(something_queued.set)


def lost() -> list[Run]:
    """Runs that say they wait or are worked on, while the queue knows nothing of it."""
    waiting = (Run.Processing.RECEIVED, Run.Processing.PROCESSING)
    known = Work.objects.filter(state__in=(Work.State.QUEUED, Work.State.LEASED))
    runs = Run.every.filter(processing__in=waiting).exclude(pk__in=known.values("run"))
    return list(runs.defer(*Run.DOCUMENTS))


def enqueue_again(run: Run) -> None:
    """Queue a run that was lost, unless somebody has found it meanwhile."""
    with transaction.atomic():
        locked = Run.every.select_for_update().get(pk=run.pk)
        if locked.processing == run.processing:
            enqueue(locked)


def claim(length: timedelta) -> Lease | None:
    """Take the run that has waited longest; None where nothing waits."""
    now = timezone.now()
    _bury_hopeless(now)
    for work in _waiting(now).order_by("queued_at")[:5]:
        lease = Lease(work.run_id, uuid.uuid4().hex, work.attempts + 1, length)
        if _take(work, lease, now):
            return lease
    return None


def _waiting(now: datetime) -> QuerySet[Work]:
    abandoned = Q(state=Work.State.LEASED, lease_until__lt=now)
    return Work.objects.filter(Q(state=Work.State.QUEUED) | abandoned)


def _take(work: Work, lease: Lease, now: datetime) -> bool:
    """False where another worker was faster."""
    with transaction.atomic():
        changed = _waiting(now).filter(pk=work.pk, attempts=work.attempts, lease=work.lease)
        taken = changed.update(
            state=Work.State.LEASED,
            lease=lease.key,
            lease_until=now + lease.length,
            attempts=lease.attempt,
        )
        if taken:
            Run.every.filter(pk=work.run_id).update(
                processing=Run.Processing.PROCESSING, stage="", reason=""
            )
    return bool(taken)


def _bury_hopeless(now: datetime) -> None:
    """A run that has taken its worker down with it too often is not given to another."""
    hopeless = Q(state=Work.State.LEASED, lease_until__lt=now, attempts__gte=MAX_ATTEMPTS)
    for work in Work.objects.filter(hopeless):
        with transaction.atomic():
            if not Work.objects.filter(hopeless, pk=work.pk).update(
                state=Work.State.FAILED, lease="", lease_until=None, ended_at=now
            ):
                continue
            reason = (
                f"The worker was lost {work.attempts} times while it had this run; it may need "
                "more memory than there is. Look at the portal's log, then try again."
            )
            Run.every.filter(pk=work.run_id).update(processing=Run.Processing.FAILED, reason=reason)
            logger.error("run %s: %s", work.run_id, reason)


def depth() -> dict[str, int]:
    """How many runs wait for a worker, and how many are with one."""
    return {
        "queued": Work.objects.filter(state=Work.State.QUEUED).count(),
        "leased": Work.objects.filter(state=Work.State.LEASED).count(),
    }
