"""The last seconds of a run as abort rules look at them: counts and response times by step."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadrunner.engine import record
from runs.analysis.outcomes import FAILED, OUTCOMES, UNDECLARED, UNRANKED, UNSENT
from runs.analysis.percentiles import nearest_rank, rank

# Of fewer requests in its window a share says nothing; a p95 needs as many as make it a value.
FEWEST = 10
FEWEST_RANKED = 20
# What comes within so long is kept as one: workers ship often, and each look goes through it all.
_TOGETHER_US = 100_000


def _which(names: Collection[str]) -> NDArray[np.bool_]:
    return np.isin(OUTCOMES, list(names))


_SENT = ~_which(UNSENT)
_JUDGED = _SENT & ~_which(("cut",))
_FAILED = _which(FAILED)
_UNDECLARED = _which(UNDECLARED)
_RANKED = ~_which(UNRANKED)
_TIMED = _which(("ok",))


@dataclass(frozen=True)
class Seen:
    """A statistic over a window: `value` is a share of 1, or ms (inf where p95 falls among the
    unanswered); `hits` of `count` requests are behind a share."""

    value: float
    count: int
    hits: int = 0


@dataclass(frozen=True)
class _Chunk:
    """What came at one time. `counts` is a row a step and a column an outcome; `statuses_5xx` a
    number a step; `response_ms` the ranked times of the steps whose p95 somebody asks for."""

    at_us: int
    counts: NDArray[np.int64]
    statuses_5xx: NDArray[np.int64]
    response_ms: dict[int, NDArray[np.float32]]

    def with_more(self, later: "_Chunk") -> "_Chunk":
        return _Chunk(
            self.at_us,
            self.counts + later.counts,
            self.statuses_5xx + later.statuses_5xx,
            {
                step: np.concatenate([times, later.response_ms[step]])
                for step, times in self.response_ms.items()
            },
        )


class Recent:
    """Takes packed records as they come and forgets them after `keep_us`.

    `timed` are the indexes of the steps whose response times are kept.
    """

    def __init__(self, steps: int, timed: Collection[int], keep_us: int) -> None:
        self._steps = steps
        self._timed = tuple(timed)
        self._keep_us = keep_us
        self._chunks: deque[_Chunk] = deque()

    def add(self, records: bytes, now_us: int) -> None:
        """Retries are left out, as they are from all figures but their own rate."""
        rows = np.frombuffer(records, record.DTYPE)
        chunk = self._chunk(rows[rows["attempt"] == 1], now_us)
        if self._chunks and now_us - self._chunks[-1].at_us < _TOGETHER_US:
            chunk = self._chunks.pop().with_more(chunk)
        self._chunks.append(chunk)
        while self._chunks[0].at_us < now_us - self._keep_us:
            self._chunks.popleft()

    def look(self, statistic: str, step: int, since_us: int) -> Seen | None:
        """A statistic of a step since an instant; None where too little came to say."""
        chunks = [chunk for chunk in self._chunks if chunk.at_us >= since_us]
        if not chunks:
            return None
        if statistic == "p95":
            return _p95(np.concatenate([chunk.response_ms[step] for chunk in chunks]))
        counts = np.sum([chunk.counts[step] for chunk in chunks], axis=0)
        fives = int(sum(chunk.statuses_5xx[step] for chunk in chunks))
        return _share(statistic, counts, fives)

    def _chunk(self, rows: NDArray[np.void], now_us: int) -> _Chunk:
        step, outcome = rows["step"].astype(np.int64), rows["outcome"].astype(np.int64)
        cells = np.bincount(step * len(OUTCOMES) + outcome, minlength=self._steps * len(OUTCOMES))
        is_5xx = (rows["status"] // 100 == 5) & _UNDECLARED[outcome]
        return _Chunk(
            now_us,
            cells.reshape(self._steps, len(OUTCOMES)),
            np.bincount(step[is_5xx], minlength=self._steps),
            {index: _response_ms(rows[step == index]) for index in self._timed},
        )


def _response_ms(rows: NDArray[np.void]) -> NDArray[np.float32]:
    ranked = rows[_RANKED[rows["outcome"]]]
    took_ms = (ranked["ended_us"] - ranked["due_us"]) / 1000
    return np.where(_TIMED[ranked["outcome"]], took_ms, np.inf).astype(np.float32)


def _p95(times_ms: NDArray[np.float32]) -> Seen | None:
    count = len(times_ms)
    if count < FEWEST_RANKED:
        return None
    times_ms.partition(rank(count, 0.95) - 1)
    return Seen(nearest_rank(times_ms, 0.95), count)


def _share(statistic: str, counts: NDArray[np.int64], fives: int) -> Seen | None:
    whole, hits = int(counts[_JUDGED].sum()), 0
    match statistic:
        case "error_rate":
            hits = int(counts[_FAILED].sum())
        case "rate_5xx":
            hits = fives
        case "refusal_rate":
            hits = int(counts[record.REFUSED])
        case "drop_rate":
            whole, hits = int(counts.sum()), int(counts[record.DROPPED])
    return Seen(hits / whole, whole, hits) if whole >= FEWEST else None
