"""A server whose service times are known: it says what it meant to take, and what it took.

It spins instead of sleeping, on a core of its own, so that no wake-up of the system adds to an
answer; what is left (single microseconds) is in its log, and the benchmark tells it from the
generator's own error. GET /1ms, /5ms, /20ms take so long, whatever the load; /mix takes them in a
fixed pattern. With --freeze it stands still in the seconds 5 to 6 of every ten seconds of the
monotonic clock: what is under way goes on afterwards, what comes meanwhile begins afterwards, one
every 20 us, which is a rate that it keeps: all at once would be its own error.
"""

import argparse
import gc
import heapq
import select
import signal
import socket
from array import array
from pathlib import Path
from time import monotonic_ns

import numpy as np

PATTERN_MS = (1, 1, 5, 1, 1, 5, 1, 5, 1, 20)
PERIOD_NS = 10_000_000_000
FREEZE_FROM_NS = 5_000_000_000
FREEZE_TO_NS = 6_000_000_000
CATCH_UP_NS = 20_000
_MS = 1_000_000
_PATHS_MS = {b"/1ms": (1,), b"/5ms": (5,), b"/20ms": (20,), b"/mix": PATTERN_MS}
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


def is_frozen(at_ns: int) -> bool:
    return FREEZE_FROM_NS <= at_ns % PERIOD_NS < FREEZE_TO_NS


def finish_ns(arrived_ns: int, service_ns: int, waiting: int) -> int:
    """When an answer leaves a server that freezes, by the monotonic clock; `waiting` have come
    in the same freeze before it."""
    phase = arrived_ns % PERIOD_NS
    begun = arrived_ns
    if is_frozen(arrived_ns):
        begun += FREEZE_TO_NS - phase + waiting * CATCH_UP_NS
    elif phase < FREEZE_FROM_NS < phase + service_ns:
        service_ns += FREEZE_TO_NS - FREEZE_FROM_NS
    return begun + service_ns


class TruthServer:
    """`log` gets (trace number or -1, meant, taken) of each answer, in ns."""

    def __init__(self, port: int, *, freezes: bool) -> None:
        self.log = array("q")
        self.is_over = False
        self._freezes = freezes
        self._count = 0
        self._waiting = 0
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._heads: dict[int, bytes] = {}
        self._agenda: list[tuple[int, int, int, int, int]] = []
        self._listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        self._listener.setblocking(False)
        self._poll.register(self._listener, select.EPOLLIN)

    def serve(self) -> None:
        """Until `is_over`; only loopback, one request at a time on each connection."""
        door, poll, agenda = self._listener.fileno(), self._poll.poll, self._agenda
        while not self.is_over:
            for descriptor, _ in poll(0):
                if descriptor == door:
                    self._accept()
                else:
                    self._read(descriptor)
            while agenda and agenda[0][0] <= monotonic_ns():
                self._answer(*heapq.heappop(agenda))

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets[connection.fileno()] = connection
        self._heads[connection.fileno()] = b""
        self._poll.register(connection, select.EPOLLIN)

    def _read(self, descriptor: int) -> None:
        connection = self._sockets[descriptor]
        try:
            data = connection.recv(65536)
        except ConnectionError:
            data = b""
        now = monotonic_ns()
        if not data:
            self._forget(descriptor)
            return
        head = self._heads[descriptor] + data
        if head.endswith(b"\r\n\r\n"):
            self._heads[descriptor] = b""
            self._take(descriptor, head, now)
        else:
            self._heads[descriptor] = head

    def _take(self, descriptor: int, head: bytes, now: int) -> None:
        times_ms = _PATHS_MS.get(head.split(b" ", 2)[1])
        if times_ms is None:
            self._sockets[descriptor].send(_NOT_FOUND)
            return
        service = times_ms[self._count % len(times_ms)] * _MS
        due = self._finish_ns(now, service) if self._freezes else now + service
        self._count += 1
        # The count keeps those due at the same instant in the order they came.
        heapq.heappush(self._agenda, (due, self._count, descriptor, now, _trace_of(head)))

    def _finish_ns(self, now: int, service: int) -> int:
        finish = finish_ns(now, service, self._waiting)
        self._waiting = self._waiting + 1 if is_frozen(now) else 0
        return finish

    def _answer(self, due: int, _count: int, descriptor: int, arrived: int, trace: int) -> None:
        connection = self._sockets.get(descriptor)
        if connection is None:
            return
        self.log.extend((trace, due - arrived, monotonic_ns() - arrived))
        try:
            connection.send(_ANSWER)
        except ConnectionError:
            self._forget(descriptor)

    def _forget(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        self._sockets.pop(descriptor).close()
        del self._heads[descriptor]


def _trace_of(head: bytes) -> int:
    """The request's half of the trace id that loadrunner sends, -1 for others."""
    at = head.find(b"traceparent: 00-")
    return int(head[at + 32 : at + 48], 16) if at >= 0 else -1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True, help="written when SIGTERM comes")
    parser.add_argument("--freeze", action="store_true")
    given = parser.parse_args()
    server = TruthServer(given.port, freezes=given.freeze)
    signal.signal(signal.SIGTERM, lambda *_: setattr(server, "is_over", True))
    gc.disable()  # a collection would be an error of the server's own
    server.serve()
    np.save(given.log, np.array(server.log, dtype=np.int64).reshape(-1, 3))


if __name__ == "__main__":
    main()
