"""A journey in Python: its function runs as a task, its requests go the way of all others.

Each request is a `Call`, which is a `Journey` of one request: connections, time-outs, retries and
samples are the same code. What differs is only who decides what is sent next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import replace
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

from loadrunner.engine import outcomes, record
from loadrunner.engine.connection import MAX_KEPT_BODY, Connection
from loadrunner.engine.journey import Journey
from loadrunner.engine.open_wire import OpenWire
from loadrunner.engine.steps import StepPlan
from loadrunner.engine.usual import Usual
from loadrunner.engine.variables import Values
from loadrunner.hooks.loading import JourneyFunction, line_in, loaded
from loadrunner.hooks.session import JourneyFailed, NoAnswer, Session

if TYPE_CHECKING:
    from loadrunner.campaign.model import Scenario
    from loadrunner.engine.scenario_run import ScenarioRun
    from loadrunner.hooks.message import Message

# A user whose function sends nothing begins no sooner again, or it would spin.
_AFTER_NOTHING_US: Final = 100_000
_LONGEST_REASON: Final = 200
# Reasons that name an order or a time are new each time; so many are kept apart.
_MOST_REASONS: Final = 1000
TASK: Final = "passage"


class RunOverError(Exception):
    """What the function waits for would come after the end of the run."""


class Program:
    """A scenario's function, with the plans of its steps as its requests need them."""

    def __init__(self, scenario: Scenario, steps: tuple[StepPlan, ...]) -> None:
        assert scenario.script is not None
        self.function: JourneyFunction = loaded(scenario.script)
        self.script = scenario.script
        self.scenario = scenario
        self.plans = {plan.name: plan for plan in steps}
        self.first = steps[0]
        self._steps = {step.name: step for step in scenario.steps}
        self._variants: dict[tuple[str, str, tuple[int, ...] | None], StepPlan] = {}
        self._reasons: set[str] = set()

    def plan(self, step: str, method: str, expect: tuple[int, ...] | None) -> StepPlan:
        key = (step, method, expect)
        plan = self._variants.get(key)
        if plan is None:
            plan = self._variants[key] = self._variant(*key)
        return plan

    def _variant(self, step: str, method: str, expect: tuple[int, ...] | None) -> StepPlan:
        plan, declared = self.plans[step], self._steps[step]
        assert isinstance(plan.wire, OpenWire)
        if expect is not None:
            refusals = tuple(status for status in declared.refusals if status not in expect)
            declared = replace(declared, expect=expect, refusals=refusals)
        verdicts = outcomes.table(declared)
        return replace(plan, wire=plan.wire.of(method), verdicts=verdicts, usual=Usual())

    def reason(self, text: str) -> str:
        """On one line, of bounded length and number: it becomes an error text of the run."""
        line = " ".join(text.split())[:_LONGEST_REASON] or "no reason was given"
        if line not in self._reasons:
            if len(self._reasons) >= _MOST_REASONS:
                return "one of many further reasons"
            self._reasons.add(line)
        return line


class Call(Journey):
    """One request of a function, with its retries. The sample of an expected answer is held back
    until the function has looked at it (`settle`)."""

    __slots__ = ("_answered", "_held", "_reason", "ended_us", "head", "is_ok", "message", "status")

    def __init__(self, run: ScenarioRun, plan: StepPlan) -> None:
        super().__init__(run)
        self._first = plan
        self._answered: asyncio.Future[None] | None = None
        self._held: tuple[int, int, bool] | None = None
        self._reason = ""
        self.head = b""
        self.is_ok = False
        self.status = record.NONE
        self.ended_us = 0

    @property
    def plan(self) -> StepPlan:
        return self._plan

    async def answer(self, message: Message) -> None:
        """Send it. Raises NoAnswer where no whole answer comes."""
        self.message = message
        self._answered = asyncio.get_running_loop().create_future()
        self.request()
        try:
            await self._answered
        except asyncio.CancelledError:
            self._give_up()
            raise
        if self.status == record.NONE:
            raise NoAnswer(self._reason)

    def body(self) -> bytes:
        return b"".join(self._body)

    def fail(self, reason: str) -> None:
        """Raises RuntimeError where its sample is written already."""
        if self.is_ok and self._held is None:
            raise RuntimeError(
                f"'{reason}' comes too late: the sample is written at the journey's next request"
                " or pause"
            )
        self.settle(reason)

    def settle(self, reason: str | None = None) -> None:
        """Write the sample that was held back; with a reason its check has failed."""
        if self._held is None:
            return
        (status, now_ns, reused), self._held = self._held, None
        if reason is None:
            self._record(record.OK, status, record.NONE, record.NONE, now_ns, reused)
        else:
            self.is_ok = False
            error = self._error(reason)
            self._record(record.CHECK_FAILED, status, error, record.NONE, now_ns, reused)

    # What the journey does otherwise.

    def request(self) -> None:
        if self._answered is not None and not self._answered.done():
            super().request()

    def on_chunk(self, chunk: bytes, now_ns: int) -> None:
        if self._tokens is not None:
            self._tokens.feed(chunk, now_ns)
        if self.bytes_in <= MAX_KEPT_BODY:
            self._body.append(chunk)

    def on_answer(self, connection: Connection, status: int, now_ns: int) -> None:
        plan = self._plan
        self.head, self.status = connection.head, status
        retry = plan.retry
        again = retry is not None and status in retry.on and self._attempt <= retry.max
        if plan.verdicts[status] != record.OK or again:
            super().on_answer(connection, status, now_ns)
            return
        plan.waiting.pop(self.trace, None)
        self._held = (status, now_ns, connection.served > 1)
        self._connection = None
        self._go_on(record.OK, self._worker.micros(now_ns))

    def cut(self, now_ns: int) -> None:
        super().cut(now_ns)
        if self._answered is not None:
            self._answered.cancel()

    def _failed(self, outcome: int, reason: str, now_ns: int, status: int = record.NONE) -> None:
        self._reason, self.status = reason, record.NONE
        super()._failed(outcome, reason, now_ns, status)

    def _go_on(self, outcome: int, ended_us: int) -> None:
        self.is_ok, self.ended_us = outcome == record.OK, ended_us
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def _end(self) -> None:
        """A retry that would come after the end of the run."""
        self._go_on(record.REFUSED, self._worker.micros(monotonic_ns()))

    def _give_up(self) -> None:
        """Its function waits no longer, by a time limit of its own. (At the hard stop it is cut
        before, and nothing is in flight.)"""
        if self.trace:
            now_ns = monotonic_ns()
            self._drop_connection()
            waited_s = (now_ns - self.started_ns) / 1e9
            error = self._error(f"the journey waited no longer than {waited_s:.1f} s")
            self._record(record.TIMEOUT, record.NONE, error, record.NONE, now_ns, False)


class Passage:
    """One run of the function: the `Sender` of its session. `due_us` is when its next request is
    due."""

    def __init__(self, run: ScenarioRun, program: Program, journey: PythonJourney) -> None:
        self.number = journey.number
        self.user = max(journey.user, 0)
        self.steps: Collection[str] = program.plans
        self.variables: Collection[str] = program.scenario.variables
        self.due_us = journey.due_us
        self._due_by = journey.due_by
        self._is_of_user = journey.returns
        self._user = journey.user
        self._run = run
        self._program = program
        self._values: Values | None = None
        self._last: Call | None = None  # of those that were answered, or failed to be
        self._open: list[Call] = []
        self._has_sent = self._is_over = False
        self.task = asyncio.get_running_loop().create_task(self._walk(journey), name=TASK)

    # What the session asks for.

    def value(self, name: str) -> str:
        values = self._values
        if values is None:
            values = self._values = self._run.values(self.number, self._user)
        template = self._program.scenario.variables[name]
        return "".join(part if isinstance(part, str) else values.text(part) for part in template)

    async def send(self, step: str, request: Message) -> Call:
        self._go_on()
        call = Call(self._run, self._program.plan(step, request.method, request.expect))
        call.begin(self.number, self._user, self.due_us, self._due_by)
        self._due_by = record.PREVIOUS
        self._has_sent = True
        try:
            await call.answer(request)
        finally:
            self._last = call
            self.due_us = max(self.due_us, call.ended_us)
        if self._is_over:
            call.settle()  # a task that the function left behind
        else:
            self._open.append(call)
        return call

    async def pause(self, seconds: float) -> None:
        self._go_on()
        if not self._has_sent and not self._is_of_user:
            return  # the first request is due by the rate
        self.due_us += round(seconds * 1e6)
        waited: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not waited.done():
                waited.set_result(None)

        self._run.pause_until(self.due_us, wake, lambda: waited.set_exception(RunOverError))
        if waited.done():
            await asyncio.sleep(0)
        await waited

    def _go_on(self) -> None:
        """The function does the next thing: it has looked at the answers that it got."""
        if self._is_over:
            raise RuntimeError("the journey is over: its function has returned")
        self.settle()

    def settle(self) -> None:
        while self._open:
            self._open.pop().settle()

    # Its life.

    async def _walk(self, journey: PythonJourney) -> None:
        try:
            await self._program.function(Session(self))
        except asyncio.CancelledError:
            if self._is_over:
                raise  # the run is over, and has settled with this one already
            self._ended_by(asyncio.CancelledError("it cancelled itself"))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code
            self._ended_by(error)
        self._end(journey)

    def _ended_by(self, error: BaseException) -> None:
        causes = list(_leaves(error))
        failed = next((one for one in causes if isinstance(one, JourneyFailed)), None)
        if failed is not None and self._last is not None:
            self._blame(self._program.reason(str(failed)))
        elif not all(isinstance(one, NoAnswer | RunOverError) for one in causes):
            self._raised(error)

    def _raised(self, error: BaseException) -> None:
        """An error of the function. After an answer that was not expected it is no more than what
        follows of that, and the sample says already what came."""
        if self._last is not None and not self._last.is_ok:
            return
        script = self._program.script
        where = f"{script.file.name}{line_in(script.file.resolve(), error)}"
        self._blame(f"{script.function} raised {type(error).__name__} ({where})")
        self._run.worker.mishaps.note(self._program.scenario.name, error)

    def _blame(self, reason: str) -> None:
        """The answer that the function was looking at bears it, or else a sample of its own."""
        last = self._last
        if last is not None and last in self._open:
            last.settle(reason)
        elif last is None or last.is_ok:
            self._unsent(reason)

    def _unsent(self, reason: str) -> None:
        """Nothing went to the target, and what was due is accounted for all the same."""
        plan = self._program.first if self._last is None else self._last.plan
        call = Call(self._run, plan)
        call.begin(self.number, self._user, self.due_us, self._due_by)
        now_us = self._run.worker.micros(monotonic_ns())
        call.drop(reason, now_us, record.GENERATOR_ERROR)
        self.due_us = max(self.due_us, now_us)
        if not self._has_sent:
            self._has_sent = True
            self.due_us += _AFTER_NOTHING_US

    def _end(self, journey: PythonJourney) -> None:
        self.settle()
        if not self._has_sent:
            self._unsent(f"{self._program.script.function} sent no request")
        self._is_over = True
        self._run.passed(journey, self, self.due_us)

    def stop(self) -> None:
        """The hard stop."""
        self.settle()
        self._is_over = True
        self.task.cancel()


class PythonJourney:
    """What a scenario's run starts in place of a `Journey`: it begins a passage each time."""

    def __init__(self, run: ScenarioRun, program: Program) -> None:
        self._run = run
        self._program = program
        self.number = self.user = self.due_us = self.due_by = 0
        self.pause_us = self.stays_until_us = 0
        self.returns = False

    def begin(self, number: int, user: int, due_us: int, due_by: int) -> None:
        self.number, self.user = number, user
        self.due_us, self.due_by = due_us, due_by

    def request(self) -> None:
        """Call the function, now."""
        self._run.passages.add(Passage(self._run, self._program, self))

    def drop(self, reason: str, now_us: int) -> None:
        call = Call(self._run, self._program.first)
        call.begin(self.number, self.user, self.due_us, self.due_by)
        call.drop(reason, now_us)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors of a group, or the one that is none."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
