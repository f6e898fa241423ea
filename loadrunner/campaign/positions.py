"""Which places of a campaign file take variables of a running journey, which are texts whatever
they look like, and which hold secrets."""

import re
from typing import Final

from loadrunner.campaign.document import Path

_REQUEST_PARTS: Final = frozenset({"path", "headers", "json", "body"})
_TEXT_PARTS: Final = frozenset({"path", "headers", "body", "variables"})
_SECRET_KEYS: Final = frozenset({"value", "bearer", "password"})
_SECRET_NAME: Final = re.compile(
    r"(pass(word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key|credentials?|authorization"
    r"|cookie|pin|otp|auth|jwt|signature|session[_-]?id)$",
    re.IGNORECASE,
)


def request_part(path: Path) -> Path | None:
    """The place inside a request, such as ("json", "text"), or None outside of requests.

    Only the parts that may hold variables count: path, headers, json and body, and the variables
    of a journey in Python, which makes its requests of them.
    """
    match path:
        case ("scenarios", _, "variables", name):
            return ("variables", name)
        case ("scenarios", _, "steps", int(), "request", *inside):
            pass
        case ("setup" | "cleanup", int(), "request", *inside):
            pass
        case ("identities", _, "login", *inside):
            pass
        case _:
            return None
    return tuple(inside) if inside and inside[0] in _REQUEST_PARTS else None


def is_text(path: Path) -> bool:
    """Whether `0123` stays `0123` there: headers, keys and passwords are never numbers."""
    part = request_part(path)
    if part:
        return part[0] in _TEXT_PARTS
    match path:
        case ("identities", _, "value" | "bearer" | "header") | ("identities", _, "basic", _):
            return True
    return False


def is_secret(path: Path) -> bool:
    """Whether a text that stands there is a secret."""
    match path:
        case ("identities", _, "value" | "bearer") | ("identities", _, "basic", "password"):
            return True
        case ("identities", _, "login", "body"):
            return True
    part = request_part(path)
    if part is None or part[0] not in ("json", "headers", "variables"):
        return False
    return is_secret_name(_last_key(part))


def is_of_identity(path: Path) -> bool:
    """Whether a variable that is used there is a secret: all that an identity sends but paths."""
    if len(path) < 3 or path[0] != "identities":
        return False
    part = request_part(path)
    return part[0] != "path" if part else path[2] in {"value", "bearer", "basic"}


def is_secret_name(name: str) -> bool:
    """Whether a variable, header or JSON key is called like a secret."""
    return _SECRET_NAME.search(name) is not None


def _last_key(path: Path) -> str:
    keys = [part for part in path if isinstance(part, str)]
    return keys[-1] if keys else ""
