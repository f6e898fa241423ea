"""What is known of a run while it goes on: the last seconds' figures, for the terminal."""

from collections import Counter, deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadrunner.campaign.model import Campaign, Load, Scenario
from loadrunner.engine.record import DTYPE, GENERATOR_ERROR, OK, REFUSED
from runs.analysis.percentiles import nearest_rank
from runs.formats.samples import OUTCOMES

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


class Progress:
    """Takes packed records as they come; `snapshot` sums the last seconds up."""

    def __init__(self, campaign: Campaign, step_scenarios: list[int]) -> None:
        self._campaign = campaign
        self._scenario_of_step = np.asarray(step_scenarios)
        self._recent: deque[NDArray[np.void]] = deque()
        self._outcomes: list[Counter[str]] = [Counter() for _ in campaign.scenarios]
        self._in_flight: dict[int, int] = {}
        self._sent = 0

    def add(self, records: bytes) -> None:
        rows = np.frombuffer(records, DTYPE)
        self._recent.append(rows)
        scenarios = self._scenario_of_step[rows["step"]]
        for index, counter in enumerate(self._outcomes):
            mine = np.bincount(rows["outcome"][scenarios == index], minlength=len(OUTCOMES))
            counter.update({name: int(n) for name, n in zip(OUTCOMES, mine, strict=True) if n})

    def note_pulse(self, worker: int, in_flight: int, sent: int) -> None:
        self._in_flight[worker] = in_flight
        self._sent += sent

    def snapshot(self, now_us: int) -> Snapshot:
        since_us = now_us - round(WINDOW_S * 1e6)
        while self._recent and self._recent[0]["ended_us"].max() < since_us:
            self._recent.popleft()
        rows = np.concatenate(self._recent) if self._recent else np.empty(0, DTYPE)
        rows = rows[rows["ended_us"] >= since_us]
        elapsed_s = now_us / 1e6
        return Snapshot(
            elapsed_s,
            max(0.0, self._campaign.duration_s - elapsed_s),
            sum(self._in_flight.values()),
            self._sent,
            tuple(self._now(index, rows, elapsed_s) for index in range(len(self._outcomes))),
        )

    def _now(self, index: int, rows: NDArray[np.void], elapsed_s: float) -> ScenarioNow:
        scenario = self._campaign.scenarios[index]
        mine = rows[self._scenario_of_step[rows["step"]] == index]
        load = _load_at(scenario, elapsed_s)
        window_s = min(WINDOW_S, max(elapsed_s, 0.1))
        return ScenarioNow(
            scenario.name,
            load.phase if load else "done",
            _wanted(load, elapsed_s) if load else "-",
            float((mine["status"] > 0).sum()) / window_s,
            *_percentiles(mine),
            dict(self._outcomes[index]),
        )


def _load_at(scenario: Scenario, elapsed_s: float) -> Load | None:
    for load in scenario.load:
        if load.start_s <= elapsed_s < load.start_s + load.duration_s:
            return load
    return None


def _wanted(load: Load, elapsed_s: float) -> str:
    if load.model == "closed":
        return f"{load.users} users"
    done = (elapsed_s - load.start_s) / load.duration_s
    start, end = load.rate_from or 0.0, load.rate_to or 0.0
    return f"{start + (end - start) * done:.0f}/s"


def _percentiles(rows: NDArray[np.void]) -> tuple[float | None, float | None, float | None]:
    """p50, p95 and p99 of the response time, in ms; null where they fall among the unanswered."""
    outcome = rows["outcome"]
    judged = rows[(outcome != REFUSED) & (outcome != GENERATOR_ERROR)]
    if not len(judged):
        return None, None, None
    times = np.where(judged["outcome"] == OK, judged["ended_us"] - judged["due_us"], np.inf)
    times = np.sort(times / 1000)
    p50, p95, p99 = (nearest_rank(times, q) for q in (0.5, 0.95, 0.99))
    return _finite(p50), _finite(p95), _finite(p99)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
