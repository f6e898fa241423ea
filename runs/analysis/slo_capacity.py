"""The highest load at which a scenario still met the campaign's criteria.

A criterion speaks of one phase, mostly the plateau; asked of every phase with a constant load, it
says up to which load the service is good enough, which is often less than what it sustains.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from runs.analysis.criteria import CriterionError, Figures, parse
from runs.analysis.criteria.expression import (
    And,
    Atom,
    Criterion,
    Expression,
    Name,
    Not,
    Or,
    Relative,
)
from runs.analysis.criteria.judge import Bench
from runs.analysis.run_data import RunData
from runs.analysis.saturation import Saturation

# What a single phase shows of the service, whatever the load on it.
_OF_A_PHASE: Final = ("percentile", "mean", "max", "share")
Loads = Mapping[str, Mapping[str, float]]


def added(points: Iterable[Saturation], loads: Loads, data: RunData) -> tuple[Saturation, ...]:
    """The points with `slo_capacity_jps`, null where no criterion says what is good enough.

    `loads` are the journeys/s of each scenario's phases that kept up with a constant load.
    """
    wanted = _readable(data.plan.criteria)
    if not wanted:
        return tuple(points)
    bench = Bench(Figures(data, ()), None, "point")
    return tuple(
        point
        if point.scenario is None
        else replace(
            point,
            slo_capacity_jps=_highest(
                bench, _of(point.scenario, wanted), point.scenario, loads.get(point.scenario, {})
            ),
        )
        for point in points
    )


def _highest(
    bench: Bench, wanted: Sequence[Expression], scenario: str, loads: Mapping[str, float]
) -> float | None:
    if not wanted:
        return None
    falling = sorted(loads.items(), key=lambda one: one[1], reverse=True)
    return next((load for phase, load in falling if _is_met(bench, wanted, scenario, phase)), None)


def _is_met(bench: Bench, wanted: Sequence[Expression], scenario: str, phase: str) -> bool:
    asked = (Criterion(_moved(one, scenario, phase)) for one in wanted)
    return all(bench.judge(one).verdict == "pass" for one in asked)


def _readable(texts: Iterable[str]) -> list[Expression]:
    """The parts that must hold all, of the criteria that can be read."""
    found: list[Expression] = []
    for text in texts:
        try:
            expression = parse(text).expression
        except CriterionError:
            continue
        found += expression.operands if isinstance(expression, And) else (expression,)
    return found


def _of(scenario: str, wanted: Iterable[Expression]) -> list[Expression]:
    """Those that speak of this scenario and of nothing else."""

    def concerns(atom: Atom) -> bool:
        name = atom.selector.name
        is_of_a_phase = atom.statistic.kind in _OF_A_PHASE
        is_own = name.is_any or name.text == scenario
        return is_own and is_of_a_phase and not isinstance(atom.limit, Relative)

    return [one for one in wanted if all(concerns(atom) for atom in Criterion(one).atoms)]


def _moved(expression: Expression, scenario: str, phase: str) -> Expression:
    """The same asked of one scenario in another phase."""
    if isinstance(expression, Atom):
        selector = replace(expression.selector, name=Name(scenario), phase=Name(phase))
        return replace(expression, selector=selector)
    if isinstance(expression, Not):
        return Not(_moved(expression.operand, scenario, phase))
    operands = tuple(_moved(one, scenario, phase) for one in expression.operands)
    return Or(operands) if isinstance(expression, Or) else And(operands)
