"""The database moves with the harm, and no pool of it is full."""

from collections.abc import Iterator
from typing import Final

from runs.analysis import wording
from runs.analysis.tuning_plan.proposal import Proposal
from runs.analysis.tuning_plan.situation import (
    Situation,
    Suspect,
    bottleneck_evidence,
    capacity_criterion,
    gain,
    impact_of,
    saturation_evidence,
)

NAME: Final = "database_work"
REASONING: Final = (
    "Speaks where a scenario saturates and a metric of the area `database` moves with the harm "
    "without standing at a ceiling: the database's own work, not the number of connections, is "
    "what takes the time."
)
SHORTENED: Final = 1.3


def propose(situation: Situation) -> Iterator[Proposal]:
    for suspect in situation.suspects("database"):
        if not suspect.is_at_ceiling:
            yield _proposal(suspect)


def _proposal(suspect: Suspect) -> Proposal:
    scenario, point = suspect.scenario, suspect.point
    return Proposal(
        key=f"{NAME}/{suspect.metric.name}/{scenario}",
        rule=NAME,
        title=f"Shorten what {wording.name(scenario)} asks of the database",
        reasoning=(
            f"{suspect.bottleneck.evidence} Look at the plans of its slowest queries under this "
            "load: an index, fewer rows, or one query in place of many."
        ),
        kind="structural",
        area="database",
        impact=impact_of(point) if suspect.rank == 0 else "medium",
        effort="high",
        risk="medium",
        expected_gain=gain(scenario, SHORTENED),
        gain_reasoning=(
            "The readings do not say how much can be saved; the least that is worth the work is "
            "asked."
        ),
        evidence=(saturation_evidence(point), bottleneck_evidence(suspect)),
        criteria=(capacity_criterion(scenario, SHORTENED),),
        scenarios=(scenario,),
        rank=suspect.rank,
        strength=suspect.bottleneck.score,
    )
