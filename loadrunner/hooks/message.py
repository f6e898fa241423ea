"""A request as a function asks for it: checked, and in bytes as far as its own words go."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from loadrunner.engine.wire import FRAMING, SAFE

Data = Mapping[str, Any] | str | bytes
NOTHING: Final = object()  # in place of a body, where None is one
_PLAIN_PATH: Final = re.compile(rf"/[A-Za-z0-9{re.escape(SAFE)}]*")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_FORM: Final = "application/x-www-form-urlencoded"


class MessageError(ValueError):
    """A request that cannot be sent as it was asked for; the text says what is allowed."""


@dataclass(frozen=True, slots=True)
class Message:
    """`path` is quoted, `names` are those of `headers` in lower case; `expect` are the statuses
    that are right, None for those of the step."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    names: frozenset[str]
    body: bytes | None
    expect: tuple[int, ...] | None


def message(
    method: str,
    path: str,
    params: Mapping[str, Any] | None,
    headers: Mapping[str, str] | None,
    document: object,
    data: Data | None,
    expect: Collection[int] | None,
) -> Message:
    """Raises MessageError. `document` is sent as JSON unless it is NOTHING."""
    body, kind = _body(document, data)
    lines = tuple(map(_header, headers.items())) if headers else ()
    names = frozenset(name.lower() for name, _ in lines)
    if FRAMING & names:
        raise MessageError(f"{min(FRAMING & names)} is set by the runner, allowed: other headers")
    if kind is not None and "content-type" not in names:
        lines = (("Content-Type", kind), *lines)
    statuses = None if expect is None else tuple(expect)
    return Message(method, _path(path, params), lines, names, body, statuses)


def _path(path: str, params: Mapping[str, Any] | None) -> str:
    if not path.startswith("/"):
        raise MessageError(
            f"found the path '{path}', allowed: a path from / on; it is added to target.base_url,"
            " the only host that a campaign loads"
        )
    if params:
        path += ("&" if "?" in path else "?") + urlencode(params, doseq=True, quote_via=quote)
    return path if _PLAIN_PATH.fullmatch(path) else quote(path, safe=SAFE)


def _header(pair: tuple[str, str]) -> tuple[str, str]:
    name, value = pair
    if not _HEADER_NAME.fullmatch(name):
        raise MessageError(f"found the header '{name}', allowed: the name of a header")
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        raise MessageError(f"the value of {name} is not one line of Latin letters")
    return name, value


def _body(document: object, data: Data | None) -> tuple[bytes | None, str | None]:
    """The body, and the content type that it has where nothing else is said."""
    if document is not NOTHING:
        if data is not None:
            raise MessageError("found json and data, allowed: one of them")
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        return text.encode(), "application/json"
    if isinstance(data, Mapping):
        return urlencode(data, doseq=True).encode(), _FORM
    return data.encode() if isinstance(data, str) else data, None
