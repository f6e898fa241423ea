"""What is due at which instant: one alarm for every answer that waits for its time."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

from loadrunner.engine.timer import alarm

_NEVER = float("inf")


class Agenda:
    """Calls back at instants of the monotonic clock, in seconds, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._alarm = alarm(loop, self._ring)
        self._set_for_s = _NEVER

    def at(self, when_s: float, callback: Callable[[], None]) -> None:
        # The number keeps equal instants in order and callbacks from being compared.
        heapq.heappush(self._due, (when_s, next(self._numbers), callback))
        if when_s < self._set_for_s:
            self._set(when_s)

    def close(self) -> None:
        self._due.clear()
        self._alarm.close()

    def _set(self, when_s: float) -> None:
        self._set_for_s = when_s
        self._alarm.set(int(when_s * 1e9))

    def _ring(self) -> None:
        self._set_for_s = _NEVER
        try:
            while self._due and self._due[0][0] <= time.monotonic():
                heapq.heappop(self._due)[2]()
        finally:
            # One answer that fails must not keep the others from their time.
            if self._due and self._due[0][0] < self._set_for_s:
                self._set(self._due[0][0])
