"""One request and its answer, as a flow sees them."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from loadrunner.target import answers

NO_HEADERS: Mapping[str, str] = {}


class Wire(Protocol):
    """What an exchange needs of its connection."""

    def write(self, data: bytes) -> None: ...

    def finished(self, keep_alive: bool) -> None: ...


class Exchange:
    """`headers` have lower-case names; `arrived_s` is when its turn came on the connection.

    A flow answers exactly once: by `reply`, or by `open_stream`, `stream` and `end_stream`.
    """

    __slots__ = (
        "_on_status", "_wire", "arrived_s", "body", "fault", "headers", "is_http_10",
        "keep_alive", "method", "path",
    )  # fmt: skip

    def __init__(
        self,
        wire: Wire,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        *,
        keep_alive: bool,
        is_http_10: bool,
        fault: tuple[int, str] | None = None,
    ) -> None:
        self._wire = wire
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.keep_alive = keep_alive
        self.is_http_10 = is_http_10
        self.fault = fault
        self.arrived_s = 0.0
        self._on_status: Callable[[int], None] | None = None

    def on_status(self, callback: Callable[[int], None]) -> None:
        self._on_status = callback

    def json(self) -> dict[str, Any] | None:
        """The body where it is a JSON object, else None; an empty body is an empty object."""
        if not self.body:
            return {}
        try:
            document = json.loads(self.body)
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    def reply(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] = NO_HEADERS,
        content_type: str = answers.JSON,
    ) -> None:
        fields = {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}
        self._wire.write(self._head(status, fields) + (b"" if self.method == "HEAD" else body))
        self._wire.finished(self.keep_alive)

    def reply_json(
        self, status: int, document: Mapping[str, Any], headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        self.reply(status, answers.json_body(document), headers)

    def refuse(
        self, status: int, code: str, detail: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        """Answers with the one shape of errors."""
        self.reply(status, answers.problem(code, detail), headers)

    def open_stream(self, content_type: str) -> None:
        fields = {"Content-Type": content_type, "Cache-Control": "no-store"}
        fields["Transfer-Encoding"] = "chunked"
        self._wire.write(self._head(200, fields))

    def stream(self, data: bytes) -> None:
        self._wire.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end_stream(self) -> None:
        self._wire.write(b"0\r\n\r\n")
        self._wire.finished(self.keep_alive)

    def _head(self, status: int, fields: dict[str, str]) -> bytes:
        if self._on_status is not None:
            self._on_status(status)
        if not self.keep_alive:
            fields["Connection"] = "close"
        elif self.is_http_10:
            fields["Connection"] = "keep-alive"
        return answers.head(status, fields)
