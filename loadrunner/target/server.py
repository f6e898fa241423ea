"""HTTP/1.1 on a socket: keep-alive, pipelining in order, bodies by length or chunked.

One request of a connection is answered at a time; those that a client sends ahead wait for their
turn, and beyond `_READ_AHEAD` of them the connection is not read.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from loadrunner.target.exchange import Exchange

MAX_BODY_BYTES = 1 << 20
MAX_HEAD_BYTES = 64 << 10
_READ_AHEAD = 64
_LINGER_S = 2.0


class Connection(asyncio.Protocol):
    """One client. `dispatch` gets each request when its turn has come."""

    def __init__(
        self, dispatch: Callable[[Exchange], None], connections: set["Connection"]
    ) -> None:
        self._dispatch = dispatch
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._is_advancing = False
        self._is_deaf = False
        self._begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self._waiting.clear()
        self._connections.discard(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # What the parser calls, in the order of the bytes.

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The wish to switch protocols is ignored, but what follows it cannot be read.
            self._waiting[-1].keep_alive = False
        except httptools.HttpParserCallbackError:
            raise  # a fault of ours, not of the client's
        except httptools.HttpParserError as error:
            self._fail(400, f"This is not an HTTP/1.1 request: {error}.")
        self._advance()

    def on_message_begin(self) -> None:
        self._begin()

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        self._count_head(len(name) + len(value))

    def on_body(self, body: bytes) -> None:
        if self._is_deaf:
            return
        if len(self._body) + len(body) > MAX_BODY_BYTES:
            self._fail(413, f"The body is longer than {MAX_BODY_BYTES} bytes.")
        else:
            self._body += body

    def on_message_complete(self) -> None:
        if self._is_deaf:
            return
        path = self._url.decode("latin-1").partition("?")[0]
        self._waiting.append(
            Exchange(
                self,
                self._parser.get_method().decode("ascii"),
                path,
                self._headers,
                bytes(self._body),
                keep_alive=self._parser.should_keep_alive(),
                is_http_10=self._parser.get_http_version() == "1.0",
            )
        )
        if len(self._waiting) >= _READ_AHEAD and self._transport is not None:
            self._transport.pause_reading()

    # What an exchange calls.

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def finished(self, keep_alive: bool) -> None:
        was_deaf = self._is_deaf
        self._current = None
        if not keep_alive:
            self._is_deaf = True
            self._waiting.clear()
            if was_deaf:
                self._linger()
            else:
                self.close()
        self._advance()

    def _linger(self) -> None:
        """Closes after a fault. Bytes that were sent and not read would reset the connection and
        take the answer with them, so they are read for a while, and dropped."""
        if self._transport is not None:
            self._transport.write_eof()
            asyncio.get_running_loop().call_later(_LINGER_S, self.close)

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._head_bytes = 0

    def _count_head(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > MAX_HEAD_BYTES:
            self._fail(431, f"The header fields are longer than {MAX_HEAD_BYTES} bytes.")

    def _fail(self, status: int, detail: str) -> None:
        """Answers after what came before, and closes: what follows cannot be understood."""
        if self._is_deaf:
            return
        self._is_deaf = True
        self._waiting.append(
            Exchange(
                self, "GET", "", {}, b"",
                keep_alive=False, is_http_10=False, fault=(status, detail),
            )
        )  # fmt: skip

    def _advance(self) -> None:
        # An answer that is given at once calls back here: the loop goes on, it does not nest.
        if self._is_advancing:
            return
        self._is_advancing = True
        while self._waiting and self._current is None:
            self._current = self._waiting.popleft()
            self._current.arrived_s = time.monotonic()
            self._dispatch(self._current)
        self._is_advancing = False
        if len(self._waiting) < _READ_AHEAD and self._transport is not None:
            self._resume(self._transport)

    def _resume(self, transport: asyncio.Transport) -> None:
        if not self._is_deaf and not transport.is_closing() and not transport.is_reading():
            transport.resume_reading()
