"""A network of tiers: web workers, cache, database pool, language-model pool, a rate limit in
front, pauses of the whole process, and journeys of several steps with thinking between them.

Played event by event: every journey is a generator that asks for a pool or for time.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

import numpy as np

from benchmarks.simulators import profiles
from benchmarks.simulators.system import Recorder, Simulated, run_of

Ask = tuple[Any, ...]
Asks = Generator[Ask, bool, None]
Ticket = list[Any]
"""Who waits, whether still, and for which pool."""


@dataclass
class Pool:
    """`size` at a time; who waited longer than `patience_s` fails, as does who finds `queue_limit`
    waiting already."""

    size: int
    patience_s: float = np.inf
    queue_limit: int = 10**9
    busy: int = 0
    waiting: deque[Ticket] = field(default_factory=deque)
    queued: int = 0


@dataclass(frozen=True)
class Step:
    """One request: time in the worker, then the database and the model with a probability."""

    name: str
    own_s: float
    database_s: float = 0.0
    hit_rate: float = 0.0
    model_s: float = 0.0
    direct: float = 0.0
    think_s: float = 0.0


@dataclass
class Tiers:
    """The system. Where workers are `None` a request holds none (an event loop)."""

    steps: tuple[Step, ...]
    database: Pool
    model: Pool
    workers: Pool | None = None
    limit_rps: float | None = None
    limit_burst: float = 1.0
    pause_every_s: float = 0.0
    pause_s: float = 0.0
    cv: float = 0.5
    stops_on_failure: bool = False
    timeout_s: float = np.inf

    @property
    def capacity(self) -> float:
        """In journeys/s: the tightest of all tiers."""
        awake = 1 - (self.pause_s / self.pause_every_s if self.pause_every_s else 0.0)
        database = sum(step.database_s * (1 - step.hit_rate) for step in self.steps)
        model = sum(step.model_s * (1 - step.direct) for step in self.steps)
        own = sum(step.own_s for step in self.steps)
        limits = []
        if database:
            limits.append(self.database.size / database * awake)
        if model:
            limits.append(self.model.size / model)
        if self.workers:
            held = own + database + model
            limits.append(self.workers.size / held * awake)
        if self.limit_rps:
            limits.append(self.limit_rps / len(self.steps))
        return min(limits)


class Play:
    """The event loop: the clock, what happens next, and what was recorded."""

    def __init__(self, tiers: Tiers, rng: np.random.Generator, seconds: float) -> None:
        self.tiers = tiers
        self.record = Recorder()
        self.now = 0.0
        self._next: list[tuple[float, int, Asks, bool | None, Ticket | None]] = []
        self._number = 0
        self._tokens, self._tokens_at = tiers.limit_burst, 0.0
        self._random: Iterator[float] = iter(rng.random(65536).tolist())
        spread = np.sqrt(np.log1p(tiers.cv**2))
        self._factor: Iterator[float] = iter(
            np.exp(rng.normal(-(spread**2) / 2, spread, 65536)).tolist()
        )
        self._rng, self._spread = rng, spread
        self._pauses(seconds)

    def _pauses(self, seconds: float) -> None:
        every, length = self.tiers.pause_every_s, self.tiers.pause_s
        count = int(seconds * 2 / every) if every else 0
        jitter = self._rng.uniform(-0.2, 0.2, count) * every
        self._begin = (np.sort((np.arange(count) + 0.5) * every + jitter)).tolist()
        self._awake = [at - i * length for i, at in enumerate(self._begin)]

    def chance(self, probability: float) -> bool:
        drawn = next(self._random, None)
        if drawn is None:
            self._random = iter(self._rng.random(65536).tolist())
            drawn = next(self._random)
        return drawn < probability

    def varied(self, mean: float) -> float:
        drawn = next(self._factor, None)
        if drawn is None:
            spread = self._spread
            self._factor = iter(np.exp(self._rng.normal(-(spread**2) / 2, spread, 65536)).tolist())
            drawn = next(self._factor)
        return mean * drawn

    def admits(self) -> bool:
        rate = self.tiers.limit_rps
        if rate is None:
            return True
        gained = (self.now - self._tokens_at) * rate
        self._tokens = min(self.tiers.limit_burst, self._tokens + gained)
        self._tokens_at = self.now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _worked(self, work: float) -> float:
        """When work that begins now is done, pauses left out."""
        length = self.tiers.pause_s
        if not length:
            return self.now + work
        passed = bisect_right(self._begin, self.now)
        awake = self.now - passed * length
        if passed and self.now < self._begin[passed - 1] + length:
            awake = self._awake[passed - 1]
        done = awake + work
        return done + bisect_right(self._awake, done) * length

    def at(self, when: float, process: Asks, answer: bool | None = True) -> None:
        self._number += 1
        heappush(self._next, (when, self._number, process, answer, None))

    def run(self) -> None:
        while self._next:
            self.now, _, process, answer, ticket = heappop(self._next)
            if ticket is not None:
                if not ticket[1]:
                    continue
                ticket[1] = False
                ticket[2].queued -= 1
            self._go(process, answer)

    def _go(self, process: Asks, answer: bool | None) -> None:
        while True:
            try:
                ask = process.send(answer) if answer is not None else next(process)
            except StopIteration:
                return
            if ask[0] == "work":
                self.at(self._worked(ask[1]), process)
                return
            if ask[0] == "wait":
                self.at(self.now + ask[1], process)
                return
            if ask[0] == "free":
                self._free(ask[1])
                answer = True
                continue
            pool = ask[1]
            if pool.busy < pool.size:
                pool.busy += 1
                answer = True
                continue
            if pool.queued >= pool.queue_limit:
                answer = False
                continue
            ticket = [process, True, pool]
            pool.waiting.append(ticket)
            pool.queued += 1
            if pool.patience_s < np.inf:
                self._number += 1
                heappush(
                    self._next, (self.now + pool.patience_s, self._number, process, False, ticket)
                )
            return

    def _free(self, pool: Pool) -> None:
        while pool.waiting:
            ticket = pool.waiting.popleft()
            if ticket[1]:
                ticket[1] = False
                pool.queued -= 1
                self.at(self.now, ticket[0])
                return
        pool.busy -= 1

    def journey(self, number: int, due: float) -> Asks:
        for i, step in enumerate(self.tiers.steps):
            if i:
                if step.think_s:
                    yield ("wait", step.think_s)
                due = self.now
            outcome = yield from self._request(step)
            ended = self.now
            if ended - due > self.tiers.timeout_s:
                outcome, ended = "timeout", due + self.tiers.timeout_s
            self.record.add(step.name, number, number % 20, due, ended, outcome)
            if outcome != "ok" and self.tiers.stops_on_failure:
                return

    def _request(self, step: Step) -> Generator[Ask, bool, str]:
        if not self.admits():
            yield ("wait", 0.002)
            return "refused"
        workers = self.tiers.workers
        if workers and not (yield ("take", workers)):
            return "server_error"
        outcome = "ok"
        yield ("work", self.varied(step.own_s))
        if step.database_s and not self.chance(step.hit_rate):
            outcome = yield from self._held(self.tiers.database, "work", step.database_s)
        if outcome == "ok" and step.model_s and not self.chance(step.direct):
            outcome = yield from self._held(self.tiers.model, "wait", step.model_s)
        if workers:
            yield ("free", workers)
        return outcome

    def _held(self, pool: Pool, how: str, mean: float) -> Generator[Ask, bool, str]:
        if not (yield ("take", pool)):
            return "server_error"
        yield (how, self.varied(mean))
        yield ("free", pool)
        return "ok"


def play(
    kind: str, rng: np.random.Generator, tiers: Tiers, profile: str, reached: bool
) -> Simulated:
    truth = tiers.capacity
    if profile == "spike":
        phases = profiles.spike(rng, truth, reached)
    else:
        phases = profiles.stairs(rng, truth, reached, short=profile == "short")
    due = profiles.arrivals(rng, phases, poisson=bool(rng.random() < 0.3))
    playing = Play(tiers, rng, float(due[-1]) + 100)
    for number, at in enumerate(due.tolist()):
        playing.at(at, playing.journey(number, at), None)
    playing.run()
    kept = playing.record
    data = run_of(
        phases, due=np.array(kept.due), ended=np.array(kept.ended), outcome=kept.outcome,
        step=kept.step, journey=kept.journey, user=kept.user,
    )  # fmt: skip
    return Simulated(kind, data, truth, profiles.top_rate(phases) / truth)


def _database(rng: np.random.Generator, patience: bool = True) -> Pool:
    wait = float(np.exp(rng.uniform(np.log(0.3), np.log(5.0)))) if patience else np.inf
    return Pool(int(rng.integers(3, 17)), patience_s=wait)


def _idle() -> Pool:
    return Pool(10**6)


def _sizes(rng: np.random.Generator) -> float:
    return float(rng.uniform(25, 90))


def workers(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Too few web workers, with a backlog that is limited or not."""
    size = int(rng.integers(4, 25))
    own = size / _sizes(rng)
    limit = int(rng.choice([size, 10 * size, 10**9]))
    pool = Pool(size, queue_limit=limit)
    steps = (Step("page", own * 0.6, database_s=own * 0.4),)
    tiers = Tiers(steps, Pool(10 * size), _idle(), pool, cv=rng.uniform(0.2, 1.0))
    return play("workers", rng, tiers, profile, reached)


def cached(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A database pool with a wait time-out, behind a cache whose hits are served all the same."""
    pool = _database(rng)
    hits = rng.uniform(0.2, 0.85)
    service = pool.size / (_sizes(rng) * (1 - hits))
    steps = (Step("read", rng.uniform(0.002, 0.02), database_s=service, hit_rate=hits),)
    held = None
    if rng.random() < 0.3:
        held = Pool(int(pool.size * rng.uniform(4, 10)))
    tiers = Tiers(steps, pool, _idle(), held, cv=rng.uniform(0.2, 1.0))
    return play("cached", rng, tiers, profile, reached)


def direct(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A pool of slow model calls; a part of the answers needs none."""
    share = rng.uniform(0.15, 0.7)
    service = rng.uniform(0.1, 1.5)
    size = max(2, round(_sizes(rng) * 0.5 * (1 - share) * service))
    pool = Pool(size, patience_s=float(rng.choice([1.0, 4.0, 10.0, np.inf])))
    steps = (Step("ask", rng.uniform(0.005, 0.03), model_s=service, direct=share),)
    tiers = Tiers(steps, _idle(), pool, cv=rng.uniform(0.1, 0.8))
    return play("direct", rng, tiers, profile, reached)


def several(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """Journeys of two to four steps, of which one or all meet at the database pool."""
    pool = _database(rng, patience=rng.random() < 0.7)
    count = int(rng.integers(2, 5))
    uses = np.zeros(count)
    uses[rng.permutation(count)[: int(rng.integers(1, count + 1))]] = 1
    hits = rng.choice([0.0, rng.uniform(0.2, 0.7)])
    service = pool.size / (_sizes(rng) * (1 - hits) * uses.sum())
    think = float(rng.choice([0.0, rng.uniform(0.05, 1.0)]))
    steps = tuple(
        Step(f"step_{i}", rng.uniform(0.002, 0.03), service * uses[i], hits, think_s=think)
        for i in range(count)
    )
    tiers = Tiers(
        steps, pool, _idle(), cv=rng.uniform(0.2, 1.0), stops_on_failure=bool(rng.random() < 0.5)
    )
    return play("several", rng, tiers, profile, reached)


def paused(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """The whole process stands still now and then, as for a garbage collection."""
    pool = _database(rng, patience=rng.random() < 0.7)
    every = rng.uniform(1.5, 6.0)
    length = every * rng.uniform(0.03, 0.15)
    hits = rng.choice([0.0, rng.uniform(0.2, 0.6)])
    service = pool.size / (_sizes(rng) * (1 - hits))
    steps = (Step("read", rng.uniform(0.002, 0.02), service, hits),)
    tiers = Tiers(
        steps, pool, _idle(), cv=rng.uniform(0.2, 1.0), pause_every_s=every, pause_s=length
    )
    return play("paused", rng, tiers, profile, reached)


def limited(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A rate limit in front of everything; each request of a journey takes a token."""
    count = int(rng.integers(1, 4))
    steps = tuple(Step(f"step_{i}", rng.uniform(0.002, 0.05)) for i in range(count))
    rate = _sizes(rng) * count
    tiers = Tiers(
        steps, _idle(), _idle(), limit_rps=rate, limit_burst=max(5, rng.uniform(0.1, 2.0) * rate),
        stops_on_failure=bool(rng.random() < 0.5),
    )  # fmt: skip
    return play("limited", rng, tiers, profile, reached)


def slow_errors(rng: np.random.Generator, profile: str, reached: bool) -> Simulated:
    """A database pool whose losers wait for 2 to 10 s before they fail; or the client gives up."""
    pool = Pool(int(rng.integers(3, 17)), patience_s=rng.uniform(2, 10))
    service = pool.size / _sizes(rng)
    steps = (Step("write", rng.uniform(0.002, 0.02), service),)
    timeout = float(rng.choice([np.inf, pool.patience_s + rng.uniform(1, 5)]))
    tiers = Tiers(steps, pool, _idle(), cv=rng.uniform(0.2, 1.0), timeout_s=timeout)
    return play("slow_errors", rng, tiers, profile, reached)


Maker = Callable[[np.random.Generator, str, bool], Simulated]
MAKERS: dict[str, Maker] = {
    "workers": workers,
    "cached": cached,
    "direct": direct,
    "several": several,
    "paused": paused,
    "limited": limited,
    "slow_errors": slow_errors,
}
