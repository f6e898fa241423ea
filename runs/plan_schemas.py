"""The shapes of the generated plan and of the ledger."""

from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import Field

from runs.analysis.tuning_plan import MOST_AT_THE_TOP
from runs.schemas import In, Line
from runs.tuning.ledger import Entry, Ledger
from runs.tuning.proposals import Planned, Proposed
from runs.tuning_schemas import Area, Kind, Level


class FoundOut(Schema):
    kind: str
    scenario: str | None
    text: str


class ProposedActionOut(Schema):
    id: int
    ref: str
    state: str


class ProposalOut(Schema):
    """`key` names it for `accept`; `action` is what it became, null where nobody took it up.
    `is_top` are the five to do first."""

    key: str
    rule: str
    title: str
    reasoning: str
    kind: Kind
    area: Area
    impact: Level
    effort: Level
    risk: Level
    priority: int
    expected_gain: str
    gain_reasoning: str
    evidence: list[FoundOut]
    criteria: list[str]
    scenarios: list[str]
    run: UUID
    is_top: bool
    action: ProposedActionOut | None


class PlanOut(Schema):
    """`proposals` in the order in which to do them; `next_steps` say what to measure next."""

    runs: list[UUID]
    summary: str
    proposals: list[ProposalOut]
    next_steps: list[str]


class AcceptIn(In):
    key: Line = Field(min_length=1)


class LedgerEntryOut(Schema):
    """`expected` and `reached` are after / before; `share` is how much of the expected change
    came. What is not known is null, and `why` says why."""

    action: ProposedActionOut
    title: str
    area: Area
    author: str
    expected_gain: str
    statistic: str | None
    expected: float | None
    reached: float | None
    share: float | None
    before: UUID | None
    after: UUID | None
    why: str


class LedgerGroupOut(Schema):
    name: str
    actions: int
    measured: int
    summary: str


class LedgerOut(Schema):
    entries: list[LedgerEntryOut]
    by_area: list[LedgerGroupOut]
    by_author: list[LedgerGroupOut]


def plan_out(found: Planned) -> dict[str, Any]:
    return {
        "runs": [run.pk for run in found.runs],
        "summary": found.summary,
        "proposals": [
            _proposal(one, is_top=at < MOST_AT_THE_TOP) for at, one in enumerate(found.proposals)
        ],
        "next_steps": list(found.next_steps),
    }


def _proposal(one: Proposed, *, is_top: bool) -> dict[str, Any]:
    described = {name: getattr(one.proposal, name) for name in _OF_PROPOSAL}
    return {**described, "run": one.run.pk, "is_top": is_top, "action": one.action}


_OF_PROPOSAL = tuple(
    name for name in ProposalOut.model_fields if name not in ("run", "is_top", "action")
)


def ledger_out(found: Ledger) -> dict[str, Any]:
    return {
        "entries": [_entry(one) for one in found.entries],
        **{
            name: [
                {
                    "name": group.name,
                    "actions": len(group.entries),
                    "measured": len(group.known),
                    "summary": group.words,
                }
                for group in groups
            ]
            for name, groups in (("by_area", found.by_area), ("by_author", found.by_author))
        },
    }


def _entry(one: Entry) -> dict[str, Any]:
    return {
        "action": one.action,
        "title": one.action.title,
        "area": one.action.area,
        "author": one.author,
        "expected_gain": one.action.expected_gain,
        "statistic": one.expected.statistic if one.expected else None,
        "expected": one.expected.factor if one.expected else None,
        "reached": one.factor,
        "share": one.share,
        "before": one.before.pk if one.before else None,
        "after": one.after.pk if one.after else None,
        "why": one.why,
    }
