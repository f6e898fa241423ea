"""What a journey in Python is given: requests by way of the engine, pauses, variables."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NoReturn, Protocol

from loadrunner.campaign.found import did_you_mean, one_of
from loadrunner.hooks.message import NOTHING, Data, Message, MessageError, message
from loadrunner.hooks.response import Answer, Response


class NoAnswer(Exception):  # noqa: N818 - what came of a request, more often than a mistake
    """No whole answer came; the text says why. Who does not catch it ends the journey."""


class JourneyFailed(Exception):  # noqa: N818 - as above
    """What `Session.fail` raises."""


class Sender(Protocol):
    """Who carries out what a session asks for: the engine, or `--debug`."""

    number: int
    user: int
    steps: Collection[str]
    variables: Collection[str]

    def value(self, name: str) -> str:
        """That of one of the `variables`."""

    async def send(self, step: str, request: Message) -> Answer:
        """Raises NoAnswer."""

    async def pause(self, seconds: float) -> None: ...


class Variables(Mapping[str, str]):
    """The scenario's variables for this journey, each filled in when it is read."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def __getitem__(self, name: str) -> str:
        if name not in self._sender.variables:
            raise KeyError(name)
        return self._sender.value(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sender.variables)

    def __len__(self) -> int:
        return len(self._sender.variables)


class Session:
    """One journey's. `number` is the journey's in its scenario, `user` that of its user.

    Requests go to paths below target.base_url. `step` says which of the scenario's steps a
    request is, and with it what it expects, its time-out, its retries and who it is sent as; it
    may be left out where there is one. `expect` takes the place of the step's statuses. Raises
    NoAnswer where no whole answer comes.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self.number = sender.number
        self.user = sender.user
        self.variables: Mapping[str, str] = Variables(sender)

    async def request(
        self,
        method: str,
        path: str,
        *,
        step: str | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: object = NOTHING,
        data: Data | None = None,
        expect: Collection[int] | None = None,
    ) -> Response:
        sent = message(method.upper(), path, params, headers, json, data, expect)
        return Response(await self._sender.send(self._step(step), sent))

    async def get(self, path: str, **more: Any) -> Response:
        return await self.request("GET", path, **more)

    async def head(self, path: str, **more: Any) -> Response:
        return await self.request("HEAD", path, **more)

    async def options(self, path: str, **more: Any) -> Response:
        return await self.request("OPTIONS", path, **more)

    async def post(self, path: str, **more: Any) -> Response:
        return await self.request("POST", path, **more)

    async def put(self, path: str, **more: Any) -> Response:
        return await self.request("PUT", path, **more)

    async def patch(self, path: str, **more: Any) -> Response:
        return await self.request("PATCH", path, **more)

    async def delete(self, path: str, **more: Any) -> Response:
        return await self.request("DELETE", path, **more)

    async def sleep(self, seconds: float) -> None:
        """Think time: the next request is due so long after the end of what came before. In the
        open model there is none before the first request, which is due by the rate."""
        await self._sender.pause(max(seconds, 0.0))

    def fail(self, reason: str) -> NoReturn:
        """The journey ends here, and its last answer counts as `check_failed`."""
        raise JourneyFailed(reason)

    def _step(self, step: str | None) -> str:
        steps = self._sender.steps
        if step in steps:
            return str(step)
        if step is None and len(steps) == 1:
            return next(iter(steps))
        raise MessageError(
            f"found {'no step' if step is None else f'the step {step!r}'}, allowed:"
            f" {one_of(steps)}{did_you_mean(step or '', steps)}"
        )
