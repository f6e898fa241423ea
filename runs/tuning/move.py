"""An action moves from state to state: by people along their arrows, by runs along theirs."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from runs import webhooks
from runs.errors import ConflictError, Fault, RefusedError
from runs.models import Action, ActionEvent, Run, Webhook
from runs.models.action_state import BY_PEOPLE

State = Action.State
_TOLD = {
    State.VERIFIED: Webhook.Event.ACTION_VERIFIED,
    State.FAILED: Webhook.Event.ACTION_FAILED,
    State.REGRESSED: Webhook.Event.ACTION_REGRESSED,
}
_COLUMNS = ["state", "accepted_at", "implemented_at", "deferred_until"]


def transition(
    action: Action,
    to: str,
    user: User | None = None,
    detail: str = "",
    implemented_at: datetime | None = None,
    deferred_until: date | None = None,
) -> Action:
    """A person moves the action; ConflictError where the table does not allow it from where it is.

    `implemented_at` says since when the change is live, where that was before now;
    `deferred_until` the day on which people want to see it again.
    """
    _check_date(to, deferred_until)
    with transaction.atomic():
        locked = Action.objects.select_for_update().get(pk=action.pk)
        _check_arrow(locked, to)
        now = timezone.now()
        locked.deferred_until = deferred_until
        if to == State.ACCEPTED:
            locked.accepted_at = now
        if to == State.IMPLEMENTED:
            locked.implemented_at = implemented_at or now
            locked.accepted_at = locked.accepted_at or locked.implemented_at
        _move(locked, to, kind=ActionEvent.Kind.TRANSITION, user=user, detail=detail)
    action.refresh_from_db()
    return action


def _check_arrow(action: Action, to: str) -> None:
    allowed = BY_PEOPLE[action.state]
    if to not in allowed:
        raise ConflictError(
            "state",
            f"{action.ref} is {action.state} and cannot become {to} by hand; it can become "
            f"{', '.join(sorted(allowed))}. Verified, failed and regressed come from runs.",
            [Fault("state", f"allowed are {', '.join(sorted(allowed))}")],
        )


def _check_date(to: str, deferred_until: date | None) -> None:
    if deferred_until is not None and to != State.DEFERRED:
        raise RefusedError(
            "deferred_until",
            f"Only a deferred action has a date until when; this one is to become {to}.",
            [Fault("deferred_until", "leave it out")],
        )


def moved_by_run(
    action: Action, to: str, run: Run, reason: str, figures: Sequence[Mapping[str, Any]]
) -> None:
    """A run has told; within a transaction that holds the action's row."""
    _move(
        action,
        to,
        kind=ActionEvent.Kind.RETEST,
        run=run,
        detail=reason,
        figures=list(figures),
    )
    event = _TOLD[State(to)]
    payload = {
        "action": {"id": action.pk, "ref": action.ref, "title": action.title, "state": to},
        "run": str(run.pk),
        "reason": reason,
        "figures": list(figures),
        "path": action.get_absolute_url(),
    }
    webhooks.announce(action.project_id, event, f"{event}:{action.pk}:{run.pk}", payload)


def _move(action: Action, to: str, **event: Any) -> None:
    before, action.state = action.state, to
    action.save(update_fields=_COLUMNS)
    ActionEvent.objects.create(
        action=action, at=timezone.now(), from_state=before, to_state=to, **event
    )
