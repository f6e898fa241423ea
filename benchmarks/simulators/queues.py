"""Single stations: a queue with servers, a rate limit, a quota, contention, slow calls.

Each maker draws a system, its load profile and its arrivals from one generator of random
numbers, plays it through, and returns the run with the capacity that follows from its parts.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush, heapreplace

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulators import profiles
from benchmarks.simulators.system import Floats, Simulated, run_of
from runs.analysis.plan import Phase

Ended = tuple[Floats, NDArray[np.str_]]


def lognormal(rng: np.random.Generator, mean: float, cv: float, size: int) -> Floats:
    spread = np.sqrt(np.log1p(cv**2))
    return mean * np.exp(rng.normal(-(spread**2) / 2, spread, size))


def drift(rng: np.random.Generator, seconds: float, sd: float, tau: float = 2.0) -> Floats:
    """AR(1) noise of the capacity around 1, a value every quarter of a second."""
    size = int(seconds * 4) + 200
    phi = np.exp(-0.25 / tau)
    shocks = rng.normal(0, sd * np.sqrt(1 - phi**2), size)
    level = np.empty(size)
    state = rng.normal(0, sd)
    for i in range(size):
        state = phi * state + shocks[i]
        level[i] = state
    return 1 + level


def station(
    due: Floats,
    servers: int,
    service: Floats,
    *,
    pace: Floats,
    room_s: float = np.inf,
    timeout_s: float = np.inf,
    wastes: bool = False,
) -> Ended:
    """First in, first out. Who would wait beyond `room_s` gets a 503 at once; who waited beyond
    `timeout_s` is gone, but keeps its place and its server where work is wasted."""
    free = [0.0] * servers
    ended, outcome = np.empty(len(due)), np.full(len(due), "ok", dtype="U12")
    last = len(pace) - 1
    for i, (at, work) in enumerate(zip(due.tolist(), service.tolist(), strict=True)):
        begin = max(at, free[0])
        wait = begin - at
        if wait > room_s:
            ended[i], outcome[i] = at + 0.001, "server_error"
            continue
        done = begin + work / pace[min(int(begin * 4), last)]
        if done - at > timeout_s:
            ended[i], outcome[i] = at + timeout_s, "timeout"
            if wait > timeout_s and not wastes:
                continue
        else:
            ended[i] = done
        heapreplace(free, done)
    return ended, outcome


def _with_errors(rng: np.random.Generator, ended: Floats, outcome: NDArray[np.str_]) -> None:
    """0 to 0.5 % of errors that have nothing to do with the load."""
    share = rng.choice([0.0, rng.uniform(0, 0.005)])
    hit = (rng.random(len(ended)) < share) & (outcome == "ok")
    outcome[hit] = "server_error"


def _loaded(
    rng: np.random.Generator, profile: str, capacity: float, reached: bool,
    poisson: bool | None = None,
) -> tuple[tuple[Phase, ...], Floats]:  # fmt: skip
    if profile == "spike":
        phases = profiles.spike(rng, capacity, reached)
    else:
        phases = profiles.stairs(rng, capacity, reached, short=profile == "short")
    if poisson is None:
        poisson = bool(rng.random() < 0.5)
    return phases, profiles.arrivals(rng, phases, poisson=poisson)


def _finished(
    kind: str,
    phases: tuple[Phase, ...],
    due: Floats,
    played: Ended,
    truth: float,
    **extra: object,
) -> Simulated:
    ended, outcome = played
    data = run_of(phases, due=due, ended=ended, outcome=outcome, user=extra.pop("user", None))  # type: ignore[arg-type]
    return Simulated(kind, data, truth, profiles.top_rate(phases) / truth, **extra)  # type: ignore[arg-type]


def queue(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """G/G/c with a waiting room of .5 s, 2 s or none, and a client that gives up."""
    servers = int(rng.integers(1, 33))
    capacity = rng.uniform(30, 200)
    mean = servers / capacity
    phases, due = _loaded(rng, profile, capacity, reached)
    service = lognormal(rng, mean, rng.uniform(0.2, 1.5), len(due))
    pace = drift(rng, due[-1], rng.uniform(0, 0.05))
    played = station(
        due, servers, service, pace=pace,
        room_s=float(rng.choice([0.5, 2.0, np.inf])),
        timeout_s=float(rng.uniform(5, 60)) + 3 * mean,
    )  # fmt: skip
    _with_errors(rng, *played)
    return _finished("queue", phases, due, played, capacity)


def collapse(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A queue that still works for clients who have given up: goodput falls to nothing."""
    servers = int(rng.integers(1, 33))
    capacity = rng.uniform(30, 200)
    mean = servers / capacity
    phases, due = _loaded(rng, profile, capacity, reached)
    service = lognormal(rng, mean, rng.uniform(0.2, 1.2), len(due))
    pace = drift(rng, due[-1], rng.uniform(0, 0.05))
    timeout = float(rng.uniform(2, 10)) + 3 * mean
    played = station(due, servers, service, pace=pace, timeout_s=timeout, wastes=True)
    _with_errors(rng, *played)
    return _finished("collapse", phases, due, played, capacity)


def slow_calls(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A pool of calls that take .8 to 5 s, as to a language model; 3 to 40 a second."""
    capacity = rng.uniform(3, 40)
    mean = rng.uniform(0.8, 5.0)
    servers = max(2, round(capacity * mean))
    capacity = servers / mean
    phases, due = _loaded(rng, "stairs" if profile == "short" else profile, capacity, reached)
    service = lognormal(rng, mean, rng.uniform(0.2, 0.8), len(due))
    pace = drift(rng, due[-1], rng.uniform(0, 0.03))
    played = station(due, servers, service, pace=pace, timeout_s=float(rng.uniform(30, 90)))
    _with_errors(rng, *played)
    return _finished("slow_calls", phases, due, played, capacity)


def _bucket(due: list[float], rate: float, burst: float) -> list[bool]:
    tokens, at = burst, 0.0
    admitted = []
    for now in due:
        tokens = min(burst, tokens + (now - at) * rate)
        at = now
        admitted.append(tokens >= 1)
        tokens -= tokens >= 1
    return admitted


def rate_limit(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A token bucket for everybody, with a burst of .3 to 3 s of its rate."""
    capacity = rng.uniform(20, 200)
    phases, due = _loaded(rng, profile, capacity, reached)
    burst = max(10.0, rng.uniform(0.3, 3.0) * capacity)
    admitted = np.array(_bucket(due.tolist(), capacity, burst))
    user = rng.integers(0, 20, len(due))
    return _limited(rng, "rate_limit", phases, due, admitted, capacity, user, "global")


def user_limit(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A token bucket for each of 2 to 40 users, who come in turn or at random."""
    capacity = rng.uniform(20, 200)
    count = int(rng.integers(2, 41))
    phases, due = _loaded(rng, profile, capacity, reached)
    in_turn = rng.random() < 0.5
    user = np.arange(len(due)) % count if in_turn else rng.integers(0, count, len(due))
    burst = max(3.0 if in_turn else 10.0, rng.uniform(0.3, 3.0) * capacity / count)
    admitted = np.empty(len(due), dtype=bool)
    for one in range(count):
        mine = np.flatnonzero(user == one)
        admitted[mine] = _bucket(due[mine].tolist(), capacity / count, burst)
    return _limited(rng, "user_limit", phases, due, admitted, capacity, user, "per_identity")


def quota(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """So many requests in a window of 5 or 10 s, by the clock of the server."""
    window = float(rng.choice([5.0, 10.0]))
    capacity = rng.uniform(20, 200)
    size = round(capacity * window)
    capacity = size / window
    phases, due = _loaded(rng, profile, capacity, reached)
    slot = np.floor((due + rng.uniform(0, window)) / window).astype(int)
    place = np.arange(len(due)) - np.searchsorted(slot, slot)
    user = rng.integers(0, 20, len(due))
    found = _limited(rng, "quota", phases, due, place < size, capacity, user, "global")
    return Simulated(**{**vars(found), "quota": (size, window)})


def _limited(
    rng: np.random.Generator, kind: str, phases: tuple[Phase, ...], due: Floats,
    admitted: NDArray[np.bool_], capacity: float, user: NDArray[np.int64], scope: str,
) -> Simulated:  # fmt: skip
    took = lognormal(rng, rng.uniform(0.005, 0.2), 0.4, len(due))
    ended = np.where(admitted, due + took, due + 0.002)
    outcome = np.where(admitted, "ok", "refused").astype("U12")
    _with_errors(rng, ended, outcome)
    return _finished(kind, phases, due, (ended, outcome), capacity, user=user, scope=scope)


def contention(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Throughput that falls beyond a number of jobs at a time: the universal scalability law."""
    best = rng.uniform(8, 30)
    alpha = rng.uniform(0.02, 0.15)
    beta = (1 - alpha) / best**2
    pool = int(rng.uniform(1.5, 3.0) * best)
    jobs = np.arange(1, pool + 1)
    speed = jobs / (1 + alpha * (jobs - 1) + beta * jobs * (jobs - 1))
    peak = rng.uniform(30, 200)
    speed *= peak / speed.max()
    speeds = [0.0, *speed.tolist()]
    poisson = bool(rng.random() < 0.5)
    truth = sustained(rng, speeds, peak, poisson, lambda count: rng.exponential(1.0, count))
    phases, due = _loaded(rng, profile, truth, reached, poisson)
    ended = shared(due, rng.exponential(1.0, len(due)), speeds)
    timeout = rng.uniform(10, 40)
    outcome = np.where(ended - due > timeout, "timeout", "ok").astype("U12")
    ended = np.minimum(ended, due + timeout)
    return _finished("contention", phases, due, (ended, outcome), truth)


def shared(due: Floats, work: Floats, speeds: list[float]) -> Floats:
    """Processor sharing among at most len(speeds) - 1 jobs, the rest waits its turn.

    Each of n jobs advances by speeds[n] / n; `attained` is what a job has got since the start.
    """
    ended = np.empty(len(due))
    pool = len(speeds) - 1
    inside: list[tuple[float, int]] = []
    waiting: list[int] = []
    head, attained, now, i = 0, 0.0, 0.0, 0
    times, works, count = due.tolist(), work.tolist(), len(due)
    while i < count or inside:
        n = len(inside)
        each = speeds[n] / n if n else 0.0
        leaves = now + (inside[0][0] - attained) / each if n else np.inf
        if i < count and times[i] <= leaves:
            attained += (times[i] - now) * each
            now = times[i]
            if n < pool:
                heappush(inside, (attained + works[i], i))
            else:
                waiting.append(i)
            i += 1
            continue
        attained, now = inside[0][0], leaves
        ended[heappop(inside)[1]] = now
        if head < len(waiting):
            heappush(inside, (attained + works[waiting[head]], waiting[head]))
            head += 1
    return ended


def sustained(
    rng: np.random.Generator, speeds: list[float], peak: float, poisson: bool,
    work: Callable[[int], Floats],
) -> float:  # fmt: skip
    """The largest load that 60 s keep up with in 2 of 3 trials, to 2 %; `work` draws so many."""
    for share in np.arange(1.0, 0.5, -0.02):
        kept = 0
        for _ in range(3):
            rate = share * peak
            due = np.arange(0, 60, 1 / rate)
            if poisson:
                due = np.sort(rng.uniform(0, 60, rng.poisson(rate * 60)))
            ended = shared(due, work(len(due)), speeds)
            kept += bool((ended < 60).sum() >= 0.98 * len(due))
        if kept >= 2:
            return float(share * peak)
    return 0.5 * peak


def closed(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Users who wait for their answer, then think; a station of c servers."""
    del profile
    servers = int(rng.integers(2, 17))
    capacity = rng.uniform(30, 200)
    mean = servers / capacity
    think = float(rng.choice([0.0, rng.uniform(0, 5) * mean]))
    knee = capacity * (mean + think)
    top = rng.uniform(2.0, 4.0) if reached else rng.uniform(0.3, 0.55)
    counts = np.unique(np.maximum(1, np.round(np.linspace(0.15, top, 9) * knee)))
    phases = profiles.users(rng, counts, think)
    due, ended = _played_closed(rng, phases, servers, mean, think)
    outcome = np.full(len(due), "ok", dtype="U12")
    data = run_of(phases, due=due, ended=ended, outcome=outcome)
    return Simulated("closed", data, capacity, float(counts[-1] / knee))


def _played_closed(
    rng: np.random.Generator, phases: tuple[Phase, ...], servers: int, mean: float, think: float
) -> tuple[Floats, Floats]:
    dues, ends = [], []
    cv = rng.uniform(0.2, 1.2)
    free = [0.0] * servers
    for phase in phases:
        start, end = phase.start_us / 1e6, phase.end_us / 1e6
        free = [max(one, start) for one in free]
        heapify(free)
        asking = [start + 1e-3 * i for i in range(phase.users or 1)]
        heapify(asking)
        while asking and asking[0] < end:
            at = heappop(asking)
            done = max(at, free[0]) + float(lognormal(rng, mean, cv, 1)[0])
            heapreplace(free, done)
            dues.append(at)
            ends.append(done)
            heappush(asking, done + (rng.exponential(think) if think else 0.0))
    order = np.argsort(dues, kind="stable")
    return np.array(dues)[order], np.array(ends)[order]


Maker = Callable[[np.random.Generator, str, bool], Simulated]
MAKERS: dict[str, Maker] = {
    "queue": queue,
    "collapse": collapse,
    "slow_calls": slow_calls,
    "rate_limit": rate_limit,
    "user_limit": user_limit,
    "quota": quota,
    "contention": contention,
    "closed": closed,
}
