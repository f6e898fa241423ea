"""A criterion as a sentence, for those who do not write its grammar."""

from typing import Final

from runs.analysis import wording
from runs.analysis.criteria.expression import (
    Absolute,
    And,
    Atom,
    Criterion,
    Expression,
    Not,
    Or,
    Relative,
    Selector,
)
from runs.analysis.criteria.statistic import Statistic

_OPERATORS: Final = {
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
    "==": "is exactly",
}
_NAMES: Final = {
    "throughput": "the answers per second",
    "goodput": "the expected answers per second",
    "error_rate": "the share of errors",
    "refusal_rate": "the share of refusals",
    "rate_4xx": "the share of unexpected 4xx answers",
    "rate_5xx": "the share of unexpected 5xx answers",
    "drop_rate": "the share of requests that were never sent",
    "retry_rate": "the retries per request",
    "count": "the number of requests",
    "capacity": "the capacity",
    "headroom": "the headroom",
    "mean": "the mean response time of expected answers",
    "max": "the longest response time of expected answers",
    "probe_max": "the highest reading",
    "probe_mean": "the mean reading",
}
_TIMES: Final = {
    "response": "response time",
    "ok": "response time of expected answers",
    "service": "service time of expected answers",
    "all": "response time of every answer",
    "first_token": "time to the first token",
}


def sentence(criterion: Criterion) -> str:
    """'The p95 response time of billing/usage in plateau is below 300 ms.'"""
    said = _said(criterion.expression)
    return f"{said[:1].upper()}{said[1:]}."


def _said(expression: Expression) -> str:
    if isinstance(expression, Atom):
        return _atom(expression)
    if isinstance(expression, Not):
        return f"it is not so that {_said(expression.operand)}"
    joiner = " and " if isinstance(expression, And) else " or "
    return joiner.join(_inner(one) for one in expression.operands)


def _inner(expression: Expression) -> str:
    said = _said(expression)
    return f"({said})" if isinstance(expression, And | Or) else said


def _atom(atom: Atom) -> str:
    what = f"{_statistic(atom.statistic)} of {_selector(atom.selector)}"
    return f"{what} {_OPERATORS[atom.operator]} {_limit(atom)}"


def _statistic(statistic: Statistic) -> str:
    if statistic.kind == "percentile":
        return f"the {statistic.name.rpartition('_')[2]} {_TIMES[statistic.time]}"
    return _NAMES[statistic.name]


def _selector(selector: Selector) -> str:
    step = f"/{selector.step.text}" if selector.step else ""
    name = "each scenario" if selector.name.is_any else f"{selector.name.text}{step}"
    return f"{name} in {selector.phase.text}" if selector.phase else name


def _limit(atom: Atom) -> str:
    limit = atom.limit
    if isinstance(limit, Absolute):
        return wording.measured(limit.amount, limit.unit)
    return _relative(limit)


def _relative(limit: Relative) -> str:
    if limit.form == "*":
        return "the baseline's" if limit.amount == 1 else f"{limit.amount:g} times the baseline's"
    more = "more" if limit.form == "+" else "less"
    return f"{limit.amount:g} % {more} than the baseline's"
