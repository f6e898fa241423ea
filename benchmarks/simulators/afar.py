"""Systems built unlike all others, played once the estimator was finished: the final check.

A pool that serves the newest first, two classes of which one goes before the other, a collector
of garbage that stops the world the more often the more is under way, nodes behind a balancer
of which one is slower, and an event loop before a pool that sheds by how long was waited. Each is a
discrete-event simulation; their profiles go up and down again, or rise in two spikes.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulators import profiles
from benchmarks.simulators.queues import Maker, lognormal
from benchmarks.simulators.system import SCENARIO, Floats, Simulated, run_of
from runs.analysis.plan import Phase

Phases = tuple[Phase, ...]
Played = tuple[Floats, list[str]]


def phases_of(rng: np.random.Generator, profile: str, capacity: float, reached: bool) -> Phases:
    top = (rng.uniform(1.3, 1.9) if reached else rng.uniform(0.6, 0.9)) * capacity
    if profile == "up_down":
        up = np.linspace(rng.uniform(0.15, 0.3) * top, top, int(rng.integers(6, 11)))
        rates = np.concatenate([up, up[-2::-2]])
        lengths = np.full(len(rates), rng.uniform(10, 25))
    else:
        low = rng.uniform(0.4, 0.65) * capacity
        second = top if not reached else rng.uniform(1.3, 1.9) * capacity
        rates = np.array([low / 3, low, top, low, second, low])
        lengths = np.array([20, rng.uniform(30, 60), rng.uniform(12, 25), 40, 20, 40])
    edges = np.concatenate([[0.0], np.cumsum(lengths)])
    return tuple(
        Phase(
            SCENARIO, f"part-{i}", int(edges[i] * 1e6), int(edges[i + 1] * 1e6),
            rate_from=float(rate), rate_to=float(rate),
        )
        for i, rate in enumerate(rates)
    )  # fmt: skip


def run(
    kind: str, phases: Phases, due: Floats, played: Played, truth: float, timeout: float
) -> Simulated:
    ended, outcome = played
    late = ended - due > timeout
    named = np.where(late, "timeout", np.array(outcome, dtype="U12"))
    data = run_of(phases, due=due, ended=np.minimum(ended, due + timeout), outcome=named)
    return Simulated(kind, data, truth, profiles.top_rate(phases) / truth)


def drawn(
    rng: np.random.Generator, profile: str, reached: bool, capacity: float
) -> tuple[Phases, Floats]:
    phases = phases_of(rng, profile, capacity, reached)
    return phases, profiles.arrivals(rng, phases, poisson=bool(rng.random() < 0.5))


def newest_first(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Who came last is served first; who is passed over for long gives up, and is not served."""
    servers, capacity = int(rng.integers(2, 20)), rng.uniform(30, 180)
    phases, due = drawn(rng, profile, reached, capacity)
    service = lognormal(rng, servers / capacity, rng.uniform(0.2, 1.2), len(due))
    timeout = rng.uniform(4, 20)
    played = _pooled(due, service, servers, timeout, lambda i: -i)
    return run("newest_first", phases, due, played, capacity, timeout)


def two_classes(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A part goes before the rest; both take as long, and wait in the same pool."""
    servers, capacity = int(rng.integers(2, 20)), rng.uniform(30, 180)
    phases, due = drawn(rng, profile, reached, capacity)
    service = lognormal(rng, servers / capacity, rng.uniform(0.2, 1.2), len(due))
    first = rng.random(len(due)) < rng.uniform(0.1, 0.6)
    timeout = rng.uniform(4, 20)
    played = _pooled(due, service, servers, timeout, lambda i: i - first[i] * len(due))
    return run("two_classes", phases, due, played, capacity, timeout)


def _pooled(
    due: Floats, service: Floats, servers: int, patience: float, rank: Callable[[int], float]
) -> Played:
    """One pool whose queue is ordered by `rank`; who waited for `patience` is gone."""
    ended, outcome = due + patience + 1.0, ["ok"] * len(due)
    free = [0.0] * servers
    waiting: list[tuple[float, int]] = []
    i = 0
    while i < len(due) or waiting:
        begin = free[0]
        if not waiting:
            begin = max(begin, float(due[i]))
        while i < len(due) and due[i] <= begin:
            heappush(waiting, (float(rank(i)), i))
            i += 1
        _, one = heappop(waiting)
        begin = max(begin, float(due[one]))
        if begin - due[one] <= patience:
            heappop(free)
            ended[one] = begin + service[one]
            heappush(free, float(ended[one]))
    return ended, outcome


def collector(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Every request allocates; each time so much is allocated the world stops. Pauses come with
    the work, so that the capacity is that of work and pauses together."""
    servers, capacity = int(rng.integers(2, 12)), rng.uniform(30, 180)
    every, pause = int(rng.integers(100, 600)), rng.uniform(0.05, 0.4)
    truth = 1 / (1 / capacity + pause / every)
    phases, due = drawn(rng, profile, reached, truth)
    service = lognormal(rng, servers / capacity, rng.uniform(0.2, 1.0), len(due))
    ended = np.empty(len(due))
    busy = [(0.0, -1)] * servers
    for i, (at, work) in enumerate(zip(due.tolist(), service.tolist(), strict=True)):
        begin = max(at, heappop(busy)[0])
        heappush(busy, (begin + work, i))
        if i % every == every - 1:
            busy = [(max(end, begin) + pause, one) for end, one in busy]
            heapify(busy)
        for end, one in busy:
            if one >= 0:
                ended[one] = end
    timeout = rng.uniform(8, 30)
    return run("collector", phases, due, (ended, ["ok"] * len(due)), truth, timeout)


def slow_node(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Nodes in turn, one of which is slower: the losses begin where that one is full."""
    nodes = int(rng.integers(2, 6))
    each = rng.uniform(15, 50)
    slower = rng.uniform(0.5, 0.85)
    truth = each * slower * nodes
    phases, due = drawn(rng, profile, reached, truth)
    servers = int(rng.integers(1, 6))
    room_s = float(rng.choice([1.0, 3.0, np.inf]))
    ended, outcome = np.empty(len(due)), ["ok"] * len(due)
    cv = rng.uniform(0.2, 1.0)
    for node in range(nodes):
        mine = np.arange(node, len(due), nodes)
        rate = each * (slower if node == 0 else 1.0)
        service = lognormal(rng, servers / rate, cv, len(mine))
        node_serves(due, mine, service, servers, room_s, (ended, outcome))
    timeout = rng.uniform(5, 20)
    return run("slow_node", phases, due, (ended, outcome), truth, timeout)


def node_serves(
    due: Floats, mine: NDArray[np.int64], service: Floats, servers: int, room_s: float,
    told: tuple[Floats, list[str]],
) -> None:  # fmt: skip
    """Serve some of the calls in turn; one that would wait longer than there is room is turned
    away. When each ended, and how, goes into `told`."""
    (ended, outcome), free = told, [0.0] * servers
    for i, work in zip(mine.tolist(), service.tolist(), strict=True):
        at = float(due[i])
        begin = max(at, free[0])
        if begin - at > room_s:
            ended[i], outcome[i] = at + 0.002, "server_error"
            continue
        heappop(free)
        heappush(free, begin + work)
        ended[i] = begin + work


def shedding(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """An event loop before a pool; once all have waited too long for a while, every other one is
    answered with an error from the queue."""
    servers, capacity = int(rng.integers(2, 16)), rng.uniform(30, 180)
    phases, due = drawn(rng, profile, reached, capacity)
    loop_s = rng.uniform(0.0005, 0.7 / capacity)
    service = lognormal(rng, servers / capacity, rng.uniform(0.2, 1.0), len(due))
    target, window = rng.uniform(0.1, 0.5), rng.uniform(0.3, 1.5)
    ended, outcome = np.empty(len(due)), ["ok"] * len(due)
    free, loop, above_since, turn = [0.0] * servers, 0.0, np.inf, 0
    for i, (at, work) in enumerate(zip(due.tolist(), service.tolist(), strict=True)):
        loop = max(loop, at) + loop_s
        begin = max(loop, free[0])
        above_since = np.inf if begin - loop <= target else min(above_since, loop)
        turn += 1
        if loop - above_since > window and turn % 2:
            ended[i], outcome[i] = begin, "server_error"
            continue
        heappop(free)
        heappush(free, begin + work)
        ended[i] = begin + work
    timeout = rng.uniform(5, 20)
    return run("shedding", phases, due, (ended, outcome), capacity, timeout)


PROFILES = ("up_down", "spikes")
MAKERS: dict[str, Maker] = {
    "newest_first": newest_first,
    "two_classes": two_classes,
    "collector": collector,
    "slow_node": slow_node,
    "shedding": shedding,
}
