"""The service allows a number of requests in each window of time."""

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

NAME: Final = "quota"
REASONING: Final = (
    "Speaks where refusals begin after a number of requests, whatever their rate: a quota is used "
    "up, and stays so until its window ends."
)
RAISED: Final = 1.5


def propose(situation: Situation) -> Iterator[Proposal]:
    for scenario, point in situation.reached:
        if point.cause == "quota":
            yield _proposal(scenario, point)


def _proposal(scenario: str, point: Saturation) -> Proposal:
    size = _size(point)
    return Proposal(
        key=f"{NAME}/{scenario}",
        rule=NAME,
        title=f"Raise the quota of {wording.name(scenario)} by half, or spread its use",
        reasoning=(
            f"{wording.who(scenario)} is refused once its quota{size} is used up. A larger quota, "
            "or one that refills as it goes, lets the same callers through."
        ),
        kind="quick_win",
        area="rate_limit",
        impact=impact_of(point) if point.headroom else "medium",
        effort="low",
        risk="medium",
        expected_gain=gain(scenario, RAISED),
        gain_reasoning="A quota lets through what it is set to, until something behind it is full.",
        evidence=(saturation_evidence(point),),
        criteria=(capacity_criterion(scenario, RAISED),) if point.capacity_jps else (),
        scenarios=(scenario,),
        strength=1.0,
    )


def _size(point: Saturation) -> str:
    quota = point.quota
    if quota is None or quota.requests is None:
        return ""
    window = f" in {wording.duration(quota.window_s)}" if quota.window_s else ""
    return f" of {wording.plural(quota.requests, 'request')}{window}"
