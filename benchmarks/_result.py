"""What a benchmark found: goals first, then tables, then the machine; as text or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks import _goal, _machine
from benchmarks._calm import Calm
from benchmarks._goal import Goal
from benchmarks._spread import Spread


@dataclass(frozen=True)
class Table:
    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        lines = [list(self.headings), *map(list, self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        shown = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
        rule = "  ".join("-" * width for width in widths)
        return "\n".join([self.title, *(line.rstrip() for line in (shown[0], rule, *shown[1:]))])


@dataclass
class Result:
    """`figures` are the raw ones by name, for the JSON; `calm` knows what others took of the
    machine meanwhile."""

    name: str
    calm: Calm
    goals: list[Goal] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)
    machine: dict[str, object] = field(default_factory=_machine.context)

    def show(self, *, as_json: bool) -> None:
        print(json.dumps(self._document(), indent=1) if as_json else self._text())

    def _text(self) -> str:
        goals = Table(f"== {self.name}", _goal.HEADINGS, [goal.row() for goal in self.goals])
        parts = [goals.text(), *(table.text() for table in self.tables)]
        parts += ["\n".join(self.notes)] if self.notes else []
        return "\n\n".join([*parts, self._where()])

    def _where(self) -> str:
        line = f"Machine: {_machine.describe(self.machine)}."
        if others := self.calm.others:
            line += f" Others took {min(others):.2f} to {max(others):.2f} of a core meanwhile"
            line += f" ({self.calm.repeated} measured again)." if self.calm.repeated else "."
        return line

    def _document(self) -> dict[str, object]:
        return {
            "benchmark": self.name,
            "machine": self.machine,
            "taken_by_others_cores": [round(one, 3) for one in self.calm.others],
            "goals": [goal.document() for goal in self.goals],
            "figures": {name: _plain(value) for name, value in self.figures.items()},
            "notes": self.notes,
        }


def _plain(value: object) -> object:
    return list(value.rounds) if isinstance(value, Spread) else value
