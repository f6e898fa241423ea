"""What later steps need of an answer: documents it holds beside plain JSON, and values as texts."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from loadrunner.engine.content import parsed
from loadrunner.engine.json_path import Path, found

_END_OF_LINE: Final = re.compile(rb"\r\n|\n|\r")


def _loads() -> Callable[[bytes], object]:
    """orjson's, where there is one; else the same at half the speed."""
    try:
        import orjson
    except ImportError:
        return json.loads
    return orjson.loads


_quick_loads: Final = _loads()


def text_of(value: object) -> str:
    """A value as it is filled in later. Half a surrogate pair, which JSON may hold and UTF-8 may
    not, becomes a question mark. Raises RecursionError where it is nested too deeply."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="replace").decode()
    return json.dumps(value)


Read = Callable[[bytes, dict[str, str]], bool]
"""A body, and where each path's text is put -> whether there is no doubt of all of them."""


def reader(paths: Mapping[str, Path]) -> Read:
    """The quick way of reading paths from a body: by orjson, and with nothing looked up twice.

    What orjson takes, `json` takes too, and strings and whole numbers of 64 bits come out alike.
    Of everything else (other numbers, what nests, what is missing, what is no JSON or none that
    orjson takes) the slow way says what it is.
    """
    # A position is one in a list alone, while a key fits nothing but an object.
    ways = [(name, path, any(type(part) is int for part in path)) for name, path in paths.items()]

    def read(body: bytes, texts: dict[str, str]) -> bool:
        try:
            document = _quick_loads(body)
            for name, path, has_positions in ways:
                value: Any = document
                if has_positions:
                    value = found(document, path)
                else:  # `found`, written out: calling it takes as long as what it does
                    for part in path:
                        value = value[part]
                if type(value) is str:
                    texts[name] = value if value.isascii() else text_of(value)
                elif type(value) is int:
                    texts[name] = str(value)
                else:
                    return False
        except (ValueError, LookupError, TypeError, RecursionError):
            return False
        return True

    return read


def documents(body: bytes, *, of_events: bool) -> Iterator[object]:
    """The JSON document that a body is, or else those of its server-sent events."""
    whole = list(_readable([body]))
    yield from whole or (events(body) if of_events else ())


def events(body: bytes) -> Iterator[object]:
    """What the server-sent events of a body hold, as far as it is JSON."""
    lines: list[bytes] = []
    for line in (*_END_OF_LINE.split(body), b""):
        if line.startswith(b"data:"):
            lines.append(line[5:])
        elif not line and lines:
            yield from _held(lines)
            lines = []


def _held(lines: list[bytes]) -> Iterator[object]:
    """The document of an event. Some services leave the empty line between two events out."""
    whole = list(_readable([b"\n".join(lines)]))
    yield from whole or _readable(lines if len(lines) > 1 else ())


def _readable(texts: Iterable[bytes]) -> Iterator[object]:
    for text in texts:
        try:
            yield parsed(text)
        except (ValueError, RecursionError):  # `[DONE]`, a comment, a token as it is
            continue


def first_found(found_in: Iterable[object], paths: Mapping[str, Path]) -> dict[str, str]:
    """Each path's text in the first document that has one. They may stand in different ones."""
    texts: dict[str, str] = {}
    for document in found_in:
        for name in paths.keys() - texts.keys():
            value = found(document, paths[name])
            if value is not None:
                with suppress(RecursionError):  # too deep for a text: as good as not there
                    texts[name] = text_of(value)
        if len(texts) == len(paths):
            break
    return texts
