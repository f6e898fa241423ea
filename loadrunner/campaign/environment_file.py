"""The file of --env-file: NAME=VALUE lines, as shells and Docker Compose write them."""

import re
from pathlib import Path
from typing import Final

from loadrunner.campaign.found import shortened
from loadrunner.errors import UsageError

_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)", re.ASCII)
_ESCAPES: Final = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
_ALLOWED: Final = "NAME=VALUE, NAME='VALUE', NAME=\"VALUE\", a # comment or an empty line"


def read(file: Path) -> dict[str, str]:
    """The names of the file; a later line wins. Raises UsageError naming the line."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} of --env-file is not UTF-8 text.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{file} of --env-file cannot be read: {reason}.") from error
    return parsed(text, str(file))


def parsed(text: str, file: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            # What stands before the sign is a name; what stands after it may be a secret.
            found = shortened(line.partition("=")[0])
            raise UsageError(f"{file}, line {number}: found '{found}', allowed: {_ALLOWED}")
        values[match[1]] = _value(match[2], file, number)
    return values


def _value(text: str, file: str, number: int) -> str:
    quote = text[:1]
    if quote not in ("'", '"'):
        return re.split(r"\s+#", f" {text}", maxsplit=1)[0].strip()
    end = _closing(text, quote)
    rest = text[end + 1 :].strip()
    if end < 0 or (rest and not rest.startswith("#")):
        raise UsageError(
            f"{file}, line {number}: found a quoted value that does not end with its quote,"
            f" allowed: {_ALLOWED}"
        )
    inside = text[1:end]
    return inside if quote == "'" else _unescaped(inside)


def _closing(text: str, quote: str) -> int:
    """Where the quote that opens the text is closed; -1 where it is not."""
    at = 1
    while at < len(text) and text[at] != quote:
        at += 2 if quote == '"' and text[at] == "\\" else 1
    return at if at < len(text) else -1


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        return _ESCAPES.get(match[1], match[0])

    return re.sub(r"\\(.)", one, text)
