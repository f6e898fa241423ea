"""The rules of the tuning plan, one a file. Each has `NAME`, `REASONING` (for people: when it
speaks, and why) and `propose(situation)`. To add one, copy the nearest and list it here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from runs.analysis.tuning_plan.proposal import Proposal
from runs.analysis.tuning_plan.rules import (
    cache,
    contention,
    cpu,
    database_pool,
    database_work,
    llm_pool,
    quota,
    rate_limit,
    retries,
    server_errors,
)
from runs.analysis.tuning_plan.situation import Situation


@dataclass(frozen=True)
class Rule:
    name: str
    reasoning: str
    propose: Callable[[Situation], Iterator[Proposal]]


RULES: Final = tuple(
    Rule(one.NAME, one.REASONING, one.propose)
    for one in (
        database_pool,
        cache,
        llm_pool,
        rate_limit,
        quota,
        cpu,
        contention,
        database_work,
        server_errors,
        retries,
    )
)
