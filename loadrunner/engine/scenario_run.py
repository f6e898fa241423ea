"""One scenario as one worker runs it: who starts a journey, and where a journey stands."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from loadrunner.campaign.model import Scenario, Template, Variable
from loadrunner.engine import record, schedule
from loadrunner.engine.journey import Journey
from loadrunner.engine.orders import Orders
from loadrunner.engine.steps import StepPlan
from loadrunner.engine.variables import Values
from loadrunner.pacing import Shard

if TYPE_CHECKING:
    from loadrunner.engine.worker import Worker

# A request that leaves later than this was late, where the scenario asks to drop late ones.
_LATE_US = 100_000


class ScenarioRun:
    """`phase_names` are the indexes of the phases' names in the record."""

    def __init__(
        self, index: int, scenario: Scenario, steps: tuple[StepPlan, ...], worker: Worker
    ) -> None:
        orders = worker.orders
        self.worker = worker
        self.steps = steps
        self.phase_names = [orders.names.phases.index(load.phase) for load in scenario.load]
        self._scenario = scenario
        self._orders = orders
        self._users = _users(scenario, orders)
        # Scenarios that share an identity begin with different users of it, or two flows at the
        # same rate would meet at the same user all along.
        self._first_user = self._users * index // len(orders.scenarios)
        self._ends_us = [schedule.span(load).end_us for load in scenario.load]
        self._last = len(scenario.load) - 1
        self._pauses_us = [round(load.think_time_s * 1e6) for load in scenario.load]
        self._user_counts = [load.users or 0 for load in scenario.load]
        self._data = {name: orders.data[name] for name in _sets(scenario) & orders.data.keys()}
        self._is_dynamic = bool(_variables(scenario)) or any(s.extract for s in scenario.steps)
        self._limit = _limit(scenario, orders)
        self._max_in_flight = -(-scenario.max_in_flight // orders.shard.of)
        self._active = 0
        self._busy_users: set[int] = set()
        self._closed = schedule.Stream(index, scenario, orders.seed).total + orders.shard.index

    def phase_at(self, due_us: int) -> int:
        """The phase in which something is due; what is due after the last belongs to the last."""
        phase = bisect_right(self._ends_us, due_us)
        return phase if phase < self._last else self._last

    def values(self, number: int, user: int) -> Values | None:
        """A journey's variables, where the scenario has any."""
        if not self._is_dynamic:
            return None
        return Values(number, user, self._orders.seed, self._data)

    # The open model.

    def arrive(self, due_us: int, number: int, now_us: int) -> None:
        """A journey is due. It starts, or is dropped where the campaign says so."""
        if number >= self._limit:
            return
        user = (self._first_user + number) % self._users if self._users else record.NONE
        due_us += self.steps[0].think_us
        journey = Journey(self, number, user, due_us, record.PLAN)
        if self._active >= self._max_in_flight:
            journey.drop(f"max_in_flight of {self._scenario.max_in_flight} was reached", now_us)
        elif self._scenario.on_late == "drop" and now_us - due_us > _LATE_US:
            journey.drop("the generator was late", now_us)
        else:
            self._active += 1
            self.worker.later(due_us, journey.request)

    # The closed model.

    def closed_phases(self) -> list[tuple[int, int]]:
        """Number and start (in microseconds) of each phase of the closed model."""
        loads = enumerate(self._scenario.load)
        return [(n, schedule.span(load).start_us) for n, load in loads if load.model == "closed"]

    def start_users(self, phase: int) -> None:
        """The users of a closed phase begin, but for those still on a journey of the last one."""
        load = self._scenario.load[phase]
        shard: Shard = self._orders.shard
        for user in range(shard.index, load.users or 0, shard.of):
            if not self.worker.is_draining and user not in self._busy_users:
                self._busy_users.add(user)
                self._start_user(user, schedule.span(load).start_us)

    def _start_user(self, user: int, due_us: int) -> None:
        number, self._closed = self._closed, self._closed + self._orders.shard.of
        if number >= self._limit:
            self._busy_users.discard(user)
            return
        self._active += 1
        journey = Journey(self, number, user, due_us, record.PREVIOUS)
        journey.returns = True
        self.worker.later(due_us, journey.request)

    def _continue_user(self, user: int, ended_us: int) -> None:
        pause_us = self._pauses_us[self.phase_at(ended_us)] + self.steps[0].think_us
        due_us = ended_us + pause_us
        phase = self.phase_at(due_us)
        is_over = due_us >= self._ends_us[phase] or user >= self._user_counts[phase]
        if is_over or self.worker.is_draining:
            self._busy_users.discard(user)
        else:
            self._start_user(user, due_us)

    # Both.

    def ended(self, journey: Journey, ended_us: int) -> None:
        """A journey is over; a user of the closed model begins the next."""
        self._active -= 1
        if journey.returns:
            self._continue_user(journey.user, ended_us)

    @property
    def active(self) -> int:
        return self._active


def _users(scenario: Scenario, orders: Orders) -> int:
    """How many users take turns: those of the identity, or none."""
    names = {step.identity for step in scenario.steps} | {scenario.identity}
    return max((len(orders.credentials[name]) for name in names if name), default=0)


def _variables(scenario: Scenario) -> set[str]:
    templates: list[Template] = []
    for step in scenario.steps:
        request = step.request
        templates += [request.path, request.body or (), *(value for _, value in request.headers)]
    pieces = (piece for template in templates for piece in template)
    return {piece.name for piece in pieces if isinstance(piece, Variable)}


def _sets(scenario: Scenario) -> set[str]:
    return {name.partition(".")[0] for name in _variables(scenario) if "." in name}


def _limit(scenario: Scenario, orders: Orders) -> float:
    """How many journeys there may be: a data set that stops at its end ends its scenario too."""
    used = (orders.data[name] for name in _sets(scenario) if name in orders.data)
    return min((len(data.rows) for data in used if data.at_end == "stop"), default=float("inf"))
