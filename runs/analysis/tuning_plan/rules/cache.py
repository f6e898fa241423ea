"""The hit rate of a cache falls with the load, and what misses goes to what is slower."""

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

NAME: Final = "cache"
REASONING: Final = (
    "Speaks where a scenario saturates and a metric of the area `cache` moves with the harm, such "
    "as a hit rate that falls. What goes past the cache is 1 less the hit rate, so a higher rate "
    "takes load off whatever stands behind it."
)
MOST: Final = 3.0
HIGHEST_RATE: Final = 0.97
LEAST: Final = 1.3


def propose(situation: Situation) -> Iterator[Proposal]:
    for suspect in situation.suspects("cache"):
        yield _proposal(situation, suspect)


def _proposal(situation: Situation, suspect: Suspect) -> Proposal:
    factor, why = _factor(suspect)
    scenario, point, name = suspect.scenario, suspect.point, suspect.metric.name
    feeds = f" It feeds {', '.join(suspect.metric.feeds)}." if suspect.metric.feeds else ""
    return Proposal(
        key=f"{NAME}/{name}",
        rule=NAME,
        title=f"Keep {wording.name(name)} up under load: more room or a longer life for the cache",
        reasoning=(
            f"{suspect.bottleneck.evidence}{feeds} What the cache does not answer, the slower "
            "store behind it must."
        ),
        kind="quick_win",
        area="cache",
        impact=impact_of(point) if suspect.rank == 0 else "medium",
        effort="low",
        risk="low",
        expected_gain=gain(scenario, factor),
        gain_reasoning=why,
        evidence=(saturation_evidence(point), bottleneck_evidence(suspect)),
        criteria=(
            capacity_criterion(scenario, factor),
            *latency_criteria(situation, scenario, point, factor),
        ),
        scenarios=(scenario,),
        rank=suspect.rank,
        strength=suspect.bottleneck.score,
    )


def _factor(suspect: Suspect) -> tuple[float, str]:
    """From the hit rate's mean back to its best of this run, where it is a share of 1."""
    during = suspect.readings.during if suspect.readings else None
    mean, best = (during.mean, during.max) if during else (None, None)
    is_rate = suspect.metric.better == "higher" and best is not None and best <= 1
    if not is_rate or mean is None or best is None or mean >= best:
        return LEAST, "The readings do not say how much; the least that is worth the work is asked."
    best = min(best, HIGHEST_RATE)
    factor = min(max((1 - mean) / (1 - best), LEAST), MOST)
    return factor, (
        f"At the best rate of this run, {wording.percent(best)}, {wording.percent(1 - best)} of "
        f"the requests go past the cache; on average it were {wording.percent(1 - mean)}. What "
        f"stands behind it can take {wording.number(factor)} times as many."
    )
