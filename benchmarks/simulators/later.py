"""Systems with which nothing was ever set, played once when all else was done.

A pool of connections whose acquirers are turned away after a while, a bounded queue that turns
away at once, connections behind which calls wait for the one in front, code that warms up, a
capacity that breathes, and servers that are added with a delay.
"""

from heapq import heappop, heappush
from itertools import repeat

import numpy as np

from benchmarks.simulators import afar, fronts, profiles
from benchmarks.simulators.afar import Phases
from benchmarks.simulators.queues import Maker, lognormal
from benchmarks.simulators.system import Floats, Simulated, run_of

_REFUSALS = (429, 503)


def _turning_away(
    kind: str, phases: Phases, due: Floats, ended: Floats, turned: np.ndarray, status: int,
    truth: float,
) -> Simulated:  # fmt: skip
    data = run_of(
        phases,
        due=due,
        ended=ended,
        outcome=np.where(turned, "refused", "ok").astype("U12"),
        status=np.where(turned, status, 200),
    )
    return Simulated(kind, data, truth, profiles.top_rate(phases) / truth)


def acquiring(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A part is answered from a cache; the others want a connection, and get a 503 if none is free
    within a while."""
    hits = float(rng.choice([0.0, rng.uniform(0.2, 0.85)]))
    connections, capacity = int(rng.integers(2, 17)), rng.uniform(40, 250)
    phases, due = fronts.drawn(rng, profile, reached, capacity)
    patience = rng.uniform(0.1, 1.0)
    service = lognormal(rng, connections / (capacity * (1 - hits)), rng.uniform(0.2, 1.0), len(due))
    own = lognormal(rng, rng.uniform(0.002, 0.01), 0.3, len(due))
    is_hit = rng.random(len(due)) < hits
    ended, turned = due + own, np.zeros(len(due), dtype=bool)
    free = [0.0] * connections
    for i in np.flatnonzero(~is_hit).tolist():
        begin = max(float(ended[i]), free[0])
        turned[i] = begin - ended[i] > patience
        if turned[i]:
            ended[i] += patience
            continue
        heappop(free)
        ended[i] = begin + service[i]
        heappush(free, float(ended[i]))
    return _turning_away("acquiring", phases, due, ended, turned, 503, capacity)


def bounded(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """So many may be under way; who comes when all places are taken is turned away at once, with a
    503 or a 429 as the makers of such servers please."""
    servers, capacity = int(rng.integers(1, 17)), rng.uniform(30, 200)
    places = servers + int(rng.integers(1, 8 * servers + 2))
    phases, due = fronts.drawn(rng, profile, reached, capacity)
    service = lognormal(rng, servers / capacity, rng.uniform(0.1, 1.2), len(due))
    ended, turned = due + 0.001, np.zeros(len(due), dtype=bool)
    free = [0.0] * servers
    under_way: list[float] = []
    for i, at in enumerate(due.tolist()):
        while under_way and under_way[0] <= at:
            heappop(under_way)
        turned[i] = len(under_way) >= places
        if not turned[i]:
            ended[i] = max(at, heappop(free)) + service[i]
            heappush(free, float(ended[i]))
            heappush(under_way, float(ended[i]))
    status = int(rng.choice(_REFUSALS))
    return _turning_away("bounded", phases, due, ended, turned, status, capacity)


def blocking(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A few connections, to which calls are given by lot; each waits for those in front."""
    count, capacity = int(rng.integers(2, 13)), rng.uniform(30, 200)
    phases, due = fronts.drawn(rng, profile, reached, capacity)
    service = lognormal(rng, count / capacity, rng.uniform(0.1, 0.8), len(due))
    connection = rng.integers(0, count, len(due)).tolist()
    free, ended = [0.0] * count, np.empty(len(due))
    for i, at in enumerate(due.tolist()):
        free[connection[i]] = max(at, free[connection[i]]) + service[i]
        ended[i] = free[connection[i]]
    return afar.run(
        "blocking", phases, due, (ended, ["ok"] * len(due)), capacity, rng.uniform(5, 20)
    )


def _paced(
    kind: str, rng: np.random.Generator, phases: Phases, due: Floats, truth: float,
    servers: int, slower: Floats, by_time: bool,
) -> Simulated:  # fmt: skip
    """One queue whose service times are multiplied by what holds at that time, or by how many were
    served before."""
    service = lognormal(rng, servers / truth, rng.uniform(0.2, 1.0), len(due))
    free, ended, last = [0.0] * servers, np.empty(len(due)), len(slower) - 1
    for i, at in enumerate(due.tolist()):
        begin = max(at, heappop(free))
        ended[i] = begin + service[i] * slower[min(int(begin) if by_time else i, last)]
        heappush(free, float(ended[i]))
    return afar.run(kind, phases, due, (ended, ["ok"] * len(due)), truth, rng.uniform(5, 30))


def warming(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """The first calls take up to four times as long: code is compiled, caches fill."""
    servers, capacity = int(rng.integers(1, 17)), rng.uniform(30, 200)
    phases, due = fronts.drawn(rng, profile, reached, capacity)
    first, after = rng.uniform(1.0, 3.0), rng.uniform(100, 1500)
    slower = 1 + first * np.exp(-np.arange(len(due)) / after)
    return _paced("warming", rng, phases, due, capacity, servers, slower, by_time=False)


def breathing(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A neighbour takes up to a tenth of it, and gives it back, all 10 to 40 s; the truth is what
    is left in the middle."""
    servers, capacity = int(rng.integers(1, 17)), rng.uniform(30, 200)
    phases, due = fronts.drawn(rng, profile, reached, capacity)
    seconds = np.arange(int(due[-1]) + 600)
    swing, period = rng.uniform(0.03, 0.1), rng.uniform(10, 40)
    slower = 1 / (1 + swing * np.sin(2 * np.pi * (seconds / period + rng.random())))
    return _paced("breathing", rng, phases, due, capacity, servers, slower, by_time=True)


def scaling(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Servers are added one at a time while all are busy, each after a delay, up to a number."""
    most, capacity = int(rng.integers(4, 17)), rng.uniform(30, 200)
    phases, due = fronts.drawn(rng, profile, reached, capacity)
    service = lognormal(rng, most / capacity, rng.uniform(0.2, 1.0), len(due))
    free = list(repeat(0.0, max(most // 2, 1)))
    have, delay, ready = len(free), rng.uniform(1.0, 6.0), np.inf
    ended = np.empty(len(due))
    for i, at in enumerate(due.tolist()):
        if at >= ready:
            heappush(free, at)
            have, ready = have + 1, np.inf
        if ready == np.inf and have < most and free[0] > at:
            ready = at + delay
        ended[i] = max(at, heappop(free)) + service[i]
        heappush(free, float(ended[i]))
    return afar.run(
        "scaling", phases, due, (ended, ["ok"] * len(due)), capacity, rng.uniform(5, 30)
    )


PROFILES = ("stairs", "spikes")
MAKERS: dict[str, Maker] = {
    "acquiring": acquiring,
    "bounded": bounded,
    "blocking": blocking,
    "warming": warming,
    "breathing": breathing,
    "scaling": scaling,
}
