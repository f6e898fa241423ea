"""The service does less the more it is given."""

from collections.abc import Iterator
from typing import Final

from runs.analysis import wording
from runs.analysis.saturation import Saturation
from runs.analysis.series import Series
from runs.analysis.tuning_plan.proposal import Evidence, Proposal
from runs.analysis.tuning_plan.situation import (
    Situation,
    impact_of,
    quoted,
    saturation_evidence,
)

NAME: Final = "contention"
REASONING: Final = (
    "Speaks where goodput falls by a tenth or more beyond the saturation point: work that nobody "
    "gets an answer for crowds out the rest. A limit on what is let in keeps the capacity."
)
LEAST_LOST: Final = 0.10
KEPT: Final = 0.9  # of the capacity, beyond the saturation point


def propose(situation: Situation) -> Iterator[Proposal]:
    for scenario, point in situation.reached:
        if point.cause in ("rate_limit", "quota") or not point.capacity_rps:
            continue
        rows = situation.cells(scenario)
        if len({row.step for row in rows}) != 1:
            continue
        worst = max(rows, key=lambda row: row.offered_rps or 0.0, default=None)
        if worst is not None and _lost(worst, point.capacity_rps) >= LEAST_LOST:
            yield _proposal(scenario, point, worst, point.capacity_rps)


def _lost(row: Series, capacity_rps: float) -> float:
    """The share of the capacity that is gone in the row; 0 where it is not beyond."""
    if (row.offered_rps or 0.0) <= 1.1 * capacity_rps or row.goodput_rps is None:
        return 0.0
    return 1 - row.goodput_rps / capacity_rps


def _proposal(scenario: str, point: Saturation, worst: Series, capacity: float) -> Proposal:
    goodput = worst.goodput_rps or 0.0
    where = f"{quoted(scenario)}/{quoted(str(worst.step))}@{quoted(str(worst.phase))}"
    change = f" +{(KEPT * capacity / goodput - 1) * 100:.0f} %" if goodput else ""
    lost = wording.percent(round(_lost(worst, capacity), 2))
    found = (
        f"{worst.phase} is offered {wording.per_second(worst.offered_rps)} and gives "
        f"{wording.per_second(goodput)}, {lost} less than the capacity of "
        f"{wording.per_second(capacity)}."
    )
    return Proposal(
        key=f"{NAME}/{scenario}",
        rule=NAME,
        title=f"Let in no more {wording.name(scenario)} requests at a time than can be served",
        reasoning=(
            f"{found} Refuse early, with 503 and Retry-After, what would wait longer than callers "
            "do: what is let in then gets its answer."
        ),
        kind="structural",
        area="other",
        impact="high" if impact_of(point) == "high" else "medium",
        effort="medium",
        risk="medium",
        expected_gain=f"goodput of {where}{change}" if change else "",
        gain_reasoning=f"{wording.percent(KEPT)} of the capacity that the run itself showed.",
        evidence=(saturation_evidence(point), Evidence("figures", scenario, found)),
        criteria=(f"goodput({where}) >= {KEPT * capacity:.3g}/s",),
        scenarios=(scenario,),
        rank=1,
        strength=_lost(worst, capacity),
    )
