"""How the target's own process fares: its CPU and how late its loop is."""

import asyncio
import time
from collections import deque

_TICK_S = 0.05


class Vitals:
    """Looks at the clocks every 50 ms; readings cover the last `window_s`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, window_s: float) -> None:
        self._loop = loop
        self._window_s = window_s
        self._ticks: deque[tuple[float, float, float]] = deque()
        self._due_s = time.monotonic()
        self._tick()

    def cpu(self) -> float:
        """The share of one core that the process used: 1.0 is a whole core."""
        since_s, cpu_then_s, _ = self._ticks[0]
        elapsed_s = time.monotonic() - since_s
        return (time.process_time() - cpu_then_s) / elapsed_s if elapsed_s > 0 else 0.0

    def lag_ms(self) -> float:
        """The longest time by which the loop was late. Above some ms, the machine is too busy."""
        return max(late_s for _, _, late_s in self._ticks) * 1000

    def close(self) -> None:
        self._handle.cancel()

    def _tick(self) -> None:
        now_s = time.monotonic()
        self._ticks.append((now_s, time.process_time(), max(0.0, now_s - self._due_s)))
        while self._ticks[0][0] < now_s - self._window_s:
            self._ticks.popleft()
        self._due_s = now_s + _TICK_S
        self._handle = self._loop.call_later(_TICK_S, self._tick)
