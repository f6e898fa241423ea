"""Systems built unlike the others. `even` and `thrashing` were looked at while the estimator was
made; on the others no constant was ever set: they are the hold-out.

Servers that share their time evenly, batches, a limiter that
delays before it refuses, a limit over a sliding second, thrashing that is not the universal
scalability law, and two stations one after the other. Their profiles differ as well: geometric
staircases, a single long ramp with a plateau, and stages in random order.
"""

from collections import deque
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulators import profiles
from benchmarks.simulators.queues import Maker, lognormal, shared, sustained
from benchmarks.simulators.system import SCENARIO, Floats, Simulated, run_of
from runs.analysis.plan import Phase

Phases = tuple[Phase, ...]


def _stage(name: str, start: float, length: float, low: float, high: float) -> Phase:
    return Phase(
        SCENARIO, name, int(start * 1e6), int((start + length) * 1e6),
        rate_from=float(low), rate_to=float(high),
    )  # fmt: skip


def _phases(rng: np.random.Generator, profile: str, capacity: float, reached: bool) -> Phases:
    top = (rng.uniform(1.3, 1.9) if reached else rng.uniform(0.6, 0.9)) * capacity
    if profile == "ramp":
        return _ramp(rng, top)
    count = int(rng.integers(7, 16))
    levels = np.geomspace(rng.uniform(0.15, 0.35) * top, top, count)
    if profile == "shuffled":
        levels = np.concatenate([levels[:2], rng.permutation(levels[2:])])
    lengths = rng.uniform(8, 25) * rng.uniform(0.8, 1.2, count)
    starts = np.concatenate([[0.0], np.cumsum(lengths)])
    return tuple(
        _stage(f"step-{i}", float(starts[i]), float(lengths[i]), rate, rate)
        for i, rate in enumerate(levels)
    )


def _ramp(rng: np.random.Generator, top: float) -> Phases:
    rise, stay = rng.uniform(90, 180), rng.uniform(20, 40)
    return (_stage("rise", 0.0, rise, 0.05 * top, top), _stage("stay", rise, stay, top, top))


def _run(
    kind: str, phases: Phases, due: Floats, ended: Floats, outcome: list[str] | NDArray[np.str_],
    truth: float,
) -> Simulated:  # fmt: skip
    data = run_of(phases, due=due, ended=ended, outcome=outcome)
    return Simulated(kind, data, truth, profiles.top_rate(phases) / truth)


def _due(rng: np.random.Generator, phases: Phases) -> Floats:
    return profiles.arrivals(rng, phases, poisson=bool(rng.random() < 0.5))


def even(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Cores that share their time evenly among all that is under way, without loss."""
    capacity, cores = rng.uniform(30, 200), int(rng.integers(1, 9))
    phases = _phases(rng, profile, capacity, reached)
    due = _due(rng, phases)
    speeds = [min(n, cores) * capacity / cores for n in range(len(due) + 1)]
    work = lognormal(rng, 1.0, rng.uniform(0.3, 1.5), len(due))
    ended = shared(due, work, speeds)
    timeout = rng.uniform(5, 30)
    outcome = np.where(ended - due > timeout, "timeout", "ok").astype("U12")
    return _run("even", phases, due, np.minimum(ended, due + timeout), outcome, capacity)


def batches(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Up to so many requests are taken together, and are answered together."""
    size, takes = int(rng.integers(4, 33)), rng.uniform(0.05, 0.4)
    capacity = size / takes
    phases = _phases(rng, profile, capacity, reached)
    due = _due(rng, phases)
    ended, outcome = np.empty(len(due)), ["ok"] * len(due)
    room, i, free = int(size * rng.choice([5, 10**6])), 0, 0.0
    waiting: deque[int] = deque()
    while i < len(due) or waiting:
        begin = max(free, float(due[waiting[0] if waiting else i]))
        while i < len(due) and due[i] <= begin:
            if len(waiting) >= room:
                ended[i], outcome[i] = due[i] + 0.002, "server_error"
            else:
                waiting.append(i)
            i += 1
        free = begin + float(lognormal(rng, takes, 0.1, 1)[0])
        for _ in range(min(size, len(waiting))):
            ended[waiting.popleft()] = free
    return _run("batches", phases, due, ended, outcome, capacity)


def delaying(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A leaky bucket that delays up to a burst, and answers 429 beyond."""
    capacity = rng.uniform(20, 200)
    burst = int(rng.integers(5, 60))
    phases = _phases(rng, profile, capacity, reached)
    due = _due(rng, phases)
    took = lognormal(rng, rng.uniform(0.005, 0.05), 0.4, len(due))
    level, seen = 0.0, 0.0
    ended, outcome = np.empty(len(due)), []
    for i, at in enumerate(due.tolist()):
        level, seen = max(0.0, level - (at - seen) * capacity), at
        if level + 1 > burst + 1:
            ended[i] = at + 0.002
            outcome.append("refused")
            continue
        ended[i] = at + level / capacity + took[i]
        level += 1
        outcome.append("ok")
    return _run("delaying", phases, due, ended, outcome, capacity)


def sliding(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """No more than so many in any second."""
    size = int(rng.integers(20, 200))
    phases = _phases(rng, profile, float(size), reached)
    due = profiles.arrivals(rng, phases, poisson=False)
    took = lognormal(rng, rng.uniform(0.005, 0.1), 0.4, len(due))
    last: deque[float] = deque()
    ended, outcome = np.empty(len(due)), []
    for i, at in enumerate(due.tolist()):
        while last and last[0] <= at - 1:
            last.popleft()
        kept = len(last) < size
        if kept:
            last.append(at)
        ended[i] = at + (took[i] if kept else 0.002)
        outcome.append("ok" if kept else "refused")
    return _run("sliding", phases, due, ended, outcome, float(size))


def thrashing(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Throughput that rises in proportion, is level, and falls in a straight line to a floor."""
    knee, capacity = int(rng.integers(6, 25)), rng.uniform(30, 200)
    level = knee * rng.uniform(1.2, 2.0)
    fall = rng.uniform(0.3, 0.7)
    far = level * rng.uniform(2, 4)
    n = np.arange(int(far) + 2, dtype=float)
    rises = np.minimum(n / knee, 1.0)
    falls = np.interp(n, [level, far], [1.0, fall])
    speeds = (rises * falls * capacity).tolist()
    # Services vary, and carry the target over the edge of its level stretch: what is sustained
    # lies below the height of that.
    truth = sustained(rng, speeds, capacity, False, lambda size: lognormal(rng, 1.0, 0.5, size))
    phases = _phases(rng, profile, truth, reached)
    due = profiles.arrivals(rng, phases, poisson=False)
    ended = shared(due, lognormal(rng, 1.0, 0.5, len(due)), speeds)
    timeout = rng.uniform(10, 30)
    outcome = np.where(ended - due > timeout, "timeout", "ok").astype("U12")
    return _run("thrashing", phases, due, np.minimum(ended, due + timeout), outcome, truth)


def tandem(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Two stations, one after the other; the second is the narrower."""
    first, second = int(rng.integers(3, 20)), int(rng.integers(2, 12))
    capacity = rng.uniform(30, 150)
    spare = rng.uniform(1.15, 2.5)
    phases = _phases(rng, profile, capacity, reached)
    due = _due(rng, phases)
    between = _station(due, first, lognormal(rng, first / capacity / spare, 0.8, len(due)))
    order = np.argsort(between, kind="stable")
    ended = np.empty(len(due))
    service = lognormal(rng, second / capacity, rng.uniform(0.3, 1.2), len(due))
    ended[order] = _station(between[order], second, service)
    timeout = rng.uniform(8, 40)
    outcome = np.where(ended - due > timeout, "timeout", "ok").astype("U12")
    return _run("tandem", phases, due, np.minimum(ended, due + timeout), outcome, capacity)


def _station(due: Floats, servers: int, service: Floats) -> Floats:
    free = [0.0] * servers
    ended = np.empty(len(due))
    for i, (at, work) in enumerate(zip(due.tolist(), service.tolist(), strict=True)):
        done = max(at, heappop(free)) + work
        heappush(free, done)
        ended[i] = done
    return ended


PROFILES = ("geometric", "shuffled", "ramp")
MAKERS: dict[str, Maker] = {
    "even": even,
    "batches": batches,
    "delaying": delaying,
    "sliding": sliding,
    "thrashing": thrashing,
    "tandem": tandem,
}
