"""The database's connection pool is full while requests wait for it."""

from collections.abc import Iterator
from typing import Final

from runs.analysis.tuning_plan.proposal import Proposal
from runs.analysis.tuning_plan.rules import pool
from runs.analysis.tuning_plan.situation import Situation

NAME: Final = "database_pool"
REASONING: Final = (
    "Speaks where a scenario saturates, a metric of the area `database` moves with the harm, and "
    "that metric stands at its declared ceiling: the pool's size then sets the capacity."
)


def propose(situation: Situation) -> Iterator[Proposal]:
    for suspect in situation.suspects("database"):
        if suspect.is_at_ceiling:
            yield pool.proposal(
                situation,
                suspect,
                NAME,
                "database",
                "database pool",
                "The database itself must have room for the connections: look at its own limit "
                "and at its CPU before.",
            )
