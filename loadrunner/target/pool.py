"""A pool of servers with one first-in-first-out queue: database connections, LLM slots, workers.

The queue is solved rather than played: in a FIFO queue with c servers, a job starts when it has
come and the first server is free (Kiefer and Wolfowitz, 1955), and its service time is known when
it comes. So start and end are exact the moment a job is admitted; a late timer delays one answer
and never the next job, and the pool serves c / mean service time, however busy the machine is.
"""

import heapq
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple


class Visit(NamedTuple):
    """One job: `started_s` is None where the wait grew too long, and `left_s` when it gave up."""

    arrived_s: float
    started_s: float | None
    left_s: float

    @property
    def is_served(self) -> bool:
        return self.started_s is not None


@dataclass(frozen=True)
class PoolReading:
    """Means over the window (`in_use`, `waiting`), and the state of the moment (`…_now`).

    `wait_ms` and `service_ms` are means over the jobs that ended within the window; None without.
    """

    size: int
    in_use: float
    in_use_now: int
    waiting: float
    waiting_now: int
    wait_ms: float | None
    service_ms: float | None
    served_per_s: float


class Pool:
    """`max_wait_s` bounds the queue by time: who cannot start within it gives up at its end."""

    def __init__(self, size: int, max_wait_s: float, window_s: float) -> None:
        self.size = size
        self._max_wait_s = max_wait_s
        self._window_s = window_s
        self.reset()

    def reset(self) -> None:
        self._free_at = [0.0] * self.size
        self._visits: deque[Visit] = deque()
        self.served_total = 0
        self.gave_up_total = 0

    def admit(self, now_s: float, service_s: float) -> Visit:
        start = max(now_s, self._free_at[0])
        if start - now_s > self._max_wait_s:
            visit = Visit(now_s, None, now_s + self._max_wait_s)
            self.gave_up_total += 1
        else:
            heapq.heapreplace(self._free_at, start + service_s)
            visit = Visit(now_s, start, start + service_s)
            self.served_total += 1
        self._visits.append(visit)
        self._forget(now_s)
        return visit

    def wait_s(self, now_s: float) -> float:
        """How long a job that came now would wait."""
        return max(0.0, self._free_at[0] - now_s)

    def reading(self, now_s: float) -> PoolReading:
        self._forget(now_s)
        since = now_s - self._window_s
        busy = waited = 0.0
        for arrived, started, left in self._visits:
            waiting_until = left if started is None else started
            waited += _overlap(arrived, waiting_until, since, now_s)
            if started is not None:
                busy += _overlap(started, left, since, now_s)
        ended = [v for v in self._visits if v.started_s is not None and since < v.left_s <= now_s]
        waits = [v.started_s - v.arrived_s for v in ended if v.started_s is not None]
        services = [v.left_s - v.started_s for v in ended if v.started_s is not None]
        return PoolReading(
            size=self.size,
            in_use=busy / self._window_s,
            in_use_now=sum(1 for v in self._visits if _is_in_service(v, now_s)),
            waiting=waited / self._window_s,
            waiting_now=sum(1 for v in self._visits if _is_waiting(v, now_s)),
            wait_ms=_mean_ms(waits),
            service_ms=_mean_ms(services),
            served_per_s=len(ended) / self._window_s,
        )

    def _forget(self, now_s: float) -> None:
        """Drops what left before the window. Jobs end nearly in order, so the head will do."""
        since = now_s - self._window_s
        while self._visits and self._visits[0].left_s < since:
            self._visits.popleft()


def _overlap(a: float, b: float, since: float, until: float) -> float:
    return max(0.0, min(b, until) - max(a, since))


def _is_in_service(visit: Visit, now_s: float) -> bool:
    return visit.started_s is not None and visit.started_s <= now_s < visit.left_s


def _is_waiting(visit: Visit, now_s: float) -> bool:
    until = visit.left_s if visit.started_s is None else visit.started_s
    return visit.arrived_s <= now_s < until


def _mean_ms(seconds: list[float]) -> float | None:
    return sum(seconds) / len(seconds) * 1000 if seconds else None
