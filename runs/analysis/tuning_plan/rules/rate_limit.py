"""The service refuses what goes beyond a rate."""

from collections.abc import Iterator
from typing import Final

from runs.analysis import wording
from runs.analysis.saturation import Saturation
from runs.analysis.tuning_plan.proposal import Proposal
from runs.analysis.tuning_plan.situation import (
    Situation,
    capacity_criterion,
    gain,
    impact_of,
    saturation_evidence,
)

NAME: Final = "rate_limit"
REASONING: Final = (
    "Speaks where a scenario saturates by refusals at a steady rate. The limit is the capacity "
    "then, whatever the service behind it could do."
)
RAISED: Final = 1.5
_WHOSE: Final = {
    "per_identity": "for each identity",
    "global": "for everybody together",
    "unknown": "",
}


def propose(situation: Situation) -> Iterator[Proposal]:
    for scenario, point in situation.reached:
        if point.cause == "rate_limit":
            yield _proposal(scenario, point)


def _proposal(scenario: str, point: Saturation) -> Proposal:
    whose = _WHOSE[point.scope]
    limit = wording.per_second(point.capacity_rps or point.capacity_jps)
    return Proposal(
        key=f"{NAME}/{scenario}",
        rule=NAME,
        title=f"Raise the rate limit of {wording.name(scenario)} by half, or agree that it stays",
        reasoning=(
            f"The service refuses {wording.name(scenario)} beyond {limit}"
            f"{f' {whose}' if whose else ''}, on purpose. Whoever needs more needs another plan or "
            "another limit; look first whether what stands behind the limit has room."
        ),
        kind="quick_win",
        area="rate_limit",
        impact=impact_of(point) if point.headroom else "medium",
        effort="low",
        risk="medium",
        expected_gain=gain(scenario, RAISED),
        gain_reasoning="A limit lets through what it is set to, until something behind it is full.",
        evidence=(saturation_evidence(point),),
        criteria=(capacity_criterion(scenario, RAISED),),
        scenarios=(scenario,),
        strength=1.0,
    )
