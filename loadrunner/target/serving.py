"""The target as a process: sockets, signals, and the flows behind them."""

import asyncio
import errno
import gc
import signal
from collections.abc import Callable
from contextlib import suppress

import uvloop

from loadrunner.errors import LoadrunnerError, UsageError
from loadrunner.target.agenda import Agenda
from loadrunner.target.exchange import Exchange
from loadrunner.target.flows import b2b, billing, chat, login, ops, privacy
from loadrunner.target.router import Router
from loadrunner.target.server import Connection
from loadrunner.target.service import Service
from loadrunner.target.settings import TargetSettings
from loadrunner.target.vitals import Vitals

_BACKLOG = 4096
_CLOSING_S = 1.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class RunningTarget:
    """The target, listening on a loop. `port` is the real one where 0 was asked for."""

    def __init__(self, settings: TargetSettings, loop: asyncio.AbstractEventLoop) -> None:
        self._settings = settings
        self._loop = loop
        self._connections: set[Connection] = set()
        self._agenda = Agenda(loop)
        self._vitals = Vitals(loop, settings.summary_window)
        self.service = Service(settings, self._agenda)
        self._router = _router(self.service, self._vitals, lambda: len(self._connections))
        self._server: asyncio.Server | None = None
        self.port = settings.port

    async def listen(self) -> None:
        """Raises UsageError where the address cannot be had."""
        settings = self._settings
        try:
            self._server = await self._loop.create_server(
                lambda: Connection(self._router.dispatch, self._connections),
                settings.host,
                settings.port,
                backlog=_BACKLOG,
            )
        except OSError as error:
            self._close_clocks()
            raise _cannot_listen(settings, error) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Drops what is in flight, and returns when the sockets are closed."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.close()
        if self._server is not None:
            # A client that does not read what it asked for must not hold the process.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), _CLOSING_S)
        self._close_clocks()

    def _close_clocks(self) -> None:
        self._vitals.close()
        self._agenda.close()


def _router(service: Service, vitals: Vitals, connections: Callable[[], int]) -> Router:
    def prepare(exchange: Exchange) -> bool:
        return ops.is_exempt(exchange.path) or service.limits.global_admits(exchange)

    router = Router(prepare)
    flows = (login, chat, privacy, billing, b2b)
    routes = [route for flow in flows for route in flow.routes(service)]
    for route in (*routes, *ops.routes(service, router, vitals, connections)):
        router.add(route)
    return router


def _cannot_listen(settings: TargetSettings, error: OSError) -> LoadrunnerError:
    address = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return UsageError(
            f"Port {settings.port} on {settings.host} is taken: choose another with --port or"
            " TARGET_PORT."
        )
    reason = error.strerror or str(error)
    return UsageError(
        f"The target cannot listen on {address} ({reason}): choose another address with --host"
        " (TARGET_HOST) or --port (TARGET_PORT)."
    )


def serve(settings: TargetSettings, on_ready: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM; `on_ready` gets the base URL once it listens."""
    uvloop.run(_serve(settings, on_ready))


async def _serve(settings: TargetSettings, on_ready: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for signum in _SIGNALS:
        loop.add_signal_handler(signum, stop.set)
    target = RunningTarget(settings, loop)
    await target.listen()
    # What was made so far stays: collections need not walk it, and pauses stay short.
    gc.freeze()
    on_ready(f"http://{settings.host}:{target.port}")
    await stop.wait()
    await target.close()
