"""The grammar of criteria, read by recursive descent.

criterion  = or [ "by" ("point" | "interval") ]
or         = and { "or" and }
and        = not { "and" not }
not        = "not" not | "(" or ")" | atom
atom       = STATISTIC "(" selector ")" OP limit
selector   = name [ "/" name ] [ "@" name ]
limit      = number [ unit ] | number "*" "baseline" | "baseline" [ ("+" | "-") number "%" ]
name       = "*" | letters, digits, "_", "-", ".", ":" | '"' anything '"'
"""

import difflib
import math
import re
from collections.abc import Iterable
from typing import Final, NoReturn

from runs.analysis.criteria.expression import (
    BARE_NAME,
    Absolute,
    And,
    Atom,
    By,
    Criterion,
    Expression,
    Name,
    Not,
    Operator,
    Or,
    Relative,
    Selector,
)
from runs.analysis.criteria.statistic import (
    PERCENTILES,
    STATISTICS,
    TIMES,
    UNITS,
    Statistic,
)
from runs.analysis.errors import CriterionError

EXAMPLE: Final = "p95(chat/send_message@plateau) < 300ms"
DEEPEST: Final = 40
_NUMBER: Final = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z_][\w.]*")
_OPERATORS: Final[tuple[Operator, ...]] = ("<=", ">=", "==", "<", ">")
_UNIT: Final = re.compile(r"%|/?[A-Za-zµ]+")


def parse(text: str) -> Criterion:
    """Read one criterion. A CriterionError points at the column and says what is allowed."""
    return _Reader(text).criterion()


def near_miss(found: str, allowed: Iterable[str]) -> str:
    """' Did you mean …?' where one of the allowed is close, else nothing."""
    close = difflib.get_close_matches(found, list(allowed), n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


class _Reader:
    """The text and how far it has been read; each method reads one rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def criterion(self) -> Criterion:
        self._space()
        if self.at == len(self.text):
            self._fail(f"it is empty. Write one such as {EXAMPLE}.")
        expression = self._or()
        by = self._by()
        if self.at < len(self.text):
            self._unexpected("Here the criterion may end or go on with and, or, by.", _JOINS)
        return Criterion(expression, by, self.text)

    def _by(self) -> By | None:
        if not self._keyword("by"):
            return None
        if self._keyword("point"):
            return "point"
        if self._keyword("interval"):
            return "interval"
        return self._unexpected("After by stands point or interval.", ("point", "interval"))

    def _or(self) -> Expression:
        operands = [self._and()]
        while self._keyword("or"):
            operands.append(self._and())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _and(self) -> Expression:
        operands = [self._not()]
        while self._keyword("and"):
            operands.append(self._not())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _not(self) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            self._fail(f"it is nested more than {DEEPEST} deep. Split it into several criteria.")
        expression = self._operand()
        self.depth -= 1
        return expression

    def _operand(self) -> Expression:
        if self._keyword("not"):
            return Not(self._not())
        if not self._symbol("("):
            return self._atom()
        expression = self._or()
        if not self._symbol(")"):
            self._unexpected("A ) is missing.", (")", *_JOINS))
        return expression

    def _atom(self) -> Atom:
        column = self.at + 1
        statistic = self._statistic()
        if not self._symbol("("):
            self._unexpected(f"After {statistic.name} stands what it is of: {_usage(statistic)}.")
        selector = self._selector(statistic)
        if not self._symbol(")"):
            self._unexpected(f"A ) is missing after {statistic.name}({selector}.")
        operator = self._operator()
        return Atom(statistic, selector, operator, self._limit(statistic), column)

    def _statistic(self) -> Statistic:
        match = _WORD.match(self.text, self.at)
        if match and match[0] in STATISTICS:
            self._advance(match.end())
            return STATISTICS[match[0]]
        return self._unexpected(
            f"A criterion starts with a statistic: {_statistics()}.", STATISTICS
        )

    def _selector(self, statistic: Statistic) -> Selector:
        name = self._name("a metric of a probe" if statistic.kind == "probe" else "a scenario")
        if name.is_any and statistic.kind == "probe":
            self._fail(f"{statistic.name} takes the name of one metric, not *.", name.column)
        step = self._name("a step") if self._part("/", statistic) else None
        phase = self._name("a phase") if self._part("@", statistic) else None
        if phase and phase.is_any:
            self._fail("a phase is one name, not *.", phase.column)
        return Selector(name, step, phase)

    def _part(self, sign: str, statistic: Statistic) -> bool:
        column = self.at + 1
        if not self._symbol(sign):
            return False
        if statistic.takes_scenario_only or (sign == "/" and statistic.kind == "probe"):
            self._fail(f"{statistic.name} is written {_usage(statistic)}.", column)
        return True

    def _name(self, what: str) -> Name:
        column = self.at + 1
        if self._symbol("*"):
            return Name("*", is_any=True, column=column)
        if self.text.startswith('"', self.at):
            return Name(self._quoted(), column=column)
        match = BARE_NAME.match(self.text, self.at)
        if match is None:
            return self._unexpected(
                f'Here stands the name of {what}; put it in "…" if it has other signs than'
                " letters, digits and _ - . :"
            )
        self._advance(match.end())
        return Name(match[0], column=column)

    def _quoted(self) -> str:
        letters: list[str] = []
        at = self.at + 1
        while at < len(self.text) and self.text[at] != '"':
            at += 1 if self.text[at] == "\\" else 0
            letters.append(self.text[at : at + 1])
            at += 1
        if at >= len(self.text):
            self._fail('the name that begins here has no closing ".')
        if not letters:
            self._fail("the name is empty.")
        self._advance(at + 1)
        return "".join(letters)

    def _operator(self) -> Operator:
        for operator in _OPERATORS:
            if self._symbol(operator):
                return operator
        return self._unexpected("Here stands one of < <= > >= ==.")

    def _limit(self, statistic: Statistic) -> Absolute | Relative:
        if self._keyword("baseline"):
            return self._after_baseline()
        column = self.at + 1
        amount = self._number(f"Here stands the limit: {_limits(statistic)}.")
        if self._symbol("*"):
            if not self._keyword("baseline"):
                self._unexpected("After * stands baseline.", ("baseline",))
            return Relative("*", amount)
        return self._absolute(amount, statistic, column)

    def _after_baseline(self) -> Relative:
        if self._symbol("*"):
            return Relative("*", self._number("Here stands a factor, as in baseline * 0.8."))
        column = self.at + 1
        if self._symbol("+"):
            limit = Relative("+", self._number("Here stands a share, as in baseline + 20%."))
        elif self._symbol("-"):
            limit = Relative("-", self._number("Here stands a share, as in baseline - 20%."))
        else:
            return Relative("*", 1.0)
        if not self._symbol("%"):
            self._unexpected(f"What is added to the baseline is in %: {limit}.")
        if limit.factor < 0:
            self._fail("the baseline less more than 100% is below nothing.", column)
        return limit

    def _absolute(self, amount: float, statistic: Statistic, column: int) -> Absolute:
        match = _UNIT.match(self.text, self.at)
        unit = match[0] if match and match[0] not in _JOINS else ""
        allowed = UNITS[statistic.measure]
        if unit not in allowed and not (amount == 0 and not unit):
            shown = f"{amount:g}{unit}" if unit else f"{amount:g} without a unit"
            at = self.at + 1 if unit else column
            self._fail(f"found {shown}. The limit of {statistic.name} is {_limits(statistic)}.", at)
        self._advance(self.at + len(unit))
        return Absolute(amount, unit)

    def _number(self, expected: str) -> float:
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            return self._unexpected(expected, ("baseline",))
        amount = float(match[0])
        if not math.isfinite(amount):
            self._fail(f"the number {match[0][:20]} is too large.")
        self._advance(match.end())
        return amount

    def _keyword(self, word: str) -> bool:
        match = _WORD.match(self.text, self.at)
        if match is None or match[0] != word:
            return False
        self._advance(match.end())
        return True

    def _symbol(self, symbol: str) -> bool:
        if not self.text.startswith(symbol, self.at):
            return False
        self._advance(self.at + len(symbol))
        return True

    def _advance(self, at: int) -> None:
        self.at = at
        self._space()

    def _space(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _unexpected(self, expected: str, allowed: Iterable[str] = ()) -> NoReturn:
        if self.at == len(self.text):
            self._fail(f"the criterion ends too early. {expected}")
        match = _WORD.match(self.text, self.at)
        found = match[0] if match else self.text[self.at]
        self._fail(f"found '{found}'. {expected}{near_miss(found, allowed)}")

    def _fail(self, message: str, column: int | None = None) -> NoReturn:
        raise CriterionError(self.text, column or self.at + 1, message)


_JOINS: Final = ("and", "or", "by")


def _statistics() -> str:
    """All of them in a line that can be read."""
    others = [name for name, one in STATISTICS.items() if one.kind != "percentile"]
    prefixes = ", ".join(f"{time}_" for time in TIMES[1:])
    return f"{', '.join(PERCENTILES)} (also after {prefixes}), {', '.join(others)}"


def _usage(statistic: Statistic) -> str:
    if statistic.kind == "saturation":
        return f"{statistic.name}(SCENARIO)"
    if statistic.kind == "probe":
        return f"{statistic.name}(METRIC) or {statistic.name}(METRIC@PHASE)"
    return f"{statistic.name}(SCENARIO/STEP@PHASE), with * for any scenario or step"


_ABSOLUTE: Final = {
    "time": "a time with ms or s (300ms, 1.5s)",
    "share": "a share with % (1%)",
    "rate": "a rate with /s (25/s)",
    "number": "a number without a unit (10)",
}


def _limits(statistic: Statistic) -> str:
    absolute = _ABSOLUTE[statistic.measure]
    return f"{absolute}, or relative: baseline, 0.8 * baseline, baseline + 20%, baseline - 20%"
