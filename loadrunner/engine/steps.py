"""A step as a worker runs it: everything that can be looked up ahead of time is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadrunner.campaign.model import Retry, Scenario, Step
from loadrunner.engine import outcomes
from loadrunner.engine.json_path import Path, compiled
from loadrunner.engine.orders import Credentials, Orders
from loadrunner.engine.wire import Origin, Stamp, Wire, origin

if TYPE_CHECKING:
    from loadrunner.engine.journey import Journey

Waiting = dict[int, "Journey"]
"""The requests in flight that share a time-out, by trace number, the oldest first."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """`index` stands in the record; `credentials` gives the header line of a user."""

    index: int
    name: str
    wire: Wire
    verdicts: tuple[int, ...]
    credentials: Callable[[int], bytes]
    timeout_ns: int
    waiting: Waiting
    think_us: int
    retry: Retry | None
    extract: Mapping[str, Path]
    keeps_body: bool
    is_stream: bool
    stops_on_failure: bool


class Vault:
    """The credentials of a worker; a refreshed token replaces the old one for all steps."""

    def __init__(self, credentials: Credentials) -> None:
        self._lines = dict(credentials)

    def replace(self, identity: str, lines: tuple[bytes, ...]) -> None:
        self._lines[identity] = lines

    def of(self, identity: str | None) -> Callable[[int], bytes]:
        if identity is None:
            return lambda _user: b""

        def line(user: int) -> bytes:
            lines = self._lines[identity]
            return lines[user % len(lines)]

        return line


class Compiler:
    """Makes the plans of all steps; those with the same time-out share one `waiting`."""

    def __init__(self, orders: Orders, vault: Vault) -> None:
        self.waiting: dict[int, Waiting] = {}
        self._orders = orders
        self._vault = vault
        self._origin: Origin = origin(orders.base_url)
        self._stamp = Stamp(orders.run_id, orders.names.trace_prefix)

    def plans(self, scenario: Scenario) -> tuple[StepPlan, ...]:
        """The steps of a scenario, in order."""
        return tuple(self._plan(scenario, step) for step in scenario.steps)

    def _plan(self, scenario: Scenario, step: Step) -> StepPlan:
        timeout_ns = round((step.timeout_s or self._orders.timeout_s) * 1e9)
        return StepPlan(
            index=list(self._orders.names.steps).index((scenario.name, step.name)),
            name=step.name,
            wire=Wire(step.request, self._origin, self._stamp),
            verdicts=outcomes.table(step),
            credentials=self._vault.of(step.identity or scenario.identity),
            timeout_ns=timeout_ns,
            waiting=self.waiting.setdefault(timeout_ns, {}),
            think_us=round(step.think_time_s * 1e6),
            retry=step.retry,
            extract={name: compiled(path) for name, path in step.extract.items()},
            keeps_body=bool(step.extract) or step.stream is not None,
            is_stream=step.stream is not None,
            stops_on_failure=step.on_failure == "stop",
        )
