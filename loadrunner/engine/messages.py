"""What coordinator and workers say to each other: a kind, a length, a body."""

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct

_HEADER = Struct("<BI")


class Kind(IntEnum):
    """The first five go to the coordinator, the others to the worker."""

    READY = 0
    SAMPLES = 1  # packed records
    ERROR_TEXT = 2  # the next error text of this worker
    PULSE = 3  # one second of its health, as JSON
    DONE = 4
    CREDENTIALS = 5  # {"identity": …, "lines": [header line, …]}
    DRAIN = 6
    STOP = 7
    START = 8  # the instant of microsecond 0, as 8 bytes: see `instant`


_INSTANT = Struct("<q")


def instant(at_ns: int) -> bytes:
    """An instant of the monotonic clock, which all processes of a machine share."""
    return _INSTANT.pack(at_ns)


def instant_of(body: bytes) -> int:
    at_ns: int = _INSTANT.unpack(body)[0]
    return at_ns


def packed(kind: Kind, body: bytes) -> bytes:
    return _HEADER.pack(kind, len(body)) + body


class Reader:
    """Cuts a stream of bytes back into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Kind, bytes]]:
        self._rest += data
        while len(self._rest) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._rest)
            end = _HEADER.size + length
            if len(self._rest) < end:
                return
            body = bytes(self._rest[_HEADER.size : end])
            del self._rest[:end]
            yield Kind(kind), body
