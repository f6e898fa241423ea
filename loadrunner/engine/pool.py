"""The connections of one worker to the target: as many as are needed, the last used first."""

import asyncio
import errno
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns
from typing import Final

from loadrunner.engine.connection import Connection

# Running out of these is the generator's limit, never the target's.
_OUR_LIMITS = {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM}


@dataclass(frozen=True)
class Address:
    """Where to connect: resolved once, before the clock starts, so that DNS never weighs in."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    server_name: str | None = None


class ConnectError(Exception):
    """A connection that could not be opened; `is_ours` where the generator ran out of something."""

    def __init__(self, reason: str, *, is_ours: bool, is_timeout: bool = False) -> None:
        super().__init__(reason)
        self.is_ours = is_ours
        self.is_timeout = is_timeout


CONNECT: Final = "connect"
Opened = Callable[[Connection | ConnectError, int], None]


class Pool:
    """`idle` connections are taken from its end and put back there, so that few stay open under
    little load."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, address: Address, connect_timeout_s: float
    ) -> None:
        self._loop = loop
        self._address = address
        self._connect_timeout_s = connect_timeout_s
        self.idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()

    def open(self, opened: Opened) -> None:
        """Open a connection; `opened` gets it, or why there is none, and the ns it took."""
        task = self._loop.create_task(self._connect(opened), name=CONNECT)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)

    def close(self) -> None:
        for task in self._opening:
            task.cancel()
        for connection in tuple(self._open):
            connection.close()
        self.idle.clear()

    async def _connect(self, opened: Opened) -> None:
        started = monotonic_ns()
        answer: Connection | ConnectError
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                answer = await self._connection()
            self._open.add(answer)
        except (OSError, TimeoutError) as error:
            answer = self._failure(error)
        opened(answer, monotonic_ns() - started)

    async def _connection(self) -> Connection:
        _, connection = await self._loop.create_connection(
            lambda: Connection(self, is_plain=self._address.tls is None),
            self._address.host,
            self._address.port,
            ssl=self._address.tls,
            server_hostname=self._address.server_name,
        )
        return connection

    def _failure(self, error: OSError) -> ConnectError:
        if isinstance(error, TimeoutError) and error.errno is None:
            text = f"no connection within {self._connect_timeout_s:g} s"
            return ConnectError(text, is_ours=False, is_timeout=True)
        is_ours = error.errno in _OUR_LIMITS
        return ConnectError(f"connect: {error.strerror or error}", is_ours=is_ours)
