"""One thing to change, as a rule proposes it."""

from dataclasses import dataclass
from typing import Literal

from runs.analysis import priority
from runs.analysis.priority import Level

Kind = Literal["quick_win", "structural"]
Area = Literal["database", "cache", "rate_limit", "llm", "cpu", "other"]


@dataclass(frozen=True)
class Evidence:
    """A finding of the run that the proposal rests on, in the report's own words."""

    kind: Literal["saturation", "bottleneck", "figures"]
    scenario: str | None
    text: str


@dataclass(frozen=True)
class Proposal:
    """A tuning action that is not accepted yet.

    `key` stays the same from run to run, so that what was accepted is not proposed again.
    `reasoning` says why, `expected_gain` how much as a figure ('capacity of billing +80 %'),
    `gain_reasoning` where that figure comes from. `rank` is 0 for what explains a saturation
    best, 1 for the runners-up; `strength` orders those of one rank.
    """

    key: str
    rule: str
    title: str
    reasoning: str
    kind: Kind
    area: Area
    impact: Level
    effort: Level
    risk: Level
    expected_gain: str
    gain_reasoning: str
    evidence: tuple[Evidence, ...]
    criteria: tuple[str, ...]
    scenarios: tuple[str, ...]
    rank: int = 0
    strength: float = 0.0

    @property
    def priority(self) -> int:
        return priority.computed(self.impact, self.effort, self.risk)
