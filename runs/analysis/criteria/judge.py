"""Does a run satisfy a criterion: by the point or by the whole interval, in three-valued logic.

An atom that names several series holds when it holds for each; the worst one speaks for it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from runs.analysis.criteria import comparability
from runs.analysis.criteria.catalogue import (
    Cell,
    cells_of,
    check,
    metric_phase,
    scenarios_of,
)
from runs.analysis.criteria.expression import (
    And,
    Atom,
    By,
    Criterion,
    Expression,
    Not,
    Relative,
)
from runs.analysis.criteria.grammar import parse
from runs.analysis.criteria.judgement import Judgement
from runs.analysis.criteria.measurement import Figures, Measurement, Measures
from runs.analysis.criteria.trial import Outcome, Trial
from runs.analysis.errors import CriterionError
from runs.analysis.estimate import Estimate
from runs.analysis.run_data import RunData
from runs.analysis.saturation.result import Saturation

NOT_VALID: Final = "The run is not valid, so that its criteria are not judged."


def judge(
    criterion: Criterion,
    data: RunData,
    saturation: tuple[Saturation, ...] = (),
    baseline: RunData | None = None,
    baseline_saturation: tuple[Saturation, ...] = (),
    by: By | None = None,
) -> Judgement:
    """Judge one criterion; what the text itself says (`by point`, `by interval`) goes before
    `by`, and by point is what holds where neither says anything.

    Whether the run may be believed is the caller's to know: see `unjudged`.
    """
    before = Figures(baseline, baseline_saturation) if baseline is not None else None
    return Bench(Figures(data, saturation), before, by).judge(criterion)


def evaluate(
    texts: Sequence[str],
    data: RunData,
    saturation: tuple[Saturation, ...] = (),
    baseline: RunData | None = None,
    baseline_saturation: tuple[Saturation, ...] = (),
    by: By | None = None,
) -> tuple[Judgement, ...]:
    """Judge many criteria. A text that cannot be read, or that names nothing in this run, is
    inconclusive and its reason points at the column."""
    before = Figures(baseline, baseline_saturation) if baseline is not None else None
    bench = Bench(Figures(data, saturation), before, by)
    return tuple(bench.judge_text(text) for text in texts)


def unjudged(judgement: Judgement) -> Judgement:
    """The judgement on a run that is not valid: what was measured stays, the verdict does not."""
    return replace(judgement, verdict="inconclusive", reason=NOT_VALID)


class Bench:
    """A run and its baseline, before which criteria come.

    With `widened`, every criterion is judged by intervals that are as many times wider: what
    still passes or fails is clear even to one who has looked many times.
    """

    def __init__(
        self, run: Measures, baseline: Measures | None, by: By | None, widened: float | None = None
    ) -> None:
        self.run = run
        self.baseline = baseline
        self.by = by
        self.widened = widened

    def judge_text(self, text: str) -> Judgement:
        try:
            criterion = parse(text)
        except CriterionError as error:
            return _unreadable(text, self.by or "point", error)
        return self.judge(criterion)

    def judge(self, criterion: Criterion) -> Judgement:
        text, by = criterion.text or str(criterion), criterion.by or self.by or "point"
        by = "interval" if self.widened else by
        try:
            check(criterion, self.run.catalogue)
        except CriterionError as error:
            return _unreadable(text, by, error)
        return replace(self._outcome(criterion.expression, text, by).judgement, text=text)

    def _outcome(self, expression: Expression, text: str, by: By) -> Outcome:
        if isinstance(expression, Atom):
            return self._atom(expression, text, by)
        if isinstance(expression, Not):
            return self._outcome(expression.operand, text, by).inverted
        outcomes = [self._outcome(one, text, by) for one in expression.operands]
        worst_first = sorted(outcomes, key=lambda one: one.badness)
        return worst_first[0] if isinstance(expression, And) else worst_first[-1]

    def _atom(self, atom: Atom, text: str, by: By) -> Outcome:
        pairs = self._pairs(atom, text)
        if not pairs:
            nothing = Estimate(None, None, None, 0, f"no samples of {atom.selector}")
            pairs = [(Measurement(str(atom.selector), nothing), None)]
        widened = self.widened or 1.0
        return min((Trial(atom, by, *pair, widened).outcome() for pair in pairs), key=_badness)

    def _pairs(self, atom: Atom, text: str) -> "list[tuple[Measurement, Measurement | None]]":
        """Each series that the atom names: what the run measured, and what the baseline did."""
        statistic, is_relative = atom.statistic, isinstance(atom.limit, Relative)
        before = self.baseline if is_relative else None
        if statistic.kind == "saturation":
            return [
                (
                    self.run.of_scenario(statistic, one),
                    _capacity_before(self.run, before, atom, one) if before else None,
                )
                for one in scenarios_of(atom, text, self.run.catalogue)
            ]
        if statistic.kind == "probe":
            phase = metric_phase(atom, text, self.run.catalogue)
            name = atom.selector.name.text
            return [
                (
                    self.run.of_metric(statistic, name, phase),
                    before.of_metric(statistic, name, phase) if before else None,
                )
            ]
        return [
            (
                self.run.of_cell(statistic, cell),
                _cell_before(self.run, before, atom, cell) if before else None,
            )
            for cell in cells_of(atom, text, self.run.catalogue)
        ]


def _badness(outcome: Outcome) -> tuple[int, float]:
    return outcome.badness


def _unreadable(text: str, by: By, error: CriterionError) -> Judgement:
    reason = f"Column {error.column}: {error.message}"
    return Judgement(text, by, "inconclusive", None, None, None, "", 0, reason)


def _cell_before(run: Measures, before: Measures, atom: Atom, cell: Cell) -> Measurement:
    """The baseline's figure of the same cell, unless the loads were not the same."""
    reason = comparability.why_not(run, before, cell)
    if reason:
        return Measurement(str(cell), Estimate(None, None, None, 0, reason))
    return before.of_cell(atom.statistic, cell)


def _capacity_before(run: Measures, before: Measures, atom: Atom, scenario: str) -> Measurement:
    models = [{phase.model for phase in one.plan.phases_of(scenario)} for one in (run, before)]
    if models[0] and models[1] and models[0] != models[1]:
        reason = "one run has an open load and the other a closed one: they are never compared"
        return Measurement(scenario, Estimate(None, None, None, 0, reason))
    return before.of_scenario(atom.statistic, scenario)
