"""One HTTP/1.1 connection: the measured hot path.

It is written for speed rather than beauty: callbacks instead of coroutines (15 % faster), no
header parsed unless somebody asks for it, one clock reading a chunk, and no parsing at all of an
answer that begins with the very bytes of the one before. A connection carries one exchange at a
time. Whatever it cannot explain closes it, so that an answer is never given to another request.
"""

import asyncio
import os
from collections.abc import Callable
from time import monotonic_ns
from typing import Protocol, cast

import httptools

from loadrunner.engine.usual import PATIENCE, Usual

MAX_KEPT_BODY = 64 * 1024 * 1024
_MAX_HEAD = 256 * 1024


class Exchange(Protocol):
    """Who waits for the answer. Times are ns of the monotonic clock; `usual` is shared by all
    that ask the same."""

    first_byte_ns: int
    bytes_in: int
    keeps_body: bool
    is_head: bool
    usual: Usual

    def on_chunk(self, chunk: bytes, now_ns: int) -> None:
        """A piece of the body, where `keeps_body` is set."""

    def on_answer(self, connection: "Connection", status: int, now_ns: int) -> None:
        """The last byte has come; the connection's `head` holds the raw head."""

    def on_broken(self, connection: "Connection", reason: str, now_ns: int) -> None:
        """No whole answer came."""


class Connection(asyncio.Protocol):
    """`home` is told when this connection is idle or gone; `is_plain`: what is sent goes over the
    socket as it is."""

    def __init__(self, home: "Home", *, is_plain: bool = False) -> None:
        self.exchange: Exchange | None = None
        self.head = b""
        self.served = 0
        self._home = home
        self._rest = home.idle.append
        self._write: Callable[[bytes], None]
        self._is_plain = is_plain
        self._descriptor = -1
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._awaits_first_byte = False
        self._now_ns = 0
        self._status = 0
        self._has_head = False
        self._is_done = False
        self._has_extra = False
        self._keeps_alive = False

    # What the pool and the journey call.

    @property
    def status_under_way(self) -> int:
        """The status of the answer that is being read; -1 until its head is whole, and for an
        interim one. The answer before it does not count."""
        has_come = self._has_head and not self._awaits_first_byte and self._status >= 200
        return self._status if has_come else -1

    def send(self, exchange: Exchange, payload: bytes) -> None:
        self.exchange = exchange
        self._awaits_first_byte = True
        self._write(payload)

    def close(self) -> None:
        """Forget the exchange, without a word to it, and close at once."""
        self.exchange = None
        if self._transport is not None:
            self._transport.abort()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, since the transports of uvloop do not descend from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._write = self._transport.write
        if self._is_plain:
            self._descriptor = transport.get_extra_info("socket").fileno()
            self._write = self._write_at_once

    def data_received(self, data: bytes) -> None:
        now = monotonic_ns()
        exchange = self.exchange
        if exchange is None:  # bytes that nobody asked for
            self._home.lost(self)  # at once: it would be taken before the transport is closed
            self.close()
            return
        if not self._awaits_first_byte:
            self._parse(exchange, data, now, is_first=False)
            return
        self._awaits_first_byte = False
        exchange.first_byte_ns = now
        usual = exchange.usual
        if len(data) == usual.length and data.startswith(usual.head):
            # The parser stands between two messages: it would find what it found before.
            usual.patience = PATIENCE
            self.exchange = None
            self.served += 1
            self.head = usual.head
            exchange.bytes_in = len(data)
            if exchange.keeps_body:
                exchange.on_chunk(data[len(usual.head) :], now)
            self._rest(self)
            exchange.on_answer(self, usual.status, now)
            return
        self.head = b""
        self._status = 0
        self._has_head = self._is_done = False
        self._parse(exchange, data, now, is_first=True)

    def eof_received(self) -> bool:
        if self.exchange is None:
            self._home.lost(self)  # at once: it would be taken before the transport is closed
        has_head = self._has_head and not self._awaits_first_byte
        if self.exchange is not None and has_head and self._ends_with_the_connection():
            self._has_extra = True
            self._finish(self.exchange, monotonic_ns())
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._to_transport()  # the descriptor will soon be another connection's
        self._home.lost(self)
        if self.exchange is not None:
            has_begun = not self._awaits_first_byte and bool(self.head)
            self._break(_lost(error, has_begun), monotonic_ns())

    # What the parser calls.

    def on_message_begin(self) -> None:
        # A second message while one is being read: more than was asked for.
        self._has_extra = self._has_extra or self._is_done

    def on_headers_complete(self) -> None:
        if self._is_done:
            return
        self._status = self._parser.get_status_code()
        self._has_head = True
        is_interim = 100 <= self._status < 200
        if self.exchange is not None and self.exchange.is_head and not is_interim:
            self._keeps_alive = self._parser.should_keep_alive()
            self._is_done = True

    def on_body(self, body: bytes) -> None:
        if self._is_done:  # the answer to a HEAD has none
            self._has_extra = True
        exchange = self.exchange
        if exchange is not None and exchange.keeps_body and not self._has_extra:
            exchange.on_chunk(body, self._now_ns)

    def on_message_complete(self) -> None:
        if 100 <= self._status < 200 and not self._is_done:
            # An interim answer; the real one follows on the same exchange, maybe in this chunk.
            self._has_head = False
            self.head = self.head.partition(b"\r\n\r\n")[2]
            return
        if not self._is_done:
            # Only here: the parser forgets it when the message is over.
            self._keeps_alive = self._parser.should_keep_alive()
            self._is_done = True

    # Its own.

    def _write_at_once(self, payload: bytes) -> None:
        """Past the transport, which would write only when it has called back all that is ready.
        What does not go through goes to the transport, and so does everything after it."""
        try:
            written = os.write(self._descriptor, payload)
        except OSError:  # the buffer is full, or the connection broke: the transport finds out
            written = 0
        if written < len(payload):
            self._to_transport()
            self._write(payload[written:])

    def _to_transport(self) -> None:
        if self._transport is not None:
            self._write = self._transport.write

    def _parse(self, exchange: Exchange, data: bytes, now: int, *, is_first: bool) -> None:
        self._now_ns = now
        if not self.head:
            exchange.first_byte_ns = now
        if not self._has_head:
            self.head += data
        exchange.bytes_in += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._has_extra = True
            if not self._is_done:
                self._break(f"the answer is not HTTP: {_reason(error)}", now)
                return
        if self._is_done:
            self._finish(exchange, now, data if is_first else b"")
        elif not self._has_head and len(self.head) > _MAX_HEAD:
            self._break(f"the answer's head is longer than {_MAX_HEAD // 1024} KiB", now)

    def _finish(self, exchange: Exchange, now: int, whole: bytes = b"") -> None:
        """`whole` is the answer, where it came in one piece."""
        self.exchange = None
        self.served += 1
        is_reusable = self._keeps_alive and not self._has_extra
        if is_reusable and len(whole) == len(self.head) and not exchange.is_head:
            exchange.usual.learn(whole, self._status)
        if exchange.is_head:
            # The parser still waits for the body that a HEAD never has.
            self._parser = httptools.HttpResponseParser(self)
        if is_reusable:
            self._rest(self)
        elif self._transport is not None:
            self._transport.close()
        exchange.on_answer(self, self._status, now)

    def _break(self, reason: str, now: int) -> None:
        exchange, self.exchange = self.exchange, None
        if self._transport is not None:
            self._transport.abort()
        if exchange is not None:
            exchange.on_broken(self, reason, now)

    def _ends_with_the_connection(self) -> bool:
        head = self.head.split(b"\r\n\r\n", 1)[0].lower()
        return b"\r\ncontent-length:" not in head and b"\r\ntransfer-encoding:" not in head


class Home(Protocol):
    """The pool, as a connection knows it: whoever is in `idle` may be taken by anybody."""

    idle: list[Connection]

    def lost(self, connection: Connection) -> None: ...


def header(head: bytes, name: bytes) -> bytes | None:
    """The first value of a header in a raw head; `name` in lower case."""
    for line in head.split(b"\r\n\r\n", 1)[0].split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, httptools.HttpParserUpgrade):
        return "it goes on in another protocol"
    return str(error) or type(error).__name__


def _lost(error: Exception | None, has_begun: bool) -> str:
    if error is not None:
        return f"the connection broke: {error.strerror if isinstance(error, OSError) else error}"
    if has_begun:
        return "the connection was closed in the middle of the answer"
    return "the connection was closed before the answer"
