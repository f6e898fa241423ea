"""The service fails below its limit."""

from collections.abc import Iterator
from typing import Final

from runs.analysis import wording
from runs.analysis.series import Series
from runs.analysis.tuning_plan.proposal import Evidence, Proposal
from runs.analysis.tuning_plan.situation import Situation, quoted

NAME: Final = "server_errors"
REASONING: Final = (
    "Speaks where 1 % or more of at least 100 requests of a step fail with a 5xx, in a phase that "
    "lies under the scenario's saturation point: that is a fault and no lack of room."
)
LEAST_SHARE: Final = 0.01
LEAST_COUNT: Final = 100
ASKED: Final = 0.5  # per cent


def propose(situation: Situation) -> Iterator[Proposal]:
    limits = {
        point.scenario: point.sustained_jps or point.capacity_jps
        for point in situation.report.saturation
        if point.verdict == "reached"
    }
    worst: dict[tuple[str, str], Series] = {}
    for row in situation.report.series:
        if row.pooled or row.scenario is None or row.step is None:
            continue
        limit = limits.get(row.scenario)
        if limit is not None and (row.offered_rps or 0.0) > limit:
            continue
        if row.count >= LEAST_COUNT and (row.rate_5xx or 0.0) >= LEAST_SHARE:
            known = worst.get((row.scenario, row.step))
            if known is None or (row.rate_5xx or 0.0) > (known.rate_5xx or 0.0):
                worst[row.scenario, row.step] = row
    for row in worst.values():
        yield _proposal(row)


def _proposal(row: Series) -> Proposal:
    scenario, step = str(row.scenario), str(row.step)
    where = f"{quoted(scenario)}/{quoted(step)}@{quoted(str(row.phase))}"
    found = (
        f"{wording.percent(row.rate_5xx)} of {wording.plural(row.count, 'request')} of "
        f"{scenario}/{step} in {row.phase} failed with a 5xx, at "
        f"{wording.per_second(row.offered_rps)}, a load that it can take."
    )
    return Proposal(
        key=f"{NAME}/{scenario}/{step}",
        rule=NAME,
        title=f"Find out why {scenario}/{step} fails below its limit, and mend it",
        reasoning=f"{found} The service's log of that time says why.",
        kind="quick_win",
        area="other",
        impact="high",
        effort="medium",
        risk="low",
        expected_gain=f"rate_5xx of {where} -90 %",
        gain_reasoning="A fault that is mended does not come back in one request of ten.",
        evidence=(Evidence("figures", scenario, found),),
        criteria=(f"rate_5xx({where}) < {ASKED}%",),
        scenarios=(scenario,),
        rank=1,
        strength=row.rate_5xx or 0.0,
    )
