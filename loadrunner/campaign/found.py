"""How an error message shows what was found in a campaign file."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_LONGEST: Final = 60


def described(value: object) -> str:
    """The value as a reader of the file would name it, never longer than a line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{shortened(value)}'" if value else "an empty text"
    if isinstance(value, Mapping):
        return f"a mapping ({shortened(', '.join(map(str, value)))})" if value else "{}"
    if isinstance(value, Sequence):
        return f"a list of {len(value)}" if value else "an empty list"
    return shortened(str(value))


def shortened(text: str) -> str:
    """The text on one line, cut where it is long."""
    line = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """'; did you mean …?' where one of the allowed is close, else nothing."""
    close = difflib.get_close_matches(found, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def one_of(names: Iterable[str]) -> str:
    """The names that are allowed, or 'none'."""
    return ", ".join(names) or "none"
