"""Whether a figure of two runs was measured under the same load."""

from typing import Final

from runs.analysis import wording
from runs.analysis.criteria.catalogue import Cell
from runs.analysis.criteria.measurement import Measures
from runs.analysis.plan import Phase

SAME_LOAD: Final = 0.03  # loads that differ by more are not compared


def why_not(run: Measures, before: Measures, cell: Cell) -> str:
    """Why the two runs' figures of a cell cannot be held against each other; empty if they can."""
    mine, other = (_phase(one, cell) for one in (run, before))
    if mine is None or other is None:
        return ""
    if mine.model != other.model:
        return (
            f"{cell.phase} has an {mine.model} load here and an {other.model} one in the baseline:"
            " they are never compared"
        )
    if mine.model == "closed":
        crowds = [wording.users(one.users, one.users_from, one.users_to) for one in (mine, other)]
        if crowds[0] == crowds[1]:
            return ""
        return f"{cell.phase} has {crowds[0]} here and {crowds[1]} in the baseline"
    loads = [one.mean_rate_jps for one in (mine, other)]
    if None in loads:
        loads = [one.offered_rate(cell) for one in (run, before)]
    here, there = loads
    if here is None or there is None or abs(here - there) <= SAME_LOAD * max(here, there):
        return ""
    return (
        f"{cell.phase} is loaded with {wording.per_second(here)} here and with"
        f" {wording.per_second(there)} in the baseline"
    )


def _phase(figures: Measures, cell: Cell) -> Phase | None:
    mine = figures.plan.phases_of(cell.scenario)
    return next((phase for phase in mine if phase.phase == cell.phase), None)
