"""What had to be left out of a file: every row that is not taken is counted, with its reason."""

from dataclasses import dataclass, field

from runs.formats.segment import Notes


@dataclass
class _Entry:
    count: int = 0
    line: int = 0
    column: int = 0


@dataclass
class LeftOut:
    """Counts by reason, in the order in which they were met.

    A reason is a sentence's end, such as 'no readable duration'.
    """

    name: str
    _entries: dict[str, _Entry] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(entry.count for entry in self._entries.values())

    @property
    def first_place(self) -> tuple[int, int]:
        """Line and column of the first that was left out, zeros where none is known."""
        places = [(one.line, one.column) for one in self._entries.values() if one.line]
        return min(places, default=(0, 0))

    def reasons(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def add(self, reason: str, count: int = 1, line: int = 0, column: int = 0) -> None:
        """Count rows; `line` and `column` are those of the first, 0 where they are not known."""
        if not count:
            return
        entry = self._entries.setdefault(reason, _Entry())
        entry.count += count
        if not entry.line:
            entry.line, entry.column = line, column

    def notes(self) -> Notes:
        return tuple(self._note(reason, entry) for reason, entry in self._entries.items())

    def _note(self, reason: str, entry: _Entry) -> str:
        rows = "1 row" if entry.count == 1 else f"{entry.count:,} rows"
        where = f"; the first is line {entry.line:,}" if entry.line else ""
        return f"{self.name}: {rows} left out: {reason}{where}."
