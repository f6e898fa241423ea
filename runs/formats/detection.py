"""Which tool wrote a file: by the shape of its beginning, never by its name or a version."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from runs.formats import (
    ab,
    artillery,
    autocannon,
    gatling,
    gatling_binary,
    goose,
    hey,
    hyperfoil,
    jmeter,
    k6,
    locust,
    oha,
    taurus,
    vegeta,
    wrk,
)
from runs.formats.errors import FormatError, PlaceError
from runs.formats.imported import Imported
from runs.formats.limits import Limits
from runs.formats.source import Source

AUTO: Final = "auto"
# Asked in this order; the first that knows a file has it.
READERS: Final[Sequence[ModuleType]] = (
    gatling_binary,
    vegeta,
    artillery,
    autocannon,
    oha,
    hyperfoil,
    k6,
    gatling,
    locust,
    hey,
    ab,
    wrk,
    taurus,
    goose,
    jmeter,
)
# On one's own machine: more than any tool writes for the most samples that are taken.
_OFFLINE: Final = Limits(inflated_bytes=64 << 30)
NAMES: Final = tuple(dict.fromkeys(reader.NAME for reader in READERS))


def read(
    path: Path,
    kind: str = AUTO,
    *,
    name: str = "",
    limits: Limits | None = None,
    most_bytes: int | None = None,
) -> Imported:
    """The run in a file of another tool.

    `kind` is the tool's name, or `auto`. With `most_bytes` only the beginning is read. Raises a
    FormatError that names the file, and line and column where they are known.
    """
    source = Source(path, name=name, limits=limits or _OFFLINE, most_bytes=most_bytes)
    try:
        found: Imported = reader_of(source, kind).read(source)
    except PlaceError as error:
        other = None if kind == AUTO else _known(source.head)
        if other in (None, kind):
            raise
        raise source.error(
            error.line, error.column, f"{error.message} It looks like a file of {other}."
        ) from error
    return found


def _known(head: bytes) -> str | None:
    """The tool that writes files of this shape."""
    found = (reader.NAME for reader in READERS if reader.recognises(head))
    return next(found, None)


def reader_of(source: Source, kind: str = AUTO) -> ModuleType:
    """The reader for a file; a FormatError where no reader knows its shape."""
    named = [reader for reader in READERS if kind in (AUTO, reader.NAME)]
    for reader in named:
        if reader.recognises(source.head):
            return reader
    if kind != AUTO and named:
        return named[-1]
    if kind not in (AUTO, *NAMES):
        raise FormatError(f"there is no reader for '{kind}'. Known are {', '.join(NAMES)}.")
    if not source.head.strip():
        raise source.error(1, 1, "the file is empty.")
    raise source.error(
        1, 1, f"its shape is that of no tool known here. Known are {', '.join(NAMES)}."
    )


def is_known(path: Path) -> bool:
    """Whether a reader knows the shape of a file."""
    return _known(Source(path).head) is not None


def digest_of(path: Path) -> str:
    """The SHA-256 of a file as it is, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
