"""The server of the selfcheck: in a process of its own, with service times that are known.

/          answers at once
/mixed     answers after SHORT_MS, every tenth request after LONG_MS
/stalling  answers at once, but freezes whole for STALL_S when its STALL_AT-th request comes
"""

import asyncio
import heapq
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Final, cast

from loadrunner.engine.timer import alarm
from loadrunner.engine.worker import event_loop
from loadrunner.errors import LoadrunnerError

SHORT_MS: Final = 5.0
LONG_MS: Final = 50.0
ONE_IN: Final = 10
STALL_S: Final = 0.5
STALL_AT: Final = 500
_ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
_LENGTH: Final = b"content-length: "
_READY_WITHIN_S: Final = 30


@contextmanager
def serving() -> Iterator[str]:
    """The base URL of a server that lives as long as the block, and no longer than we do."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_main, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(_READY_WITHIN_S):
            raise LoadrunnerError("The selfcheck's own server did not start.")
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        ours.close()
        process.join(timeout=5)
        if process.is_alive():
            process.kill()


def _main(parent: Connection) -> None:
    # Ctrl-C reaches the whole group; our parent lets go of the pipe when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(_serve(parent))


async def _serve(parent: Connection) -> None:
    loop = asyncio.get_running_loop()
    is_over = asyncio.Event()
    later = _Later(loop)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = await loop.create_server(lambda: _Exchange(later), sock=listener)
    parent.send(listener.getsockname()[1])
    loop.add_reader(parent.fileno(), is_over.set)  # readable, since at its end
    await is_over.wait()
    loop.remove_reader(parent.fileno())
    server.close()
    os._exit(0)  # connections that are still open are nobody's any more


class _Later:
    """Answers that are held until their time has come."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.mixed = self.stalling = 0
        self._held: list[tuple[int, int, asyncio.WriteTransport]] = []
        self._count = 0
        self._alarm = alarm(loop, self._on_alarm)

    def hold(self, transport: asyncio.WriteTransport, for_ns: int) -> None:
        self._count += 1
        heapq.heappush(self._held, (time.monotonic_ns() + for_ns, self._count, transport))
        self._alarm.set(self._held[0][0])

    def _on_alarm(self) -> None:
        while self._held and self._held[0][0] <= time.monotonic_ns():
            _, _, transport = heapq.heappop(self._held)
            if not transport.is_closing():
                transport.write(_ANSWER)
        if self._held:
            self._alarm.set(self._held[0][0])


class _Exchange(asyncio.Protocol):
    """One connection. Knows of HTTP what our own requests need."""

    def __init__(self, later: _Later) -> None:
        self._later = later
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            end = head + 4 + self._body_length(head)
            if len(self._buffer) < end:
                return
            path = self._buffer[: self._buffer.find(b"\r\n")].split(b" ")[1]
            self._buffer = self._buffer[end:]
            self._answer(path)

    def _body_length(self, head: int) -> int:
        at = self._buffer.find(_LENGTH, 0, head)
        if at < 0:
            return 0
        return int(self._buffer[at + len(_LENGTH) : self._buffer.find(b"\r\n", at)])

    def _answer(self, path: bytes) -> None:
        later = self._later
        if path == b"/mixed":
            later.mixed += 1
            held_ms = LONG_MS if later.mixed % ONE_IN == 0 else SHORT_MS
            later.hold(self._transport, round(held_ms * 1e6))
            return
        if path == b"/stalling":
            later.stalling += 1
            if later.stalling == STALL_AT:
                time.sleep(STALL_S)  # the whole server stands still, as in a long collection
        self._transport.write(_ANSWER)
