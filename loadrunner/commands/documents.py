"""The documents that a command leaves beside its run: --junit F, --markdown F, --json F."""

import argparse
import sys
from pathlib import Path

from loadrunner import exits
from loadrunner.errors import UsageError


def check_writable(arguments: argparse.Namespace) -> None:
    """Say before anything is sent that a document could not be written. Raises UsageError."""
    for name in ("junit", "markdown", "json"):
        path = getattr(arguments, name, None)
        if path is not None:
            _try(path)


def _try(path: Path) -> None:
    is_new = not path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
        if is_new:
            path.unlink()
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error


def written(path: Path | None, document: str) -> int:
    """The exit code: the run is over, and what else it has to do is done all the same."""
    if path is None:
        return exits.DONE
    try:
        path.write_text(document, encoding="utf-8")
    except OSError as error:
        print(f"loadrunner: {path} cannot be written: {error.strerror}.", file=sys.stderr)
        return exits.FAULT
    return exits.DONE
