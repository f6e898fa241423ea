"""Abort rules: `STATISTIC(SCENARIO/STEP) > LIMIT for DURATION`, read by the criteria's grammar."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, get_args

from loadrunner.campaign.found import did_you_mean, one_of
from loadrunner.campaign.model import AbortRule, AbortStatistic, Scenario
from loadrunner.campaign.quantities import duration_s
from loadrunner.campaign.reading import Reading
from runs.analysis.criteria import parse
from runs.analysis.criteria.expression import Absolute, Atom, Name
from runs.analysis.errors import CriterionError

EXAMPLE: Final = "error_rate(*) > 50% for 10s"
STATISTICS: Final = get_args(AbortStatistic)
SHORTEST_S: Final = 1.0
LONGEST_S: Final = 600.0
_STATISTIC: Final = re.compile(r"\s*([\w.]+)\s*\(")
_RULE: Final = re.compile(r"(?P<condition>.*\S)\s+for\s+(?P<window>.*\S)\s*", re.DOTALL)


def abort_rules(
    texts: Sequence[str], scenarios: Sequence[Scenario], reading: Reading
) -> tuple[AbortRule, ...]:
    """The rules; one that cannot be read, or that names nothing, is a problem at its line."""
    rules = []
    for index, text in enumerate(texts):
        try:
            rules.append(_rule(text, scenarios))
        except ValueError as error:
            reading.problems.add(("abort", index), f"found '{_printable(text)}', {error}")
    return tuple(rules)


def of_those(rules: Iterable[AbortRule], scenarios: Iterable[Scenario]) -> tuple[AbortRule, ...]:
    """The rules as far as they are about these scenarios; those about others alone are gone."""
    names = {one.name for one in scenarios}
    kept = (
        replace(rule, steps=tuple(step for step in rule.steps if step[0] in names))
        for rule in rules
    )
    return tuple(rule for rule in kept if rule.steps)


def _rule(text: str, scenarios: Sequence[Scenario]) -> AbortRule:
    match = _RULE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"a rule without 'for DURATION'; allowed: such as {EXAMPLE}")
    atom = _atom(match["condition"])
    assert isinstance(atom.limit, Absolute)
    return AbortRule(
        text=text.strip(),
        statistic=next(name for name in STATISTICS if name == atom.statistic.name),
        steps=_steps(atom, scenarios),
        limit=atom.limit.canonical(atom.statistic),
        window_s=_window_s(match["window"]),
        or_equal=atom.operator == ">=",
    )


def _atom(condition: str) -> Atom:
    named = _STATISTIC.match(condition)
    if named is not None and named[1] not in STATISTICS:
        raise ValueError(f"the statistic {named[1]}; allowed: {one_of(STATISTICS)}")
    try:
        atom = parse(condition).expression
    except CriterionError as error:
        # What a criterion may hold besides, a limit relative to a baseline, has no place here.
        message = error.message.partition(", or relative:")[0].rstrip(".")
        raise ValueError(
            f"in column {error.column}: {message}; allowed: such as {EXAMPLE}"
        ) from error
    if not isinstance(atom, Atom):
        raise ValueError(f"several conditions; allowed: one a rule, such as {EXAMPLE}")
    if atom.statistic.name not in STATISTICS:
        raise ValueError(f"the statistic {atom.statistic.name}; allowed: {one_of(STATISTICS)}")
    if atom.operator not in (">", ">="):
        raise ValueError(f"the operator {atom.operator}; allowed: > and >=")
    if not isinstance(atom.limit, Absolute):
        raise ValueError("a limit relative to a baseline; allowed: a share or a time of its own")
    if atom.selector.phase is not None:
        raise ValueError(f"the phase {atom.selector.phase}; allowed: no phase, a rule always holds")
    return atom


def _window_s(text: str) -> float:
    seconds = duration_s(text)
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ValueError(f"for {text}; allowed: from {SHORTEST_S:g}s to {LONGEST_S / 60:g}m")
    return seconds


def _steps(atom: Atom, scenarios: Sequence[Scenario]) -> tuple[tuple[str, str], ...]:
    """Every step that the rule is about."""
    name, step = atom.selector.name, atom.selector.step
    named = [one for one in scenarios if name.is_any or one.name == name.text]
    if not named:
        raise _unknown("scenario", name, [one.name for one in scenarios])
    has = [(one.name, each.name) for one in named for each in one.steps]
    if step is None or step.is_any:
        return tuple(has)
    found = tuple(pair for pair in has if pair[1] == step.text)
    if not found:
        raise _unknown("step", step, [each for _, each in has])
    return found


def _unknown(what: str, name: Name, allowed: Sequence[str]) -> ValueError:
    near = did_you_mean(name.text, allowed)
    return ValueError(
        f"the {what} '{name.text}', which is not there; allowed: {one_of(allowed)}{near}"
    )


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)
