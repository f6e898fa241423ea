"""What users leave behind: kept up to a number, the oldest forgotten first."""

from collections import OrderedDict
from typing import Generic, TypeVar

Record = TypeVar("Record")


class Records(Generic[Record]):
    """Each gets the next number as its name, `PREFIX-1`, `PREFIX-2`, …"""

    def __init__(self, prefix: str, kept: int) -> None:
        self._prefix = prefix
        self._kept = kept
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._count = 0

    def add(self, record: Record) -> str:
        self._count += 1
        name = f"{self._prefix}-{self._count}"
        self._records[name] = record
        if len(self._records) > self._kept:
            self._records.popitem(last=False)
        return name

    def get(self, name: str) -> Record | None:
        return self._records.get(name)

    def clear(self) -> None:
        """Names are not used again."""
        self._records.clear()

    def __len__(self) -> int:
        return len(self._records)
