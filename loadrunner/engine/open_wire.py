"""A request that a function makes as it goes: its words in the same frame as a declared one's."""

from typing import Protocol, cast

from loadrunner.engine.encoder import Source
from loadrunner.engine.wire import BODYLESS, IDEMPOTENT, Origin, Stamp, default_headers
from loadrunner.hooks.message import Message


class Asker(Protocol):
    """The source of such a request, which brings its message along."""

    message: Message


class OpenWire:
    """As `wire.Wire`, for requests of one method of which all the rest is only known when they
    are sent."""

    def __init__(self, method: str, origin: Origin, stamp: Stamp) -> None:
        self.is_head = method == "HEAD"
        self.is_idempotent = method in IDEMPOTENT
        self._origin, self._stamp = origin, stamp
        self._start = f"{method} {origin.prefix}".encode()
        self._defaults = {
            name: f"{name}: {value}\r\n".encode() for name, value in default_headers(origin, stamp)
        }
        self._usual = b" HTTP/1.1\r\n" + b"".join(self._defaults.values())
        self._trace = b"traceparent: 00-" + stamp.trace_prefix.encode() + b"%016x-"
        self._trace += stamp.trace_prefix.encode() + b"-01\r\n"
        self._no_body = b"\r\n" if method in BODYLESS else b"content-length: 0\r\n\r\n"

    def of(self, method: str) -> "OpenWire":
        """The same for another method."""
        return OpenWire(method, self._origin, self._stamp)

    def encode(self, credential: bytes, trace: int, source: Source) -> bytes:
        """The bytes of one request; `credential` is the identity's header line or nothing."""
        message = cast(Asker, source).message
        start, own = self._usual, b""
        if message.headers:
            names = message.names
            if not names.isdisjoint(self._defaults):
                kept = (line for name, line in self._defaults.items() if name not in names)
                start = b" HTTP/1.1\r\n" + b"".join(kept)
            own = "".join(f"{name}: {value}\r\n" for name, value in message.headers).encode()
            if credential.partition(b":")[0].strip().lower().decode() in names:
                credential = b""
        head = (self._start, message.path.encode(), start, own, credential, self._trace % trace)
        if message.body is None:
            return b"".join((*head, self._no_body))
        return b"".join((*head, b"content-length: %d\r\n\r\n" % len(message.body), message.body))
