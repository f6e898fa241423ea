"""Bottlenecks against faults that are known: is the true metric named first, and nothing else.

    python benchmarks/attribution.py [--systems 60] [--seed 1000]

A service of one step runs under steps, a spike or a steady load, with nineteen metrics, each read
once a second: one belongs to the fault, the others are healthy resources, figures that follow the
load, drifts and wanderers, each with an averaging window of its own (1 to 10 s). Seven kinds of
fault are those that the constants of `runs/analysis/bottlenecks.py` were set with; the eight
`held out` were not looked at while they were. `none` is a run without a fault, `unseen` a fault of
which no metric is read: there nothing is to be named.
"""

import argparse
import heapq
import multiprocessing
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import polars as pl

from benchmarks import _shares
from benchmarks.simulators.profiles import arrivals, stairs
from benchmarks.simulators.system import SCENARIO, Floats, run_of
from runs.analysis import bottlenecks, saturation
from runs.analysis.plan import Phase, Plan, Probe, ProbeMetric
from runs.analysis.run_data import RunData

TUNED: Final = ("db_pool", "cpu", "redis", "llm", "rate_limit", "disk", "gc")
HELD_OUT: Final = (
    "threads", "connections", "locks", "dependency", "steal", "network", "evictions", "queries",
)  # fmt: skip
QUIET: Final = ("none", "unseen")
PROFILES: Final = ("stairs", "spike", "steady")
TRUE_METRIC: Final[Mapping[str, str]] = {
    "db_pool": "db_pool_in_use",
    "cpu": "cpu_percent",
    "redis": "redis_hit_rate",
    "llm": "llm_latency_ms",
    "rate_limit": "rate_limited_total",
    "threads": "threads_busy",
    "disk": "disk_busy_percent",
    "connections": "new_connections",
    "locks": "lock_wait_ms",
    "gc": "gc_pause_ms",
    "dependency": "partner_latency_ms",
    "steal": "cpu_steal_percent",
    "network": "retransmits",
    "evictions": "evictions_total",
    "queries": "slow_queries",
}
# A queue with a fixed number of places, whose occupation is read; the others slow the service down.
PLACES: Final = ("db_pool", "cpu", "threads", "disk")
ONLY_STEADY: Final = (
    "redis", "llm", "connections", "dependency", "steal", "network", "evictions", "queries",
    "unseen",
)  # fmt: skip


@dataclass(frozen=True)
class Faulty:
    """A run with its fault; `truth` is the metric to be named, null for none."""

    kind: str
    data: RunData
    truth: str | None


def made(kind: str, profile: str, seed: int, number: int) -> Faulty:
    rng = np.random.default_rng([seed, number, (*TRUE_METRIC, *QUIET).index(kind)])
    capacity = float(rng.uniform(25, 90))
    is_reached = kind not in ("none",) and profile != "steady"
    phases = _phases(rng, profile, capacity, is_reached)
    due = arrivals(rng, phases, poisson=bool(rng.uniform() < 0.7))
    seconds = int(phases[-1].end_us / 1e6)
    is_bad = _fault_window(rng, seconds) if profile == "steady" and kind != "none" else None
    service = _Service(rng, kind, capacity, due, seconds, is_bad)
    ended, outcome = service.served()
    data = run_of(phases, due=due, ended=ended, outcome=outcome)
    metrics, readings = _Metrics(rng, kind, service, seconds).read()
    plan = Plan(phases=phases, probes=(Probe("operations", metrics),))
    return Faulty(kind, replace(data, plan=plan, readings=readings), TRUE_METRIC.get(kind))


def _phases(
    rng: np.random.Generator, profile: str, capacity: float, is_reached: bool
) -> tuple[Phase, ...]:
    if profile == "stairs":
        return stairs(rng, capacity, is_reached)
    levels = [(rng.uniform(60, 120), 0.6), (rng.uniform(30, 60), 0.6), (rng.uniform(40, 80), 0.6)]
    if profile == "spike":
        levels[1] = (levels[1][0], rng.uniform(1.25, 2.0) if is_reached else rng.uniform(0.7, 0.85))
    at, phases = 0.0, []
    for name, (length, share) in zip(("plateau", "spike", "recovery"), levels, strict=True):
        rate = share * capacity * 0.85
        phases.append(
            Phase(SCENARIO, name, int(at * 1e6), int((at + length) * 1e6),
                  rate_from=rate, rate_to=rate)
        )  # fmt: skip
        at += length
    return tuple(phases)


def _fault_window(rng: np.random.Generator, seconds: int) -> Floats:
    """When the fault lasts, second by second: once, for a fifth to a half of the run."""
    length = int(seconds * rng.uniform(0.2, 0.5))
    start = int(rng.uniform(0.2, 0.45) * seconds)
    found = np.zeros(seconds + 1)
    found[start : start + length] = 1.0
    return found


class _Service:
    """One queue before a resource of so many places, and whatever else slows it down."""

    def __init__(
        self, rng: np.random.Generator, kind: str, capacity: float, due: Floats, seconds: int,
        is_bad: Floats | None,
    ) -> None:  # fmt: skip
        self.rng, self.kind, self.due, self.seconds = rng, kind, due, seconds
        self.capacity = capacity
        self.places = {"cpu": int(rng.integers(1, 5)), "disk": 1}.get(
            kind, int(rng.integers(4, 21))
        )
        self.is_bad = np.zeros(seconds + 1) if is_bad is None else is_bad
        self.depth = rng.uniform(1.6, 3.5)
        self.offered = np.bincount(due.astype(int), minlength=seconds + 1)[: seconds + 1].astype(
            float
        )

    def served(self) -> tuple[Floats, list[str]]:
        """When each request ends, and how."""
        rng, at = self.rng, self.due.astype(int)
        base = rng.uniform(0.005, 0.03) * np.exp(0.3 * rng.normal(size=len(at)))
        hold = self.places / self.capacity * np.exp(0.4 * rng.normal(size=len(at)) - 0.08)
        bad = self.is_bad[at]
        outcome = ["ok"] * len(at)
        slow = np.zeros(len(at))
        self.pauses = np.zeros(self.seconds + 1)
        if self.kind == "rate_limit":
            outcome = self._limited()
        elif self.kind == "network":  # one request in three waits for a lost packet
            lost = (rng.uniform(size=len(at)) < 0.33) & (bad > 0)
            hold, slow = hold * 0.5, np.where(lost, rng.uniform(0.2, 0.9, len(at)), 0.0)
        elif self.kind in (*PLACES, "redis", "steal", "evictions", "queries"):
            hold = hold * (1 + (self.depth - 1) * bad)
        elif self.kind in ("llm", "dependency", "connections", "unseen"):
            hold, slow = (
                hold * 0.5,
                (self.depth - 0.6) * 0.1 * bad * np.exp(0.3 * rng.normal(size=len(at))),
            )
        elif self.kind == "locks":
            hold = hold * (1 + (self.depth - 1) * bad)
        elif self.kind == "gc":
            self._pause()
        self.begun, ended = self._queue(hold, [one == "ok" for one in outcome])
        self.released = ended
        ended = np.where([one == "ok" for one in outcome], ended + base + slow, self.due + 0.002)
        if self.kind == "gc":
            ended = self._paused(ended)
        self.ended = ended
        late = ended - self.due > 8.0
        ended = np.minimum(ended, self.due + 8.0)
        return ended, [
            "timeout" if lost and one == "ok" else one
            for lost, one in zip(late, outcome, strict=True)
        ]

    def _limited(self) -> list[str]:
        """A token bucket of the capacity; where the load stays below it, a fault cuts it down."""
        tokens, last, found = self.capacity, 0.0, []
        for due in self.due:
            rate = self.capacity * (0.3 if self.is_bad[int(due)] else 1.0)
            tokens = min(tokens + (due - last) * rate, self.capacity * 0.5)
            last = due
            found.append("ok" if tokens >= 1 else "refused")
            tokens -= tokens >= 1
        self.refused = np.bincount(
            self.due[[one != "ok" for one in found]].astype(int), minlength=self.seconds + 1
        )[: self.seconds + 1].astype(float)
        return found

    def _queue(self, hold: Floats, enters: Sequence[bool]) -> tuple[Floats, Floats]:
        free = [0.0] * self.places
        begun, ended = self.due.copy(), self.due.copy()
        waiting: list[float] = []
        for i, (due, work, is_in) in enumerate(
            zip(self.due.tolist(), hold.tolist(), enters, strict=True)
        ):
            if not is_in:
                continue
            start = max(due, heapq.heappop(free))
            if self.kind == "locks":  # the more wait, the longer each takes
                while waiting and waiting[0] <= due:
                    heapq.heappop(waiting)
                work *= 1 + 0.02 * max(len(waiting) - self.places, 0)
            end = start + min(work, 30.0)
            heapq.heappush(free, end)
            if self.kind == "locks":
                heapq.heappush(waiting, end)
            begun[i], ended[i] = start, end
        return begun, ended

    def _pause(self) -> None:
        """Collections: short ones now and then, long ones while memory is short or load is high."""
        second = 0
        load = self.offered / max(self.capacity, 1)
        while second <= self.seconds:
            is_hard = self.is_bad[second] > 0 or load[second] > 0.95
            self.pauses[second] = (
                self.rng.uniform(0.3, 0.9) if is_hard else self.rng.uniform(0.005, 0.03)
            )
            second += int(self.rng.integers(1, 4)) if is_hard else int(self.rng.integers(4, 12))

    def _paused(self, ended: Floats) -> Floats:
        """Whoever is under way when the world stops waits until it goes on."""
        found = ended.copy()
        for second in np.flatnonzero(self.pauses):
            length = self.pauses[second]
            stopped = (self.due < second + length) & (found > second)
            found[stopped] += length * np.minimum(
                1.0, (second + length - np.maximum(self.due[stopped], second)) / length
            )
        return found

    def _left(self) -> Floats:
        return np.minimum(self.ended, self.due + 60)

    def in_flight(self) -> Floats:
        edges = np.arange(self.seconds + 2)
        level = np.searchsorted(np.sort(self.due), edges) - np.searchsorted(
            np.sort(self._left()), edges
        )
        return np.maximum((level[1:] + level[:-1]) / 2, 0.0)

    def waits_ms(self) -> Floats:
        """What those that were due in a second waited for a place, on average."""
        at = self.due.astype(int)
        sums = np.bincount(at, weights=(self.begun - self.due) * 1000, minlength=self.seconds + 1)
        counts = np.bincount(at, minlength=self.seconds + 1)
        return (sums / np.maximum(counts, 1))[: self.seconds + 1]


class _Metrics:
    def __init__(
        self, rng: np.random.Generator, kind: str, service: _Service, seconds: int
    ) -> None:
        self.rng, self.kind, self.service, self.seconds = rng, kind, service, seconds
        self.load = service.offered / max(service.offered.mean(), 1e-9)

    def read(self) -> tuple[tuple[ProbeMetric, ...], pl.DataFrame]:
        found = dict(self._resources())
        if self.kind in TRUE_METRIC:
            found[TRUE_METRIC[self.kind]] = self._true()
        values = {name: self._averaged(one[1], name) for name, one in found.items()}
        values |= {name: self._averaged(one, name) for name, one in self._decoys()}
        metrics = [one[0] for one in found.values()]
        metrics += [ProbeMetric(name) for name, _ in self._decoys_names()]
        t_us = np.arange(self.seconds + 1) * 1_000_000 + 400_000
        frames = [
            pl.DataFrame({"t_us": t_us, "probe": "operations", "metric": name, "value": one})
            for name, one in values.items()
        ]
        return tuple(metrics), pl.concat(frames)

    def _noisy(self, values: Floats, share: float = 0.06) -> Floats:
        return np.maximum(values * np.exp(share * self.rng.normal(size=len(values))), 0.0)

    def _averaged(self, values: Floats, name: str) -> Floats:
        """Over the metric's own window, which trails."""
        if name.endswith("_total"):
            return values
        window = int(self.rng.choice([1, 1, 2, 5, 10]))
        sums = np.cumsum(np.concatenate((np.zeros(window), values)))
        counts = np.minimum(np.arange(1, len(values) + 1), window)
        return (sums[window:] - sums[:-window])[: len(values)] / counts

    def _healthy(self, ceiling: float, most: float) -> Floats:
        """A resource that the load takes up to `most` of its ceiling."""
        top = max(float(np.quantile(self.load, 0.98)), 1e-9)
        return np.minimum(self._noisy(self.load / top * most * ceiling, 0.08), ceiling)

    def _resources(self) -> Iterator[tuple[str, tuple[ProbeMetric, Floats]]]:
        rng, size = self.rng, self.seconds + 1
        pool = float(rng.integers(8, 40))
        room = rng.uniform(0.35, 0.7, 4)
        yield (
            "db_pool_in_use",
            (ProbeMetric("db_pool_in_use", "database", ceiling=pool), self._healthy(pool, room[0])),
        )
        yield (
            "cpu_percent",
            (ProbeMetric("cpu_percent", "cpu", ceiling=100.0), self._healthy(100.0, room[1])),
        )
        yield (
            "disk_busy_percent",
            (
                ProbeMetric("disk_busy_percent", "other", ceiling=100.0),
                self._healthy(100.0, room[2]),
            ),
        )
        threads = float(max(200, 2 * self.service.in_flight().max()))
        yield (
            "threads_busy",
            (
                ProbeMetric("threads_busy", "other", ceiling=threads),
                self._noisy(self.service.in_flight() + 3),
            ),
        )
        hit = np.clip(0.93 + 0.01 * rng.normal(size=size), 0, 1)
        yield (
            "redis_hit_rate",
            (
                ProbeMetric("redis_hit_rate", "cache", better="higher", feeds=("db_pool_in_use",)),
                hit,
            ),
        )
        yield (
            "llm_latency_ms",
            (ProbeMetric("llm_latency_ms", "llm"), self._noisy(np.full(size, 300.0), 0.12)),
        )
        yield (
            "partner_latency_ms",
            (ProbeMetric("partner_latency_ms", "other"), self._noisy(np.full(size, 80.0), 0.12)),
        )
        limited = np.cumsum(rng.uniform(size=size) < 0.01).astype(float)
        yield "rate_limited_total", (ProbeMetric("rate_limited_total", "rate_limit"), limited)
        yield "gc_pause_ms", (ProbeMetric("gc_pause_ms", "other"), self._noisy(8 * self.load, 0.5))
        yield (
            "lock_wait_ms",
            (ProbeMetric("lock_wait_ms", "other"), self._noisy(0.8 * self.load, 0.4)),
        )
        yield (
            "new_connections",
            (ProbeMetric("new_connections", "other"), self._noisy(1.0 + 2 * self.load, 0.3)),
        )

    def _true(self) -> tuple[ProbeMetric, Floats]:
        service, rng, size = self.service, self.rng, self.seconds + 1
        name = TRUE_METRIC[self.kind]
        bad = service.is_bad
        match self.kind:
            case "db_pool" | "threads":
                area = "database" if self.kind == "db_pool" else "other"
                metric = ProbeMetric(name, area, ceiling=float(service.places))
                return metric, np.minimum(self._noisy(self._taken(), 0.03), service.places)
            case "cpu" | "disk":
                share = self._taken() / service.places * 100
                metric = ProbeMetric(name, "cpu" if self.kind == "cpu" else "other", ceiling=100.0)
                return metric, np.minimum(self._noisy(share, 0.03), 100.0)
            case "redis":
                hit = 0.93 - 0.45 * bad + 0.02 * rng.normal(size=size)
                metric = ProbeMetric(name, "cache", better="higher", feeds=("db_pool_in_use",))
                return metric, np.clip(hit, 0, 1)
            case "llm" | "dependency":
                usual = 300.0 if self.kind == "llm" else 80.0
                extra = (service.depth - 0.6) * 100 * bad
                return ProbeMetric(name, "llm" if self.kind == "llm" else "other"), self._noisy(
                    usual + extra, 0.12
                )
            case "rate_limit":
                return ProbeMetric(name, "rate_limit"), np.cumsum(service.refused)
            case "connections":
                fresh = np.where(bad > 0, service.offered, 1.0 + 2 * self.load)
                return ProbeMetric(name, "other"), self._noisy(fresh, 0.1)
            case "steal":
                return ProbeMetric(name, "cpu"), self._noisy(1 + 40 * bad, 0.3)
            case "network":
                return ProbeMetric(name, "other"), self._noisy(
                    1 + 0.33 * service.offered * bad, 0.4
                )
            case "evictions":
                return ProbeMetric(name, "cache"), np.cumsum(rng.poisson(2 + 60 * bad)).astype(
                    float
                )
            case "queries":
                return ProbeMetric(name, "database"), rng.poisson(0.5 + 8 * bad).astype(float)
            case "locks":
                return ProbeMetric(name, "other"), self._noisy(
                    service.waits_ms() * 0.6 + 0.8 * self.load, 0.15
                )
            case _:
                return ProbeMetric(name, "other"), self._noisy(service.pauses * 1000 + 1, 0.1)

    def _taken(self) -> Floats:
        """Places in use in each second: exactly, from when each began and left its place."""
        service = self.service
        edges = np.arange(self.seconds + 2, dtype=np.float64)
        left = np.sort(service.released)
        level = np.searchsorted(np.sort(service.begun), edges) - np.searchsorted(left, edges)
        return np.clip((level[1:] + level[:-1]) / 2, 0, service.places).astype(np.float64)

    def _decoys_names(self) -> list[tuple[str, str]]:
        return [
            (name, "")
            for name in (
                "bytes_in",
                "bytes_out",
                "log_lines",
                "memory_mb",
                "open_files",
                "queue_other",
                "disk_free_gb",
                "tenant_score",
            )
        ]

    def _decoys(self) -> Iterator[tuple[str, Floats]]:
        size = self.seconds + 1
        yield "bytes_in", self._noisy(1e5 * self.load, 0.05)
        yield "bytes_out", self._noisy(8e5 * self.load, 0.1)
        yield "log_lines", self._noisy(40 * self.load + 2, 0.15)
        yield (
            "memory_mb",
            400 + self.rng.uniform(0.1, 1.0) * np.arange(size) + self.rng.normal(size=size),
        )
        yield "open_files", self._noisy(90 + 10 * self.load, 0.02)
        for name in ("queue_other", "disk_free_gb", "tenant_score"):
            yield name, 50 + self._wander(size)

    def _wander(self, size: int) -> Floats:
        memory, level, found = float(np.exp(-1 / self.rng.uniform(5, 60))), 0.0, np.empty(size)
        for at, step in enumerate(self.rng.normal(size=size)):
            level = memory * level + step
            found[at] = level
        return found


@dataclass(frozen=True)
class Answer:
    kind: str
    profile: str
    first: str | None
    is_right: bool


def answer(task: tuple[str, str, int, int]) -> Answer:
    kind, profile, seed, number = task
    faulty = made(kind, profile, seed, number)
    found = bottlenecks.find(faulty.data, saturation.find(faulty.data))
    first = found[0].metric if found else None
    return Answer(kind, profile, first, first == faulty.truth)


def profiles_of(kind: str) -> Sequence[str]:
    return ("steady",) if kind in ONLY_STEADY else PROFILES


def answers(kinds: Iterable[str], systems: int, seed: int, jobs: int) -> list[Answer]:
    tasks = [
        (kind, profiles_of(kind)[number % len(profiles_of(kind))], seed, number)
        for kind in kinds
        for number in range(systems)
    ]
    if jobs == 1:
        return [answer(task) for task in tasks]
    with multiprocessing.Pool(jobs) as pool:
        return pool.map(answer, tasks, chunksize=8)


def lines(systems: int, seed: int, jobs: int = 1) -> Iterator[str]:
    """The table of scores."""
    found = answers((*TUNED, *HELD_OUT, *QUIET), systems, seed, jobs)
    yield "\nBottlenecks among decoys, %:\n"
    rows = []
    for title, kinds in (("tuned", TUNED), ("held out", HELD_OUT)):
        for kind in (*kinds, "all"):
            mine = [
                one for one in found if one.kind == kind or (kind == "all" and one.kind in kinds)
            ]
            rows.append([
                kind, title, _shares.shown([one.is_right for one in mine]),
                _shares.shown([one.first not in (None, TRUE_METRIC.get(one.kind)) for one in mine]),
            ])  # fmt: skip
    for kind in QUIET:
        mine = [one for one in found if one.kind == kind]
        rows.append([kind, "", "-", _shares.shown([one.first is not None for one in mine])])
    yield _shares.table(("fault", "kind", "true one first", "another named first"), rows)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", type=int, default=60, help="of each kind, default 60")
    parser.add_argument("--seed", type=int, default=1000, help="default 1000")
    parser.add_argument("--jobs", type=int, default=1, help="processes, default 1")
    given = parser.parse_args()
    for line in lines(given.systems, given.seed, given.jobs):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
