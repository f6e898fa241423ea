"""What a running journey fills into its requests: extracted values, data rows, built-ins."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import uuid4

from loadrunner.campaign.model import DataSet, Variable

_MASK = (1 << 64) - 1


class MissingValueError(Exception):
    """A variable that this journey has no value for, since an earlier step did not extract it."""


class Values:
    """The variables of one journey. The same seed and number give the same data."""

    __slots__ = ("_data", "_number", "_seed", "_user", "extracted")

    def __init__(self, number: int, user: int, seed: int, data: Mapping[str, DataSet]) -> None:
        self._number = number
        self._user = user
        self._seed = seed
        self._data = data
        self.extracted: dict[str, str] = {}

    def text(self, variable: Variable) -> str:
        """The value, escaped as the place where it stands needs it."""
        value = self._value(variable.name)
        if variable.escape == "json":
            return json.dumps(value)[1:-1]
        if variable.escape == "url":
            return quote(value, safe="")
        return value.replace("\r", " ").replace("\n", " ")

    def _value(self, name: str) -> str:
        if name in self.extracted:
            return self.extracted[name]
        set_name, _, column = name.partition(".")
        if column and set_name in self._data:
            return self._cell(self._data[set_name], column)
        return self._built_in(name)

    def _cell(self, data: DataSet, column: str) -> str:
        return data.rows[self._row(data)][data.columns.index(column)]

    def _row(self, data: DataSet) -> int:
        if data.order == "sequential":
            return self._number % len(data.rows)
        return _scrambled(self._seed, self._number) % len(data.rows)

    def _built_in(self, name: str) -> str:
        match name:
            case "index" | "journey":
                return str(self._number)
            case "user":
                return str(self._user)
            case "uuid":
                return str(uuid4())
            case "now":
                return datetime.now(UTC).isoformat(timespec="milliseconds")
        raise MissingValueError(name)


def _scrambled(seed: int, number: int) -> int:
    """A well-mixed 64-bit number (splitmix64's finaliser), so that rows need no shared state."""
    mixed = (seed * 0x9E3779B97F4A7C15 + (number + 1) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)
