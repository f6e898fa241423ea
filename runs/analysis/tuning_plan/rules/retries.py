"""Retries put load on a service that has none to spare."""

from collections.abc import Iterator
from typing import Final

from runs.analysis import wording
from runs.analysis.series import Series
from runs.analysis.tuning_plan.proposal import Evidence, Proposal
from runs.analysis.tuning_plan.situation import Situation, quoted, saturation_evidence

NAME: Final = "retries"
REASONING: Final = (
    "Speaks where a scenario saturates and, in a phase of it, there is a retry for every tenth "
    "request or more: what is tried again at once is load that the service has refused already."
)
LEAST_RATE: Final = 0.10


def propose(situation: Situation) -> Iterator[Proposal]:
    points = dict(situation.reached)
    for scenario, point in points.items():
        rows = [row for row in situation.cells(scenario) if (row.retry_rate or 0.0) >= LEAST_RATE]
        if rows:
            worst = max(rows, key=lambda row: row.retry_rate or 0.0)
            yield _proposal(scenario, worst, saturation_evidence(point))


def _proposal(scenario: str, row: Series, saturation: Evidence) -> Proposal:
    where = f"{quoted(scenario)}/{quoted(str(row.step))}@{quoted(str(row.phase))}"
    found = (
        f"{scenario}/{row.step} is tried again for {wording.percent(row.retry_rate)} of its "
        f"requests in {row.phase}."
    )
    return Proposal(
        key=f"{NAME}/{scenario}",
        rule=NAME,
        title=f"Let callers of {wording.name(scenario)} wait before they try again",
        reasoning=(
            f"{found} A wait that doubles and differs between callers, and Retry-After in the "
            "refusal, spread them out."
        ),
        kind="quick_win",
        area="other",
        impact="medium",
        effort="low",
        risk="low",
        expected_gain=f"retry_rate of {where} -50 %",
        gain_reasoning="Half of it is the least that a wait should save.",
        evidence=(saturation, Evidence("figures", scenario, found)),
        criteria=(f"retry_rate({where}) < {max((row.retry_rate or 0.0) * 50, 1):.2g}%",),
        scenarios=(scenario,),
        rank=1,
        strength=row.retry_rate or 0.0,
    )
