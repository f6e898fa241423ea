"""The service's processor is full."""

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
    latency_criteria,
    saturation_evidence,
)

NAME: Final = "cpu"
REASONING: Final = (
    "Speaks where a scenario saturates and a metric of the area `cpu` moves with the harm: work "
    "waits for the processor, and no pool helps."
)
DOUBLED: Final = 1.8


def propose(situation: Situation) -> Iterator[Proposal]:
    for suspect in situation.suspects("cpu"):
        yield _proposal(situation, suspect)


def _proposal(situation: Situation, suspect: Suspect) -> Proposal:
    scenario, point = suspect.scenario, suspect.point
    return Proposal(
        key=f"{NAME}/{suspect.metric.name}",
        rule=NAME,
        title=f"Make {wording.name(scenario)} cheaper for the CPU, or give the service more of it",
        reasoning=(
            f"{suspect.bottleneck.evidence} Profile the service under this load first: what the "
            "profile shows at the top is what to make cheaper; another worker on another core is "
            "the same gain without a change of code."
        ),
        kind="structural",
        area="cpu",
        impact=impact_of(point) if suspect.rank == 0 else "medium",
        effort="medium",
        risk="low",
        expected_gain=gain(scenario, DOUBLED),
        gain_reasoning=(
            "Half the work a request, or twice the cores, is twice the capacity; four fifths of it "
            "are counted."
        ),
        evidence=(saturation_evidence(point), bottleneck_evidence(suspect)),
        criteria=(
            capacity_criterion(scenario, DOUBLED),
            *latency_criteria(situation, scenario, point, DOUBLED),
        ),
        scenarios=(scenario,),
        rank=suspect.rank,
        strength=suspect.bottleneck.score,
    )
