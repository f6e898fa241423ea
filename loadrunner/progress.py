"""What is known of a run while it goes on: the last seconds' figures, for the terminal."""

from collections import deque
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from loadrunner.campaign.model import Campaign, Load, Scenario
from loadrunner.engine.record import DTYPE, GENERATOR_ERROR, OK, REFUSED
from runs.analysis.outcomes import OUTCOMES
from runs.analysis.percentiles import nearest_rank

# The figures speak of this many seconds.
WINDOW_S = 5.0


@dataclass(frozen=True)
class ScenarioNow:
    """One scenario at this moment; rates in journeys/s wanted and requests/s answered."""

    name: str
    phase: str
    wanted: str
    answered_rps: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    outcomes: dict[str, int]


@dataclass(frozen=True)
class Snapshot:
    elapsed_s: float
    left_s: float
    in_flight: int
    sent: int
    scenarios: tuple[ScenarioNow, ...]


@dataclass(frozen=True)
class Recent:
    """The little of some samples that the live view needs, a column each, in the order they
    ended."""

    scenario: NDArray[np.int64]
    outcome: NDArray[np.uint8]
    is_answered: NDArray[np.bool_]
    response_ms: NDArray[np.float32]
    ended_us: NDArray[np.int64]

    @classmethod
    def of(cls, rows: NDArray[np.void], scenario: NDArray[np.int64]) -> "Recent":
        response_ms = ((rows["ended_us"] - rows["due_us"]) / 1000).astype(np.float32)
        answered = rows["status"] > 0
        # Copies, so that the packed records can go.
        return cls(scenario, rows["outcome"].copy(), answered, response_ms, rows["ended_us"].copy())

    @classmethod
    def joined(cls, parts: list["Recent"], since_us: int) -> "Recent":
        """All that ended since then."""
        names = [column.name for column in fields(cls)]
        empty = cls.of(np.empty(0, DTYPE), np.empty(0, np.int64))
        columns = [np.concatenate([getattr(p, n) for p in [empty, *parts]]) for n in names]
        whole = cls(*columns)
        return whole.where(whole.ended_us >= since_us)

    def where(self, which: NDArray[np.bool_]) -> "Recent":
        return Recent(*(getattr(self, column.name)[which] for column in fields(self)))


class Progress:
    """Takes packed records as they come; `snapshot` sums the last seconds up."""

    def __init__(self, campaign: Campaign, step_scenarios: list[int]) -> None:
        self._campaign = campaign
        self._scenario_of_step = np.asarray(step_scenarios)
        self._recent: deque[Recent] = deque()
        self._counts = np.zeros(len(campaign.scenarios) * len(OUTCOMES), dtype=np.int64)
        self._in_flight: dict[int, int] = {}
        self._sent = 0

    def add(self, records: bytes) -> None:
        rows = np.frombuffer(records, DTYPE)
        recent = Recent.of(rows, self._scenario_of_step[rows["step"]])
        self._recent.append(recent)
        kinds = recent.scenario * len(OUTCOMES) + recent.outcome
        self._counts += np.bincount(kinds, minlength=len(self._counts))

    def note_pulse(self, worker: int, in_flight: int, sent: int) -> None:
        self._in_flight[worker] = in_flight
        self._sent += sent

    def snapshot(self, now_us: int) -> Snapshot:
        since_us = now_us - round(WINDOW_S * 1e6)
        while self._recent and self._recent[0].ended_us[-1] < since_us:
            self._recent.popleft()
        recent = Recent.joined(list(self._recent), since_us)
        elapsed_s = now_us / 1e6
        return Snapshot(
            elapsed_s,
            max(0.0, self._campaign.duration_s - elapsed_s),
            sum(self._in_flight.values()),
            self._sent,
            tuple(self._now(n, recent, elapsed_s) for n in range(len(self._campaign.scenarios))),
        )

    def _outcomes(self, index: int) -> dict[str, int]:
        mine = self._counts[index * len(OUTCOMES) :][: len(OUTCOMES)]
        return {name: int(count) for name, count in zip(OUTCOMES, mine, strict=True) if count}

    def _now(self, index: int, recent: "Recent", elapsed_s: float) -> ScenarioNow:
        scenario = self._campaign.scenarios[index]
        mine = recent.where(recent.scenario == index)
        load = _load_at(scenario, elapsed_s)
        window_s = min(WINDOW_S, max(elapsed_s, 0.1))
        return ScenarioNow(
            scenario.name,
            load.phase if load else "done",
            _wanted(load, elapsed_s) if load else "-",
            float(mine.is_answered.sum()) / window_s,
            *_percentiles(mine),
            self._outcomes(index),
        )


def _load_at(scenario: Scenario, elapsed_s: float) -> Load | None:
    for load in scenario.load:
        if load.start_s <= elapsed_s < load.start_s + load.duration_s:
            return load
    return None


def _wanted(load: Load, elapsed_s: float) -> str:
    done = (elapsed_s - load.start_s) / load.duration_s
    if load.users_from is not None and load.users_to is not None:
        return f"{load.users_from + (load.users_to - load.users_from) * done:.0f} users"
    if load.model == "closed":
        return f"{load.users} users"
    start, end = load.rate_from or 0.0, load.rate_to or 0.0
    return f"{start + (end - start) * done:.0f}/s"


def _percentiles(recent: Recent) -> tuple[float | None, float | None, float | None]:
    """p50, p95 and p99 of the response time, in ms; null where they fall among the unanswered."""
    judged = recent.where((recent.outcome != REFUSED) & (recent.outcome != GENERATOR_ERROR))
    if not len(judged.outcome):
        return None, None, None
    times = np.sort(np.where(judged.outcome == OK, judged.response_ms, np.inf))
    p50, p95, p99 = (nearest_rank(times, q) for q in (0.5, 0.95, 0.99))
    return _finite(p50), _finite(p95), _finite(p99)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
