"""A server whose service times are known, and who tells what it really took.

GET /mix answers after 20 ms, every tenth request after 50 ms; GET /slow after 500 ms; GET /log
gives the times from request to answer since it was asked last, in ns, as JSON. It waits for a
timer instead of spinning, so that it leaves its core to others; what it then takes too long is
in its log, and no error of the generator's.
"""

import argparse
import asyncio
import heapq
import json
import os
from time import monotonic_ns
from typing import cast

from loadrunner.engine.timer import alarm
from loadrunner.engine.worker import event_loop

_MIX_MS = (20, 20, 20, 20, 20, 20, 20, 20, 20, 50)
_SLOW_MS = 500
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class _Agenda:
    """The answers that are due, and how long each took that was given."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.took_ns: list[int] = []
        self._count = 0
        self._due: list[tuple[int, int, int, asyncio.WriteTransport]] = []
        self._alarm = alarm(loop, self._answer)

    def add(self, transport: asyncio.WriteTransport, path: bytes) -> None:
        now = monotonic_ns()
        service_ms = _SLOW_MS if path == b"/slow" else _MIX_MS[self._count % len(_MIX_MS)]
        self._count += 1
        heapq.heappush(self._due, (now + service_ms * 1_000_000, self._count, now, transport))
        self._alarm.set(self._due[0][0])

    def log(self) -> bytes:
        took, self.took_ns, self._count = self.took_ns, [], 0
        body = json.dumps(took).encode()
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    def _answer(self) -> None:
        while self._due and self._due[0][0] <= monotonic_ns():
            _, _, arrived, transport = heapq.heappop(self._due)
            if not transport.is_closing():
                transport.write(_ANSWER)
            self.took_ns.append(monotonic_ns() - arrived)
        if self._due:
            self._alarm.set(self._due[0][0])


class _Connection(asyncio.Protocol):
    def __init__(self, agenda: _Agenda) -> None:
        self._agenda = agenda
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._head += data
        if not self._head.endswith(b"\r\n\r\n"):
            return
        path, self._head = self._head.split(b" ", 2)[1], b""
        if path in (b"/mix", b"/slow"):
            self._agenda.add(self._transport, path)
        else:
            self._transport.write(self._agenda.log() if path == b"/log" else _ANSWER)


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    agenda = _Agenda(loop)
    server = await loop.create_server(lambda: _Connection(agenda), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    # What starves the generator must not starve its target.
    os.setpriority(os.PRIO_PROCESS, 0, -20 if os.geteuid() == 0 else 0)
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(_serve(given.port))


if __name__ == "__main__":
    main()
