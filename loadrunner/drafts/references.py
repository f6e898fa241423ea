"""`$ref` within one document."""

from typing import Any, Final

_LONGEST_CHAIN: Final = 20


class References:
    """`outside` are the references to other documents that were met; nothing is fetched.
    `visits` counts how many schemas one sample has gone through."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self.outside: list[str] = []
        self.visits = 0

    def followed(self, value: Any) -> Any:
        """The value itself, or what its `$ref` stands for; None where that is not there."""
        for _ in range(_LONGEST_CHAIN):
            target = value.get("$ref") if isinstance(value, dict) else None
            if not isinstance(target, str):
                return value
            value = self._at(target)
        return None

    def _at(self, target: str) -> Any:
        if not target.startswith("#/"):
            self.outside.append(target)
            return None
        value = self._document
        for part in target[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict):
                value = value.get(key)
            elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            else:
                return None
        return value
