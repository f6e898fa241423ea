"""All calls to the LLM that are allowed at a time are in flight."""

from collections.abc import Iterator
from typing import Final

from runs.analysis.tuning_plan.proposal import Proposal
from runs.analysis.tuning_plan.rules import pool
from runs.analysis.tuning_plan.situation import Situation

NAME: Final = "llm_pool"
REASONING: Final = (
    "Speaks where a scenario saturates, a metric of the area `llm` moves with the harm, and it "
    "stands at its declared ceiling: requests wait for a call to the LLM to end."
)


def propose(situation: Situation) -> Iterator[Proposal]:
    for suspect in situation.suspects("llm"):
        if suspect.is_at_ceiling:
            yield pool.proposal(
                situation,
                suspect,
                NAME,
                "llm",
                "LLM pool",
                "More calls at a time cost more and may meet the provider's own rate limit: ask "
                "for it before.",
            )
