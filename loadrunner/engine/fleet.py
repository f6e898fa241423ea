"""The worker processes of a run, and the sockets that tie them to the coordinator."""

import asyncio
import json
import multiprocessing
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess

from loadrunner.engine import worker
from loadrunner.engine.messages import Kind, Reader, header, instant
from loadrunner.engine.orders import Orders
from loadrunner.errors import LoadrunnerError

_READY_WITHIN_S = 60.0
_STOPPED_WITHIN_S = 5.0
_SILENT_FOR_S = 20.0


class WorkerError(LoadrunnerError):
    """A worker that ended before its work was done."""


Listener = Callable[["Member", Kind, bytes], None]


@dataclass(eq=False)
class Member:
    """One worker as the coordinator knows it; `heard_s` is when it last said something
    (monotonic)."""

    index: int
    process: SpawnProcess
    ready: asyncio.Future[None]
    done: asyncio.Future[None]
    link: asyncio.WriteTransport | None = None
    heard_s: float = 0.0

    def tell(self, kind: Kind, body: bytes = b"") -> None:
        if self.link is not None and not self.link.is_closing():
            self.link.writelines([header(kind, body), body])


class Fleet:
    """All workers; `listen` hears what they send but for their being ready and done."""

    def __init__(self, listen: Listener) -> None:
        self.members: list[Member] = []
        self._listen = listen
        self._context: SpawnContext = multiprocessing.get_context("spawn")

    async def muster(self, orders: list[Orders]) -> None:
        """Start a worker for each of the orders and wait until all stand ready."""
        for order in orders:
            await self._enlist(order)
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                await asyncio.gather(*(member.ready for member in self.members))
        except TimeoutError as error:
            raise WorkerError(
                f"The workers were not ready within {_READY_WITHIN_S:g} s. Nothing was sent."
            ) from error

    def start(self, start_ns: int) -> None:
        self._tell(Kind.START, instant(start_ns))

    def drain(self) -> None:
        """No new journeys; those under way may end."""
        self._tell(Kind.DRAIN)

    def stop(self) -> None:
        """End now; what is in flight is recorded as cut."""
        self._tell(Kind.STOP)

    def renew(self, identity: str, lines: tuple[bytes, ...]) -> None:
        """Hand out an identity's new header lines."""
        body = {"identity": identity, "lines": [line.decode() for line in lines]}
        self._tell(Kind.CREDENTIALS, json.dumps(body).encode())

    async def finished(self, planned_s: float) -> None:
        """Until all are done, which they should be `planned_s` from now at the latest.

        Raises WorkerError when one was lost, or is silent beyond that. The others are stopped
        first, so that what they measured is kept.
        """
        left = await self._until_done(time.monotonic() + planned_s)
        if left:
            self.stop()
            await asyncio.wait(left, timeout=_STOPPED_WITHIN_S)
        self.dismiss()
        for member in self.members:
            if not member.done.done():
                raise WorkerError(
                    f"Worker {member.index} did not end when it should have, and was ended. "
                    "What it told of its work until then is in the spool."
                )
            member.done.result()

    async def _until_done(self, planned_end_s: float) -> set[asyncio.Future[None]]:
        """Those that are not done once one is lost or has hung too long; else none."""
        left = {member.done for member in self.members}
        while left:
            done, left = await asyncio.wait(left, timeout=1, return_when=asyncio.FIRST_EXCEPTION)
            if any(one.exception() for one in done) or self._hangs(planned_end_s):
                break
        return left

    def _hangs(self, planned_end_s: float) -> bool:
        """Whether somebody has been silent for long, where there is nothing left to do. One that
        is busy telling of its work is not."""
        since_s = max(
            [planned_end_s, *(one.heard_s for one in self.members if not one.done.done())]
        )
        return time.monotonic() - since_s > _SILENT_FOR_S

    def dismiss(self) -> None:
        """Let go of all; a worker whose socket closes ends."""
        for member in self.members:
            if member.link is not None:
                member.link.close()
            member.process.join(timeout=5)
            if member.process.is_alive():
                member.process.kill()

    async def _enlist(self, orders: Orders) -> None:
        ours, theirs = socket.socketpair()
        process = self._context.Process(target=worker.main, args=(orders, theirs), daemon=True)
        process.start()
        theirs.close()
        loop = asyncio.get_running_loop()
        member = Member(orders.worker, process, loop.create_future(), loop.create_future())
        self.members.append(member)
        link, _ = await loop.create_connection(lambda: _Link(member, self._listen), sock=ours)
        member.link = link

    def _tell(self, kind: Kind, body: bytes = b"") -> None:
        for member in self.members:
            member.tell(kind, body)


class _Link(asyncio.Protocol):
    """The coordinator's end of a worker's socket."""

    def __init__(self, member: Member, listen: Listener) -> None:
        self._member = member
        self._listen = listen
        self._reader = Reader()

    def data_received(self, data: bytes) -> None:
        self._member.heard_s = time.monotonic()
        for kind, body in self._reader.feed(data):
            match kind:
                case Kind.READY:
                    self._member.ready.set_result(None)
                case Kind.DONE:
                    self._member.done.set_result(None)
                case _:
                    self._listen(self._member, kind, body)

    def connection_lost(self, error: Exception | None) -> None:
        lost = WorkerError(
            f"Worker {self._member.index} ended early ({error or 'its process is gone'}). "
            "What it measured until then is in the spool."
        )
        for waited in (self._member.ready, self._member.done):
            if not waited.done():
                waited.set_exception(lost)
                waited.exception()  # told: nobody needs to hear of it again when it is let go
