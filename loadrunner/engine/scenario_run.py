"""One scenario as one worker runs it: who starts a journey, and where a journey stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic_ns
from typing import TYPE_CHECKING

from loadrunner.campaign.model import Load, Scenario, Template, Variable
from loadrunner.engine import record, schedule
from loadrunner.engine.crowd import Crowd
from loadrunner.engine.journey import Journey
from loadrunner.engine.orders import Orders
from loadrunner.engine.passage import Passage, Program, PythonJourney
from loadrunner.engine.steps import StepPlan
from loadrunner.engine.variables import Values

if TYPE_CHECKING:
    from loadrunner.engine.worker import Worker

# A request that leaves later than this was late, where the scenario asks to drop late ones.
_LATE_US = 100_000


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a scenario: the index of its name in the record, where it stands in
    microseconds since the run's start, and how long a closed user pauses between two journeys."""

    name: int
    start_us: int
    end_us: int
    pause_us: int


Started = Journey | PythonJourney


class ScenarioRun:
    """`active` counts the journeys under way, `pausing` those of them that have nothing in flight
    since they pause between two requests. `passages` are journeys in Python under way."""

    def __init__(
        self, index: int, scenario: Scenario, steps: tuple[StepPlan, ...], worker: Worker
    ) -> None:
        orders = worker.orders
        self.worker = worker
        self.steps = steps
        self._scenario = scenario
        self._orders = orders
        self._users = _users(scenario, orders)
        # Scenarios that share an identity begin with different users of it, or two flows at the
        # same rate would meet at the same user all along.
        self._first_user = self._users * index // len(orders.scenarios)
        self._phases = [_phase(load, steps[0], orders) for load in scenario.load]
        self._ends_us = [phase.end_us for phase in self._phases]
        self._crowds = [Crowd.of(load) for load in scenario.load]
        self._data = {name: orders.data[name] for name in _sets(scenario) & orders.data.keys()}
        self._limit = _limit(scenario, orders)
        self._max_in_flight = -(-scenario.max_in_flight // orders.shard.of)
        self._stride = orders.shard.of
        self._spare: list[Started] = []
        self._program = Program(scenario, steps) if scenario.script is not None else None
        self.passages: set[Passage] = set()
        self.active = self.pausing = 0
        self._busy_users: set[int] = set()
        self._closed = schedule.Stream(index, scenario, orders.seed).total + orders.shard.index

    def phase_at(self, due_us: int) -> Phase:
        """The phase in which something is due; what is due after the last belongs to the last."""
        return self._phases[self._number_at(due_us)]

    def _number_at(self, due_us: int) -> int:
        return min(bisect_right(self._ends_us, due_us), len(self._phases) - 1)

    def values(self, number: int, user: int) -> Values:
        """The variables of a journey; who has no identity is the first user."""
        return Values(number, max(user, 0), self._orders.seed, self._data)

    # The open model.

    def arrive(self, due_us: int, number: int, now_us: int) -> None:
        """A journey is due. It starts, or is dropped where the campaign says so. It does not wait
        for its first step's think time, since the rate curve says when it is due."""
        if number >= self._limit:
            return
        user = (self._first_user + number) % self._users if self._users else record.NONE
        spare = self._spare
        journey = spare.pop() if spare else self._made()
        journey.begin(number, user, due_us, record.PLAN)
        if self.active - self.pausing >= self._max_in_flight:
            limit = self._scenario.max_in_flight
            self._drop(journey, f"max_in_flight of {limit} was reached", now_us)
        elif self._scenario.on_late == "drop" and now_us - due_us > _LATE_US:
            self._drop(journey, "the generator was late", now_us)
        else:
            self.active += 1
            journey.request()

    def _made(self) -> Started:
        return Journey(self) if self._program is None else PythonJourney(self, self._program)

    def _drop(self, journey: Started, reason: str, now_us: int) -> None:
        journey.drop(reason, now_us)
        self._spare.append(journey)

    # The closed model.

    def closed_phases(self) -> list[tuple[int, int]]:
        """Number and start (in microseconds) of each phase of the closed model."""
        loads = enumerate(self._scenario.load)
        return [(n, schedule.span(load).start_us) for n, load in loads if load.model == "closed"]

    def start_users(self, phase: int) -> None:
        """The users of a closed phase begin, each when there is room for them."""
        crowd, shard = self._crowds[phase], self._orders.shard
        for user in range(shard.index, crowd.most, shard.of):
            joins_us, _ = crowd.stay(user)
            self.worker.later(joins_us, partial(self._start_user, user, joins_us))

    def _start_user(self, user: int, joins_us: int) -> None:
        """Unless they are still on a journey of the phase before."""
        if not self.worker.is_draining and user not in self._busy_users:
            self._busy_users.add(user)
            self.active += 1
            journey = self._made()
            journey.user, journey.returns = user, True
            self._reconsider(journey, joins_us)

    def _renew(self, journey: Started, due_us: int) -> bool:
        """Make it the user's next journey; False where there are no more."""
        number = self._closed
        if number >= self._limit:
            self._retire(journey)
            return False
        self._closed = number + self._stride
        journey.begin(number, journey.user, due_us, record.PREVIOUS)
        return True

    def _reconsider(self, journey: Started, due_us: int) -> None:
        """A user's stay is over: the next phase may have a place for them, or not."""
        number = self._number_at(due_us)
        joins_us, leaves_us = self._crowds[number].stay(journey.user)
        if not joins_us <= due_us < leaves_us or self.worker.is_draining:
            self._retire(journey)
        else:
            journey.pause_us = self._phases[number].pause_us
            journey.stays_until_us = leaves_us
            if self._renew(journey, due_us):
                self.worker.later(due_us, journey.request)

    def _retire(self, journey: Started) -> None:
        self.active -= 1
        self._busy_users.discard(journey.user)

    # Both.

    def pause_until(
        self, due_us: int, action: Callable[[], None], give_up: Callable[[], None]
    ) -> None:
        """A journey goes on with `action` when an instant has come; `give_up` where the run will
        be over by then, as after a long Retry-After."""
        worker = self.worker
        if due_us <= worker.micros(monotonic_ns()):
            action()
        elif due_us >= worker.over_us:
            give_up()
        else:
            self.pausing += 1
            worker.later(due_us, partial(self._resume, action))

    def _resume(self, action: Callable[[], None]) -> None:
        self.pausing -= 1
        action()

    def passed(self, journey: PythonJourney, passage: Passage, due_us: int) -> None:
        """The function of a journey has returned, or raised; what follows is due then."""
        self.passages.discard(passage)
        self.worker.later(due_us, partial(self.ended, journey, due_us))

    def stop(self) -> None:
        """The hard stop, for what is not waiting for an answer."""
        for passage in tuple(self.passages):
            passage.stop()

    def ended(self, journey: Started, ended_us: int) -> None:
        """A journey is over; a user of the closed model begins the next."""
        if not journey.returns:
            self.active -= 1
            self._spare.append(journey)
            return
        pause_us = journey.pause_us
        due_us = ended_us + pause_us
        if due_us >= journey.stays_until_us or self.worker.is_draining:
            self._reconsider(journey, ended_us + self.phase_at(ended_us).pause_us)
        elif self._renew(journey, due_us):
            if pause_us:
                self.worker.later(due_us, journey.request)
            else:
                journey.request()


def _phase(load: Load, first: StepPlan, orders: Orders) -> Phase:
    stretch = schedule.span(load)
    pause_us = round(load.think_time_s * 1e6) + first.think_us
    return Phase(orders.names.phases.index(load.phase), stretch.start_us, stretch.end_us, pause_us)


def _users(scenario: Scenario, orders: Orders) -> int:
    """How many users take turns: those of the identity, or none."""
    names = {step.identity for step in scenario.steps} | {scenario.identity}
    return max((len(orders.credentials[name]) for name in names if name), default=0)


def _variables(scenario: Scenario) -> set[str]:
    templates: list[Template] = list(scenario.variables.values())
    for request in (step.request for step in scenario.steps if step.request is not None):
        templates += [request.path, request.body or (), *(value for _, value in request.headers)]
    pieces = (piece for template in templates for piece in template)
    return {piece.name for piece in pieces if isinstance(piece, Variable)}


def _sets(scenario: Scenario) -> set[str]:
    return {name.partition(".")[0] for name in _variables(scenario) if "." in name}


def _limit(scenario: Scenario, orders: Orders) -> float:
    """How many journeys there may be: a data set that stops at its end ends its scenario too."""
    used = (orders.data[name] for name in _sets(scenario) if name in orders.data)
    return min((len(data.rows) for data in used if data.at_end == "stop"), default=float("inf"))
