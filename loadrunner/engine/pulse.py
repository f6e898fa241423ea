"""A worker's own health, beaten once a second; the coordinator adds what the system knows."""

import gc

import numpy as np

_SECOND_US = 1_000_000


class Pulse:
    """Counts of the running second. `due_us` is when the next beat is."""

    def __init__(self, worker: int) -> None:
        self.wanted = 0
        self.sent = 0
        self.delays_us: list[int] = []
        self.due_us = _SECOND_US
        self._worker = worker
        self._lag_us = 0
        self._collections = _collections()

    def note_lag(self, lag_us: int) -> None:
        """How late the loop was for its own tick."""
        self._lag_us = max(self._lag_us, lag_us)

    def beat(self, now_us: int, in_flight: int) -> dict[str, int | None]:
        """The second's figures, by the names of runs.formats.health; then counts start anew."""
        total = _collections()
        figures = {
            "t_us": now_us,
            "worker": self._worker,
            "wanted": self.wanted,
            "reached": len(self.delays_us),
            "sent": self.sent,
            "in_flight": in_flight,
            **_delays(self.delays_us),
            "loop_lag_us": self._lag_us,
            "collections": total - self._collections,
        }
        self.wanted = self.sent = self._lag_us = 0
        self.delays_us = []
        self._collections = total
        self.due_us = (now_us // _SECOND_US + 1) * _SECOND_US
        return figures


def _delays(delays_us: list[int]) -> dict[str, int | None]:
    names = ("delay_p50_us", "delay_p99_us", "delay_max_us")
    if not delays_us:
        return dict.fromkeys(names)
    values = np.sort(np.asarray(delays_us))
    ranks = (np.ceil(len(values) * np.array([0.5, 0.99, 1.0])) - 1).astype(int)
    return dict(zip(names, values[ranks].tolist(), strict=True))


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())
