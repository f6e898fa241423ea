"""Criteria of actions before a run: judged as they are written, and as clearly as many looks ask.

A run is cut only once, however many actions and criteria it is held against.
"""

import logging
from dataclasses import asdict
from typing import Any

from runs import reports
from runs.analysis import criteria
from runs.analysis.criteria import Bench, By, CriterionError, Figures, Judgement
from runs.analysis.run_data import RunData
from runs.analysis.saturation import Saturation
from runs.models import Run

logger = logging.getLogger(__name__)
_GONE = "It can no longer be evaluated:"


class RunBench:
    """A run's figures, as criteria measure them."""

    def __init__(self, data: RunData, saturation: tuple[Saturation, ...]) -> None:
        self.figures = Figures(data, saturation)

    def judged(
        self, text: str, by: str, before: "RunBench | None" = None, widened: float | None = None
    ) -> dict[str, Any]:
        """An entry of a report's `criteria`, with `is_evaluable`: false where the criterion cannot
        be read or names what the run does not have."""
        way: By = "point" if by == "point" else "interval"
        try:
            criterion = criteria.parse(text)
            criteria.check(criterion, self.figures.catalogue)
        except CriterionError as error:
            return unjudged(text, way, f"{_GONE} {error}")
        baseline = before.figures if before is not None else None
        found = Bench(self.figures, baseline, way, widened).judge(criterion)
        return {**asdict(found), "is_evaluable": True}


def of(run: Run) -> RunBench | None:
    """A run that is ready; None where the store has lost its samples, which `manage.py doctor`
    reports."""
    try:
        return RunBench(reports.run_data(run), reports.load(run).saturation)
    except FileNotFoundError as error:
        logger.warning("run %s cannot be held against anything: %s", run.pk, error)
        return None


def unjudged(text: str, by: By, reason: str) -> dict[str, Any]:
    """A criterion that could not be evaluated at all."""
    lost = Judgement(text, by, "inconclusive", None, None, None, "", 0, reason)
    return {**asdict(lost), "is_evaluable": False}
