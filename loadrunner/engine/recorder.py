"""Keeps the samples of one worker until they are shipped: packed records in one buffer."""

from collections.abc import Callable
from typing import Final

from loadrunner.engine.record import RECORD

_CAPACITY: Final = 4096


class Recorder:
    """`ship` is given whole records, `declare` each new error text before its first record."""

    def __init__(self, ship: Callable[[bytes], None], declare: Callable[[str], None]) -> None:
        self._buffer = bytearray(RECORD.size * _CAPACITY)
        self._used = 0
        self._ship = ship
        self._declare = declare
        self._errors: dict[str, int] = {}
        self._pack = RECORD.pack_into

    def add(self, *fields: int) -> None:
        """One record, its fields in the order of record.DTYPE."""
        self._pack(self._buffer, self._used, *fields)
        self._used += RECORD.size
        if self._used == len(self._buffer):
            self.flush()

    def error(self, text: str) -> int:
        """The index of an error text, declared when it is new."""
        index = self._errors.get(text)
        if index is None:
            index = self._errors[text] = len(self._errors)
            self._declare(text)
        return index

    def flush(self) -> None:
        if self._used:
            self._ship(bytes(memoryview(self._buffer)[: self._used]))
            self._used = 0
