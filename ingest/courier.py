"""The courier: sends the webhooks that wait, in a thread beside the worker.

A receiver that answers slowly holds up other messages, never a run.
"""

import logging
import threading
from typing import Final

from django.db import OperationalError, close_old_connections, connection
from django.utils import timezone

from runs import webhooks

_LOOKS_EVERY_S: Final = 1.0
logger = logging.getLogger(__name__)


class Courier:
    """`run()` sends until `stop()` is called from elsewhere."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(_LOOKS_EVERY_S):
            close_old_connections()
            try:
                webhooks.deliver_due(timezone.now())
            except OperationalError:
                logger.exception("the courier cannot reach the database; it tries again")
        connection.close()

    def stop(self) -> None:
        self._stopped.set()


def started() -> Courier:
    """A courier at work in a thread of its own."""
    courier = Courier()
    threading.Thread(target=courier.run, daemon=True, name="courier").start()
    return courier
