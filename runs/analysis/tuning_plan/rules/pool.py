"""What the rules of pools share: a metric that stands at its ceiling while requests wait."""

from typing import Final

from runs.analysis import wording
from runs.analysis.tuning_plan.proposal import Area, Proposal
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

# Twice the pool is twice the work, less what the next limit takes.
DOUBLED: Final = 1.8


def proposal(
    situation: Situation, suspect: Suspect, rule: str, area: Area, pool: str, why_risky: str
) -> Proposal:
    """Raise the pool to twice its size."""
    ceiling = suspect.metric.ceiling or 0.0
    scenario, point = suspect.scenario, suspect.point
    size = f"from {wording.number(ceiling)} to {wording.number(2 * ceiling)}"
    return Proposal(
        # With its size: once it is doubled, the next doubling is another proposal.
        key=f"{rule}/{suspect.metric.name}/{ceiling:g}",
        rule=rule,
        title=f"Raise the {pool} {size}",
        reasoning=(
            f"{wording.who(scenario)} waits for the {pool}: {suspect.used} while the harm lasts, "
            f"and goodput stops rising at {wording.per_second(point.capacity_jps)}. {why_risky}"
        ),
        kind="quick_win",
        area=area,
        impact=impact_of(point) if suspect.rank == 0 else "medium",
        effort="low",
        risk="medium",
        expected_gain=gain(scenario, DOUBLED),
        gain_reasoning=(
            "What a full pool lets through grows with its size until something else is full; of "
            "the doubling, four fifths are counted."
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
