"""The worker: takes runs off the queue, one at a time, until it is told to stop."""

import atexit
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, close_old_connections, connection
from django.utils import timezone

from ingest import courier, queue
from ingest.queue import Lease, LeaseLostError
from runs import changes, integrity, processing, retention, store, webhooks
from runs.errors import PortalError
from runs.formats.errors import FormatError
from runs.models import Project

_LOOKS_EVERY_S: Final = 1.0
_TIDIES_EVERY: Final = 600
logger = logging.getLogger(__name__)


class Worker:
    """`run()` works until `stop()` is called from elsewhere."""

    def __init__(self, lease_length: timedelta) -> None:
        self.lease_length = lease_length
        self.lease: Lease | None = None
        self._stopped = threading.Event()

    def run(self) -> None:
        looks = 0
        while not self._stopped.is_set():
            if looks % _TIDIES_EVERY == 0:
                self._tidied()
            looks += 1
            if not self._worked():
                queue.something_queued.wait(_LOOKS_EVERY_S)
                queue.something_queued.clear()
        connection.close()

    def _worked(self) -> bool:
        """A database that is away for a while ends no worker: it looks again a little later."""
        try:
            return self.work_one()
        except OperationalError:
            logger.exception("the worker cannot reach the database; it tries again")
            return False

    def _tidied(self) -> None:
        """What runs leave behind, and runs whose time is over; a failure is tried again later."""
        try:
            tidy(timezone.now())
        except (OperationalError, OSError):
            logger.exception("the store could not be tidied; the next time is in ten minutes")

    def work_one(self) -> bool:
        """Process the run that has waited longest; False where none waits."""
        close_old_connections()
        lease = queue.claim(self.lease_length)
        if lease is None:
            return False
        self.lease = lease
        try:
            _process(lease)
        except LeaseLostError as error:
            logger.warning("%s", error)
        finally:
            self.lease = None
        return True

    def stop(self) -> None:
        self._stopped.set()
        queue.something_queued.set()

    def abandon(self) -> None:
        """The process ends: hand back what is held, so that the next one starts on it at once."""
        self.stop()
        lease = self.lease
        if lease is not None:
            lease.release()


def _process(lease: Lease) -> None:
    """The edge where a fault in one run must not end the worker: it fails the run instead."""
    with _heartbeat(lease):
        try:
            processing.process(lease.run_id, lease.note_stage)
        except (LeaseLostError, OperationalError):
            # Not the run's fault: when the lease runs out, somebody takes it up again.
            raise
        except FormatError as error:
            logger.warning("run %s cannot be read: %s", lease.run_id, error)
            lease.fail(str(error))
        except Exception as error:
            logger.exception("run %s could not be processed", lease.run_id)
            lease.fail(f"An error of the portal, {type(error).__name__}: {error}")
        else:
            lease.finish()
            _tell_changes(lease.run_id)


def _tell_changes(run_id: UUID) -> None:
    """The run is ready by now: what cannot be told of it takes nothing back."""
    try:
        changes.announce(run_id)
    except (OperationalError, PortalError):
        logger.exception("the changes of run %s could not be told", run_id)


@contextmanager
def _heartbeat(lease: Lease) -> Iterator[None]:
    """Extends the lease while the block runs, from a thread of its own."""
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(lease, ended), daemon=True, name="heartbeat")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _beat(lease: Lease, ended: threading.Event) -> None:
    every_s = lease.length.total_seconds() / 3
    try:
        while not ended.wait(every_s):
            _extend(lease)
    except LeaseLostError:
        pass  # the worker itself finds out at its next stage
    finally:
        connection.close()


def _extend(lease: Lease) -> None:
    try:
        lease.extend()
    except OperationalError:
        logger.exception(
            "the lease on run %s could not be extended; the next beat tries again", lease.run_id
        )


def tidy(now: datetime) -> None:
    """Half-sent bodies, folders without a run, and what the retention of projects lets go."""
    store.sweep_incoming(now.timestamp())
    webhooks.forget_old(now)
    for found in integrity.orphans(now.timestamp()):
        found.repair()
    for project in Project.objects.all():
        for expiry in retention.expired(project, now):
            if retention.purge(expiry, now):
                logger.info("run %s is purged: %s", expiry.run.pk, expiry.reason)


def start_inline() -> None:
    """The worker of a portal that needs no other process (HEADROOM_WORKER=inline)."""
    if settings.HEADROOM_WORKER != "inline":
        return
    worker = Worker(timedelta(seconds=settings.HEADROOM_LEASE_S))
    threading.Thread(target=worker.run, daemon=True, name="worker").start()
    courier.started()
    atexit.register(worker.abandon)
