"""A step's request compiled once, so that sending it is one joining of bytes.

What does not change is joined ahead of time; a journey adds its identity's header, its trace id
and, where the request has variables, their values.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from loadrunner.campaign.model import Request, Template, Variable
from loadrunner.engine.encoder import CREDENTIAL, LENGTH, TRACE, encoder
from loadrunner.version import VERSION

# What may stand in a path and query as it is; anything else is percent-encoded.
SAFE: Final = "/%:?&=,;@!$'()*+~-._[]"
# These headers say where a message ends, which only the runner knows.
FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection"})
USER_AGENT = f"loadrunner/{VERSION}"
BODYLESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
# These are the journey's number, whose digits need no escaping anywhere.
_NUMBERS = frozenset({"index", "journey"})


@dataclass(frozen=True)
class Origin:
    """Where requests go: scheme, host and port of the base URL, and the path it may start with."""

    scheme: str
    host: str
    port: int
    prefix: str

    @property
    def header(self) -> str:
        """The Host header: the port is left out where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


_PORTS = {"http": 80, "https": 443}


def origin(base_url: str) -> Origin:
    parts = urlsplit(base_url)
    return Origin(
        parts.scheme,
        parts.hostname or "",
        parts.port or _PORTS[parts.scheme],
        parts.path.rstrip("/"),
    )


@dataclass(frozen=True)
class Stamp:
    """What every request of a run carries: its run id, and the run's half of the trace id."""

    run_id: str
    trace_prefix: str


class Wire:
    """One request, ready to be encoded again and again. `extracted` names the variables that an
    answer may set, which then stand for that and not for what is built in."""

    def __init__(
        self, request: Request, origin: Origin, stamp: Stamp, extracted: Collection[str] = ()
    ) -> None:
        self.is_head = request.method == "HEAD"
        self.is_idempotent = request.method in IDEMPOTENT
        numbers = _NUMBERS - frozenset(extracted)
        head = _joined((*_head(request, origin, stamp), *_trace(stamp), *_length(request)))
        self.encode = encoder(head, _joined(request.body or ()), numbers)


def _head(request: Request, origin: Origin, stamp: Stamp) -> Template:
    """The request line and the headers, as far as they are the campaign's."""
    line = (f"{request.method} {origin.prefix}", *request.path, " HTTP/1.1\r\n")
    return (*line, *_headers(request, origin, stamp))


def _headers(request: Request, origin: Origin, stamp: Stamp) -> Template:
    given = {name.lower() for name, _ in request.headers}
    lines: list[str | Variable] = []
    for name, value in default_headers(origin, stamp):
        if name not in given:
            lines.append(f"{name}: {value}\r\n")
    for name, template in request.headers:
        lines += [f"{name}: ", *template, "\r\n"]
    return tuple(lines)


def default_headers(origin: Origin, stamp: Stamp) -> tuple[tuple[str, str], ...]:
    return (
        ("host", origin.header),
        ("user-agent", USER_AGENT),
        ("accept", "*/*"),
        ("x-headroom-run", stamp.run_id),
    )


def _trace(stamp: Stamp) -> Template:
    """The identity's header, and the trace id in W3C's form. A run is one caller, hence one
    parent."""
    prefix = stamp.trace_prefix
    return (CREDENTIAL, f"traceparent: 00-{prefix}", TRACE, f"-{prefix}-01\r\n")


def _length(request: Request) -> Template:
    """The end of the head; the length is left open where the body has variables."""
    if request.body is None:
        return ("\r\n" if request.method in BODYLESS else "content-length: 0\r\n\r\n",)
    if any(isinstance(piece, Variable) for piece in request.body):
        return ("content-length: ", LENGTH, "\r\n\r\n")
    size = sum(len(piece.encode()) for piece in request.body if isinstance(piece, str))
    return (f"content-length: {size}\r\n\r\n",)


def _joined(template: Template) -> tuple[bytes | Variable, ...]:
    """The template in bytes, with no two texts side by side."""
    joined: list[bytes | Variable] = []
    for piece in template:
        if isinstance(piece, Variable):
            joined.append(piece)
        elif joined and isinstance(joined[-1], bytes):
            joined[-1] += piece.encode()
        else:
            joined.append(piece.encode())
    return tuple(joined)
