"""A result file that is one JSON document, whole or cut."""

import json
import re
from typing import Any, Final

from runs.formats.source import Source

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|"', re.DOTALL)
_CLOSING: Final = {b"{": b"}", b"[": b"]"}


def read(source: Source) -> Any:
    """The document; of one that is cut, what stands before the cut.

    A FormatError names line and column where nothing can be read.
    """
    text = source.whole()
    try:
        return json.loads(text)
    except RecursionError as error:
        raise source.error(1, 1, "the JSON is nested too deeply to be a result file.") from error
    except UnicodeDecodeError as error:
        raise source.error(1, 1, f"the text is not UTF-8 ({error.reason}).") from error
    except json.JSONDecodeError as error:
        found = _before_the_cut(text)
        if not found:
            raise source.error(error.lineno, error.colno, f"not JSON: {error.msg}.") from error
        source.cut(
            f"is cut at line {error.lineno}, column {error.colno}: only what stands before was"
            " read."
        )
        return found


def _before_the_cut(text: bytes) -> Any:
    """What `closed` makes readable; None where there is nothing."""
    try:
        return json.loads(closed(text))
    except (ValueError, RecursionError):
        return None


def closed(text: bytes) -> bytes:
    """A cut document up to its last complete value, with everything closed that is open there.

    Works on the beginning of any JSON document; of other texts the result is no JSON either.
    """
    stack: list[bytes] = []
    good, upto = 0, list[bytes]()
    is_key = False  # in an object, before the colon
    for token in _TOKEN.finditer(text):
        one = token.group()
        if one == b'"':  # a text that is cut: what follows stands inside of it
            break
        if one in _CLOSING:
            stack.append(one)
            good, upto, is_key = token.end(), stack.copy(), one == b"{"
        elif one in (b"}", b"]"):
            if not stack:
                break
            stack.pop()
            good, upto, is_key = token.end(), stack.copy(), False
        elif one == b",":
            is_key = bool(stack) and stack[-1] == b"{"
        elif one == b":":
            is_key = False
        elif not is_key and (one.startswith(b'"') or token.end() < len(text)):
            good, upto = token.end(), stack.copy()
    return text[:good] + b"".join(_CLOSING[one] for one in reversed(upto))
