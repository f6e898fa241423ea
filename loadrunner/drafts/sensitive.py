"""What of a recording or an example may be a secret, and is therefore never copied."""

import re
from collections.abc import Collection
from typing import Any, Final

from loadrunner.drafts.draft import FILL_IN, identifier, literal, variable

_NAME: Final = re.compile(
    r"pass|pwd|secret|token|auth|session|csrf|xsrf|api[_-]?key|access[_-]?key|private|credential"
    r"|cookie|signature|jwt|nonce|cvv|cvc|iban|card[_-]?n|ssn|^(sid|sig|key|code|pin|otp|state)$"
    r"|[_-](sid|sig|key|pin|otp)$",
    re.IGNORECASE,
)
# A JWT, the keys of well-known services, and long texts in which letters and digits mix. A UUID
# names a thing, and opens nothing.
_VALUE: Final = re.compile(
    r"eyJ[\w-]{8,}(\.[\w-]*){1,4}|\b(sk|pk|rk|ghp|gho|xox[abp]|AKIA|ASIA|AIza)[-_]?[\w-]{12,}"
)
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_OPAQUE: Final = re.compile(r"[A-Za-z0-9+/_=~-]{24,}")
_SHORTEST: Final = 6


def is_sensitive_name(name: str) -> bool:
    """Whether a header, parameter or key is called like a secret; rather too often than not."""
    return _NAME.search(name) is not None


def is_sensitive_value(text: str) -> bool:
    """Whether a text looks like a secret whatever it is called."""
    if _VALUE.search(text):
        return True
    return any(
        re.search(r"\d", run) and re.search(r"[A-Za-z]", run)
        for run in _OPAQUE.findall(_UUID.sub("", text))
    )


class Cleaner:
    """Texts without the secrets in them. `known` are values that are secrets for certain."""

    def __init__(self, known: Collection[str] = ()) -> None:
        self._known = sorted((one for one in known if len(one) >= _SHORTEST), key=len, reverse=True)

    def text(self, name: str, value: str) -> str:
        """The value as it may be written: itself, or a variable to be filled in."""
        if not value:
            return value
        if is_sensitive_name(name) or self.is_secret(value):
            return variable(identifier(name, "value"), FILL_IN)
        return literal(value)

    def is_secret(self, value: str) -> bool:
        return is_sensitive_value(value) or any(one in value for one in self._known)

    def _key(self, key: str) -> str:
        return FILL_IN if self.is_secret(key) else literal(key)

    def json(self, value: Any, name: str = "value", depth: int = 0) -> Any:
        """The same for every text of a document, by the key that it stands under."""
        if depth > 30:
            return None
        if isinstance(value, dict):
            return {
                self._key(str(key)): self.json(inner, str(key), depth + 1)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self.json(inner, name, depth + 1) for inner in value]
        if isinstance(value, str):
            return self.text(name, value)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return FILL_IN if is_number and is_sensitive_name(name) else value
