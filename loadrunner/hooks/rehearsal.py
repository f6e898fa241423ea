"""One passage of a function for `--debug`: off the measured path, whatever it sends is printed."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Collection, Mapping

import httpx

from loadrunner.campaign.model import Scenario, Step
from loadrunner.engine.variables import Values
from loadrunner.hooks.loading import loaded
from loadrunner.hooks.message import Message
from loadrunner.hooks.session import JourneyFailed, NoAnswer, Session

Exchange = Callable[[Step, Message], httpx.Response | None]
"""Sends, prints and judges; None where no answer came."""


class Shown:
    """An answer that was printed already."""

    def __init__(self, answer: httpx.Response, is_ok: bool, told: Callable[[str], None]) -> None:
        self.status = answer.status_code
        lines = (f"{name}: {value}" for name, value in answer.headers.items())
        # What httpx made plain is plain from here on.
        kept = [line for line in lines if not line.lower().startswith("content-encoding:")]
        self.head = "\r\n".join(("HTTP/1.1", *kept, "", "")).encode("latin-1", "replace")
        self.is_ok = is_ok
        self._content = answer.content
        self._told = told

    def body(self) -> bytes:
        return self._content

    def fail(self, reason: str) -> None:
        self.is_ok = False
        self._told(reason)


class Rehearsal:
    """The `Sender` of one journey. `complain` prints what is wrong, and is counted."""

    def __init__(
        self,
        scenario: Scenario,
        values: Values,
        exchange: Exchange,
        complain: Callable[[str], None],
    ) -> None:
        assert scenario.script is not None
        self.number = self.user = 0
        self.steps: Collection[str] = [step.name for step in scenario.steps]
        self.variables: Collection[str] = scenario.variables
        self.complaints = 0
        self._function: Callable[[Session], Awaitable[object]] = loaded(scenario.script)
        self._declared: Mapping[str, Step] = {step.name: step for step in scenario.steps}
        self._templates = scenario.variables
        self._values = values
        self._exchange = exchange
        self._complain = complain

    def value(self, name: str) -> str:
        parts = self._templates[name]
        return "".join(one if isinstance(one, str) else self._values.text(one) for one in parts)

    async def send(self, step: str, request: Message) -> Shown:
        declared = self._declared[step]
        expect = declared.expect if request.expect is None else request.expect
        answer = self._exchange(declared, request)
        if answer is None:
            self.complaints += 1
            raise NoAnswer("no answer")
        is_ok = answer.status_code in expect
        if not is_ok:
            allowed = ", ".join(map(str, expect))
            self.fault(f"status {answer.status_code}, expected {allowed}")
        return Shown(answer, is_ok, self.fault)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def fault(self, text: str) -> None:
        self.complaints += 1
        self._complain(text)

    def run(self) -> bool:
        """Whether the function came to its end, and every answer was an expected one."""
        try:
            asyncio.run(self._whole())
        except NoAnswer:
            self._complain("the journey ends here, since its function does not catch NoAnswer")
        except JourneyFailed as failed:
            self.fault(f"the journey failed: {failed}")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code
            self.fault("the function raised:\n" + "".join(traceback.format_exception(error)))
        return self.complaints == 0

    async def _whole(self) -> None:
        await self._function(Session(self))
