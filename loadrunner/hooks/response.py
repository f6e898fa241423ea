"""An answer as a function sees it: nothing of it is read before it is asked for."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Protocol

from loadrunner.engine.content import content_encoding, parsed, plain


class Answer(Protocol):
    """What came: `head` holds the raw head (and maybe more after its empty line), `is_ok` whether
    the status is one that was expected."""

    status: int
    head: bytes
    is_ok: bool

    def body(self) -> bytes:
        """As it came, compressed where it was."""

    def fail(self, reason: str) -> None:
        """The answer is not right, whatever its status says."""


class Headers(Mapping[str, str]):
    """Names in any case; values of one name are joined by a comma."""

    def __init__(self, head: bytes) -> None:
        self._values: dict[str, str] = {}
        for line in head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            key, value = name.strip().lower(), value.strip()
            known = self._values.get(key)
            self._values[key] = value if known is None else f"{known}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Response:
    """`ok` says whether the status was one of the expected."""

    def __init__(self, answer: Answer) -> None:
        self.status_code = answer.status
        self.ok = answer.is_ok
        self._answer = answer

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"

    @cached_property
    def headers(self) -> Headers:
        return Headers(self._answer.head)

    @cached_property
    def content(self) -> bytes:
        """The body, its Content-Encoding undone. Raises ContentError where it is not what that
        says."""
        return plain(self._answer.body(), content_encoding(self._answer.head))

    @property
    def text(self) -> str:
        """By the charset of its Content-Type, else UTF-8."""
        kind = self.headers.get("content-type", "")
        charset = kind.lower().partition("charset=")[2].partition(";")[0].strip(' "') or "utf-8"
        try:
            return self.content.decode(charset, errors="replace")
        except LookupError:
            return self.content.decode(errors="replace")

    def json(self) -> Any:
        """Raises ValueError where the body is no JSON."""
        return parsed(self.content)

    def fail(self, reason: str) -> None:
        """Its request counts as `check_failed`, and the journey goes on. Say so before the next
        request or pause: from then on the sample is written."""
        self._answer.fail(reason)
