"""A step's request compiled once, so that sending it is one formatting of bytes.

What does not change is joined ahead of time; a journey adds its identity's header, its trace id
and, where the request has variables, their values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from loadrunner.campaign.model import Request, Template, Variable
from loadrunner.version import VERSION

Lookup = Callable[[Variable], str]

USER_AGENT = f"loadrunner/{VERSION}"
_BODYLESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


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
    """One request, ready to be encoded again and again."""

    def __init__(self, request: Request, origin: Origin, stamp: Stamp) -> None:
        self.is_head = request.method == "HEAD"
        self.is_idempotent = request.method in {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}
        self._method = request.method
        self._line: Template = (f"{request.method} {origin.prefix}", *request.path, " HTTP/1.1\r\n")
        self._headers = _headers(request, origin, stamp)
        self._body = request.body
        self._trace = f"traceparent: 00-{stamp.trace_prefix}%016x-%016x-01\r\n".encode()
        self._static = None if _is_dynamic(request) else self._compile(_static)

    def encode(self, credential: bytes, number: int, lookup: Lookup) -> bytes:
        """The bytes of one request; `credential` is the identity's header line or nothing."""
        pattern = self._static or self._compile(lookup)
        return pattern % (credential, number, number)

    def _compile(self, lookup: Lookup) -> bytes:
        """The request as a pattern for `%`, with room for the credential and the trace id."""
        head = _filled((*self._line, *self._headers), lookup)
        body = None if self._body is None else _filled(self._body, lookup).encode()
        before = head.encode().replace(b"%", b"%%")
        return before + b"%b" + self._trace + self._end(body).replace(b"%", b"%%")

    def _end(self, body: bytes | None) -> bytes:
        if body is None:
            return b"\r\n" if self._method in _BODYLESS else b"content-length: 0\r\n\r\n"
        return b"content-length: %d\r\n\r\n" % len(body) + body


def _headers(request: Request, origin: Origin, stamp: Stamp) -> Template:
    given = {name.lower() for name, _ in request.headers}
    lines: list[str | Variable] = []
    for name, value in _default_headers(origin, stamp):
        if name not in given:
            lines.append(f"{name}: {value}\r\n")
    for name, template in request.headers:
        lines += [f"{name}: ", *template, "\r\n"]
    return tuple(lines)


def _default_headers(origin: Origin, stamp: Stamp) -> tuple[tuple[str, str], ...]:
    return (
        ("host", origin.header),
        ("user-agent", USER_AGENT),
        ("accept", "*/*"),
        ("x-headroom-run", stamp.run_id),
    )


def _is_dynamic(request: Request) -> bool:
    templates = [request.path, request.body or (), *(value for _, value in request.headers)]
    return any(isinstance(piece, Variable) for template in templates for piece in template)


def _filled(template: Template, lookup: Lookup) -> str:
    return "".join(piece if isinstance(piece, str) else lookup(piece) for piece in template)


def _static(variable: Variable) -> str:
    raise LookupError(variable.name)
