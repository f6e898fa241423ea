"""What a run did to actions: how it judged each, and which of them it moved."""

from dataclasses import dataclass

from runs.models import Action, ActionEvent, Retest, Run


@dataclass(frozen=True)
class Touched:
    """`moved_to` is the state that the run brought the action to; empty where it moved nothing."""

    retest: Retest
    moved_to: str

    @property
    def action(self) -> Action:
        return self.retest.action

    @property
    def action_id(self) -> int:
        return self.retest.action_id

    @property
    def outcome(self) -> str:
        return self.retest.outcome

    @property
    def reason(self) -> str:
        return self.retest.reason


def by(run: Run) -> list[Touched]:
    """In the order of the actions' numbers; what it moved first."""
    retests = run.retests.select_related("action").order_by("action__number")
    moves = ActionEvent.objects.filter(run=run, kind=ActionEvent.Kind.RETEST)
    moved = dict(moves.values_list("action_id", "to_state"))
    found = [Touched(one, moved.get(one.action_id, "")) for one in retests]
    return sorted(found, key=lambda one: not one.moved_to)
