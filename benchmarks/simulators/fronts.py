"""Systems behind a balancer or a proxy, with which the rules for such were set.

Nodes of unlike speed served in turn, by chance, or by the least number under way; and a proxy that
stops waiting for what works on in vain.
"""

from collections import deque
from heapq import heapify, heappop, heappush

import numpy as np

from benchmarks.simulators import afar, profiles
from benchmarks.simulators.afar import Phases
from benchmarks.simulators.queues import Maker, lognormal
from benchmarks.simulators.system import Floats, Simulated, run_of


def drawn(
    rng: np.random.Generator, profile: str, reached: bool, capacity: float
) -> tuple[Phases, Floats]:
    if profile != "stairs":
        return afar.drawn(rng, profile, reached, capacity)
    phases = profiles.stairs(rng, capacity, reached)
    return phases, profiles.arrivals(rng, phases, poisson=bool(rng.random() < 0.5))


def _speeds(rng: np.random.Generator) -> Floats:
    """Calls a second of 2 to 6 nodes, the first of which is the slowest."""
    nodes = int(rng.integers(2, 7))
    speeds = rng.uniform(15, 50) * rng.uniform(0.95, 1.15, nodes)
    speeds[0] = speeds.min() * rng.uniform(0.5, 0.9)
    return speeds


def in_turn(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Each node gets the same share, one after the other: the losses begin where the slowest is
    full."""
    speeds = _speeds(rng)
    truth = float(speeds.min()) * len(speeds)
    phases, due = drawn(rng, profile, reached, truth)
    node = np.arange(len(due)) % len(speeds)
    return _balanced("in_turn", rng, phases, due, node, speeds, truth)


def by_chance(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """The same, but who gets a call is drawn by lot."""
    speeds = _speeds(rng)
    truth = float(speeds.min()) * len(speeds)
    phases, due = drawn(rng, profile, reached, truth)
    node = rng.integers(0, len(speeds), len(due))
    return _balanced("by_chance", rng, phases, due, node, speeds, truth)


def _balanced(
    kind: str, rng: np.random.Generator, phases: Phases, due: Floats, node: np.ndarray,
    speeds: Floats, truth: float,
) -> Simulated:  # fmt: skip
    servers, cv = int(rng.integers(1, 6)), rng.uniform(0.2, 1.0)
    room_s = float(rng.choice([1.0, 3.0, np.inf]))
    ended, outcome = np.empty(len(due)), ["ok"] * len(due)
    for one, speed in enumerate(speeds.tolist()):
        mine = np.flatnonzero(node == one)
        service = lognormal(rng, servers / speed, cv, len(mine))
        afar.node_serves(due, mine, service, servers, room_s, (ended, outcome))
    return afar.run(kind, phases, due, (ended, outcome), truth, rng.uniform(5, 20))


def least_busy(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """The node with the least under way gets the call, so that all are full at the same time."""
    speeds = _speeds(rng)
    truth = float(speeds.sum())
    phases, due = drawn(rng, profile, reached, truth)
    servers, cv = int(rng.integers(1, 6)), rng.uniform(0.2, 1.0)
    free = [[0.0] * servers for _ in speeds]
    under_way: list[list[float]] = [[] for _ in speeds]
    ended = np.empty(len(due))
    work = lognormal(rng, servers, cv, len(due))
    for i, at in enumerate(due.tolist()):
        for ends in under_way:
            while ends and ends[0] <= at:
                heappop(ends)
        one = min(range(len(speeds)), key=lambda node: len(under_way[node]))
        done = max(at, heappop(free[one])) + work[i] / speeds[one]
        heappush(free[one], done)
        heappush(under_way[one], done)
        ended[i] = done
    outcome = ["ok"] * len(due)
    return afar.run("least_busy", phases, due, (ended, outcome), truth, rng.uniform(5, 20))


def gateway(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A proxy answers 504 after a time; the service behind has threads, which get a connection in
    no order, and does not hear of it."""
    servers, capacity = int(rng.integers(1, 9)), rng.uniform(30, 180)
    phases, due = drawn(rng, profile, reached, capacity)
    cv = float(rng.choice([0.01, rng.uniform(0.1, 1.0)]))
    service = lognormal(rng, servers / capacity, cv, len(due))
    ended = _threaded(rng, due, service, servers, servers * int(rng.integers(1, 6)))
    timeout = float(rng.choice([1.0, 2.0, 5.0])) + 3 * servers / capacity
    late = ended - due > timeout
    data = run_of(
        phases,
        due=due,
        ended=np.minimum(ended, due + timeout + 0.001),
        outcome=np.where(late, "server_error", "ok").astype("U12"),
        status=np.where(late, 504, 200),
    )
    return Simulated("gateway", data, capacity, profiles.top_rate(phases) / capacity)


def _threaded(
    rng: np.random.Generator, due: Floats, service: Floats, servers: int, threads: int
) -> Floats:
    """Calls get a thread in turn, and of those who have one any may be next."""
    ended, free = np.empty(len(due)), [0.0] * servers
    heapify(free)
    waiting: deque[int] = deque()
    inside: list[int] = []
    i = 0
    while i < len(due) or waiting or inside:
        at = heappop(free)
        while i < len(due) and due[i] <= at:
            waiting.append(i)
            i += 1
        while waiting and len(inside) < max(threads - servers + 1, 1):
            inside.append(waiting.popleft())
        if not inside:
            heappush(free, float(due[i]))
            continue
        one = inside.pop(int(rng.integers(len(inside))))
        ended[one] = max(at, float(due[one])) + service[one]
        heappush(free, float(ended[one]))
    return ended


PROFILES = ("stairs", "up_down", "spikes")
MAKERS: dict[str, Maker] = {
    "in_turn": in_turn,
    "by_chance": by_chance,
    "least_busy": least_busy,
    "gateway": gateway,
}
