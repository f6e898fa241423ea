"""A criterion once it is read: atoms joined by `and`, `or`, `not`.

Two criteria are equal when they say the same, whatever their spacing; `str` gives a text that
reads back as an equal criterion.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from runs.analysis.criteria.statistic import UNITS, Statistic

By = Literal["point", "interval"]
Operator = Literal["<", "<=", ">", ">=", "=="]

BARE_NAME = re.compile(r"[\w.:\-]+")


@dataclass(frozen=True)
class Name:
    """A scenario, step, phase or metric as written; `is_any` for `*`. Columns are 1-based."""

    text: str
    is_any: bool = False
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        if self.is_any or BARE_NAME.fullmatch(self.text):
            return self.text
        escaped = self.text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'


@dataclass(frozen=True)
class Selector:
    """What is looked at: SCENARIO/STEP@PHASE, or METRIC@PHASE of a probe (then `step` is None)."""

    name: Name
    step: Name | None = None
    phase: Name | None = None

    def __str__(self) -> str:
        step = f"/{self.step}" if self.step else ""
        phase = f"@{self.phase}" if self.phase else ""
        return f"{self.name}{step}{phase}"


@dataclass(frozen=True)
class Absolute:
    """A limit as written: the amount in its own unit."""

    amount: float
    unit: str

    def __str__(self) -> str:
        return f"{_number(self.amount)}{self.unit}"

    def canonical(self, statistic: Statistic) -> float:
        """In ms, as a fraction, per second, or the bare number. A zero needs no unit."""
        return self.amount * UNITS[statistic.measure].get(self.unit, 1.0)


@dataclass(frozen=True)
class Relative:
    """A limit against the baseline: times the amount, or the amount in per cent more or less."""

    form: Literal["*", "+", "-"]
    amount: float

    def __str__(self) -> str:
        if self.form == "*":
            return "baseline" if self.amount == 1 else f"{_number(self.amount)} * baseline"
        return f"baseline {self.form} {_number(self.amount)}%"

    @property
    def factor(self) -> float:
        if self.form == "*":
            return self.amount
        return 1 + self.amount / 100 if self.form == "+" else 1 - self.amount / 100


@dataclass(frozen=True)
class Atom:
    """STATISTIC(SELECTOR) OP LIMIT."""

    statistic: Statistic
    selector: Selector
    operator: Operator
    limit: Absolute | Relative
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"{self.statistic.name}({self.selector}) {self.operator} {self.limit}"


@dataclass(frozen=True)
class Not:
    operand: "Expression"

    def __str__(self) -> str:
        return f"not {_operand(self.operand)}"


@dataclass(frozen=True)
class And:
    operands: tuple["Expression", ...]

    def __str__(self) -> str:
        return " and ".join(_operand(one) for one in self.operands)


@dataclass(frozen=True)
class Or:
    operands: tuple["Expression", ...]

    def __str__(self) -> str:
        return " or ".join(_operand(one) for one in self.operands)


Expression = Atom | Not | And | Or


@dataclass(frozen=True)
class Criterion:
    """One checkable sentence about a run. `by` is None where the text does not say it."""

    expression: Expression
    by: By | None = None
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        suffix = f" by {self.by}" if self.by else ""
        return f"{self.expression}{suffix}"

    @property
    def atoms(self) -> tuple[Atom, ...]:
        return tuple(_atoms(self.expression))

    @property
    def needs_baseline(self) -> bool:
        return any(isinstance(atom.limit, Relative) for atom in self.atoms)


def _atoms(expression: Expression) -> Iterator[Atom]:
    if isinstance(expression, Atom):
        yield expression
    elif isinstance(expression, Not):
        yield from _atoms(expression.operand)
    else:
        for operand in expression.operands:
            yield from _atoms(operand)


def _operand(expression: Expression) -> str:
    return f"({expression})" if isinstance(expression, And | Or) else str(expression)


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")
