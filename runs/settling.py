"""Waiting until a run is ready or failed, whoever finishes it."""

import threading
import time
from typing import Final
from uuid import UUID

from runs import reports

# A worker may be another process, which this one hears nothing of.
_LOOKS_EVERY_S: Final = 0.25


class _Bell:
    """Counts what was settled in this process, so that nothing is missed between two looks."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.count = 0

    def ring(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait_beyond(self, count: int, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.count != count, seconds)


_bell = _Bell()


def tell() -> None:
    """A run has been settled by this process: whoever waits for it looks at once."""
    _bell.ring()


def wait_for(run_id: UUID, seconds: float) -> None:
    """Until the run is ready or failed, for so long at the most."""
    deadline_s = time.monotonic() + seconds
    while (left_s := deadline_s - time.monotonic()) > 0:
        heard = _bell.count
        if reports.is_settled(run_id):
            return
        _bell.wait_beyond(heard, min(left_s, _LOOKS_EVERY_S))
