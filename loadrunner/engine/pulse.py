"""A worker's own health, beaten once a second; the coordinator adds what the system knows.

The worker only counts: what is to be worked out of the second's dispatch delays is left to the
coordinator, since sorting them would hold up a millisecond's requests.
"""

import gc
import json
from array import array
from typing import Any

import numpy as np

_SECOND_US = 1_000_000
_DELAY = "f"  # of any size, and exact to the microsecond up to 16 s


class Pulse:
    """Counts of the running second; `delay` takes the dispatch delay of a request, in
    microseconds. `due_us` is when the next beat is."""

    def __init__(self, worker: int) -> None:
        self.wanted = 0
        self.sent = 0
        self.due_us = _SECOND_US
        self._delays = array(_DELAY)
        self.delay = self._delays.append
        self._worker = worker
        self._lag_us = 0
        self._collections = _collections()

    def note_lag(self, lag_us: int) -> None:
        """How late the loop was for its own tick."""
        self._lag_us = max(self._lag_us, lag_us)

    def beat(self, now_us: int, in_flight: int) -> bytes:
        """The second's figures, as `figures` reads them; then counts start anew."""
        total = _collections()
        counted = {
            "t_us": now_us,
            "worker": self._worker,
            "wanted": self.wanted,
            "reached": len(self._delays),
            "sent": self.sent,
            "in_flight": in_flight,
            "loop_lag_us": self._lag_us,
            "collections": total - self._collections,
        }
        said = json.dumps(counted).encode() + b"\n" + self._delays.tobytes()
        self.wanted = self.sent = self._lag_us = 0
        del self._delays[:]
        self._collections = total
        self.due_us = (now_us // _SECOND_US + 1) * _SECOND_US
        return said


def figures(said: bytes) -> dict[str, Any]:
    """What a beat says, by the names of runs.formats.health."""
    counted, _, delays = said.partition(b"\n")
    return {**json.loads(counted), **_delays(np.frombuffer(delays, np.float32))}


def _delays(delays_us: np.ndarray) -> dict[str, int | None]:
    names = ("delay_p50_us", "delay_p99_us", "delay_max_us")
    if not len(delays_us):
        return dict.fromkeys(names)
    values = np.sort(delays_us)
    ranks = (np.ceil(len(values) * np.array([0.5, 0.99, 1.0])) - 1).astype(int)
    return dict(zip(names, values[ranks].astype(int).tolist(), strict=True))


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())
