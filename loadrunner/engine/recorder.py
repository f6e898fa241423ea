"""Keeps the samples of one worker until they are shipped."""

from collections.abc import Callable
from typing import Final

# Enough to be worth a message, and few enough to be written without holding anybody up for long.
_BATCH: Final = 128


class Recorder:
    """`ship` is given whole records, `declare` each new error text before its first record.

    `add` takes one packed record (see record.RECORD).
    """

    def __init__(self, ship: Callable[[bytes], None], declare: Callable[[str], None]) -> None:
        self._records: list[bytes] = []
        self.add = self._records.append
        self._ship = ship
        self._declare = declare
        self._errors: dict[str, int] = {}

    def error(self, text: str) -> int:
        """The index of an error text, declared when it is new."""
        index = self._errors.get(text)
        if index is None:
            index = self._errors[text] = len(self._errors)
            self._declare(text)
        return index

    @property
    def is_full(self) -> bool:
        return len(self._records) >= _BATCH

    def flush(self) -> None:
        if self._records:
            self._ship(b"".join(self._records))
            self._records.clear()
