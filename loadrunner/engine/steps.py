"""A step as a worker runs it: everything that can be looked up ahead of time is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadrunner.campaign.model import Retry, Scenario, Step
from loadrunner.engine import outcomes
from loadrunner.engine.extraction import Read, reader
from loadrunner.engine.json_path import Path, compiled
from loadrunner.engine.open_wire import OpenWire
from loadrunner.engine.orders import Credentials, Orders
from loadrunner.engine.usual import Usual
from loadrunner.engine.wire import Origin, Stamp, Wire, origin

if TYPE_CHECKING:
    from loadrunner.engine.journey import Journey

Waiting = dict[int, "Journey"]
"""The requests in flight that share a time-out, by trace number, the oldest first."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """`index` stands in the record; `credentials` holds the header line of each user, of which a
    refreshed token takes the place; `read` is the quick way to what `extract` names; `usual` is the
    answer that this step mostly gets. A journey ends with the step that `is_last`, whatever comes
    of it."""

    index: int
    name: str
    wire: Wire | OpenWire
    verdicts: tuple[int, ...]
    credentials: list[bytes]
    timeout_ns: int
    waiting: Waiting
    think_us: int
    retry: Retry | None
    extract: Mapping[str, Path]
    read: Read
    keeps_body: bool
    is_last: bool
    is_stream: bool
    stops_on_failure: bool
    usual: Usual


class Vault:
    """The credentials of a worker; a refreshed token replaces the old one for all steps."""

    def __init__(self, credentials: Credentials) -> None:
        self._lines = {name: list(lines) for name, lines in credentials.items()}

    def replace(self, identity: str, lines: tuple[bytes, ...]) -> None:
        self._lines[identity][:] = lines

    def of(self, identity: str | None) -> list[bytes]:
        return [b""] if identity is None else self._lines[identity]


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
        extracted = {name for one in scenario.steps for name in one.extract}
        paths = {name: compiled(path) for name, path in step.extract.items()}
        return StepPlan(
            index=list(self._orders.names.steps).index((scenario.name, step.name)),
            name=step.name,
            wire=self._wire(step, extracted),
            verdicts=outcomes.table(step),
            credentials=self._credentials(scenario, step),
            timeout_ns=timeout_ns,
            waiting=self.waiting.setdefault(timeout_ns, {}),
            think_us=round(step.think_time_s * 1e6),
            retry=step.retry,
            extract=paths,
            read=reader(paths),
            keeps_body=bool(step.extract) or step.stream is not None or step.request is None,
            is_last=step is scenario.steps[-1] and step.retry is None and step.request is not None,
            is_stream=step.stream is not None,
            stops_on_failure=step.on_failure == "stop",
            usual=Usual(),
        )

    def _wire(self, step: Step, extracted: Collection[str]) -> Wire | OpenWire:
        if step.request is None:
            return OpenWire("GET", self._origin, self._stamp)
        return Wire(step.request, self._origin, self._stamp, extracted)

    def _credentials(self, scenario: Scenario, step: Step) -> list[bytes]:
        """A header of the step's own takes the place of its identity's, or two would be sent."""
        lines = self._vault.of(step.identity or scenario.identity)
        if step.request is None:
            return lines
        header = lines[0].partition(b":")[0].strip().lower().decode()
        return [b""] if header in {name.lower() for name, _ in step.request.headers} else lines
