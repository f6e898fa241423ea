"""What coordinator and workers say to each other: a kind, a length, a body."""

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct

_HEADER = Struct("<BI")


class Kind(IntEnum):
    """The first five and the last go to the coordinator, the others to the worker."""

    READY = 0
    SAMPLES = 1  # packed records
    ERROR_TEXT = 2  # the next error text of this worker
    PULSE = 3  # one second of its health, as JSON
    DONE = 4
    CREDENTIALS = 5  # {"identity": …, "lines": [header line, …]}
    DRAIN = 6
    STOP = 7
    START = 8  # the instant of microsecond 0, as 8 bytes: see `instant`
    MISHAPS = 9  # what went wrong so far in journeys of Python, as JSON: see `mishaps.Mishaps`


_INSTANT = Struct("<q")


def instant(at_ns: int) -> bytes:
    """An instant of the monotonic clock, which all processes of a machine share."""
    return _INSTANT.pack(at_ns)


def instant_of(body: bytes) -> int:
    at_ns: int = _INSTANT.unpack(body)[0]
    return at_ns


def header(kind: Kind, body: bytes) -> bytes:
    """What goes before a body."""
    return _HEADER.pack(kind, len(body))


class Reader:
    """Cuts a stream of bytes back into messages. A body is copied once, however it comes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._needed = _HEADER.size

    def feed(self, data: bytes) -> Iterator[tuple[Kind, bytes]]:
        self._parts.append(data)
        self._size += len(data)
        if self._size < self._needed:
            return
        whole = data if len(self._parts) == 1 else b"".join(self._parts)
        start = 0
        while (body := self._body(whole, start)) is not None:
            start += _HEADER.size + len(body)
            yield Kind(whole[start - len(body) - _HEADER.size]), body
        self._parts = [whole[start:]]
        self._size = len(whole) - start

    def _body(self, whole: bytes, start: int) -> bytes | None:
        """The body of the message that begins there, once all of it has come."""
        self._needed = _HEADER.size
        if len(whole) - start < _HEADER.size:
            return None
        _, length = _HEADER.unpack_from(whole, start)
        self._needed += length
        if len(whole) - start < self._needed:
            return None
        return whole[start + _HEADER.size : start + self._needed]
