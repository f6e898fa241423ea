"""Paths like `$.items[0].id` in a JSON answer."""

import re

_PART = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^']+)'\]")

# Once, since a union that is written where it is used is made anew each time.
_CONTAINERS = (dict, list)

Path = tuple[str | int, ...]


def compiled(text: str) -> Path:
    """The parts of a path. Raises ValueError, naming the column, where it cannot be read."""
    if not text.startswith("$"):
        raise ValueError(f"'{text}' does not start with $")
    parts: list[str | int] = []
    position = 1
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            raise ValueError(f"'{text}' cannot be read from column {position + 1} on")
        name, index, quoted = match.groups()
        parts.append(int(index) if index is not None else name or quoted)
        position = match.end()
    return tuple(parts)


def found(document: object, path: Path, missing: object = None) -> object:
    """What stands at the path; `missing` where the document does not reach so far."""
    for part in path:
        if not isinstance(document, _CONTAINERS):
            return missing
        try:
            document = document[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return missing
    return document
