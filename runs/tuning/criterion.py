"""The criteria of an action: written, tried on the evidence at once, changed, taken away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from runs.analysis import criteria
from runs.analysis.criteria import CriterionError
from runs.errors import ConflictError, Fault, RefusedError
from runs.models import Action, ActionCriterion, ActionEvent, Run
from runs.tuning import trial

By = Literal["point", "interval"]


@dataclass(frozen=True)
class NewCriterion:
    text: str
    by: By = "interval"


def parsed(text: str, at: str) -> criteria.Criterion:
    """RefusedError, pointing at the column, where the text cannot be read."""
    try:
        return criteria.parse(text)
    except CriterionError as error:
        raise RefusedError("criterion", str(error), [Fault(at, str(error))]) from error


def write_down(action: Action, new: Sequence[NewCriterion]) -> None:
    """The criteria of an action that was just made; none stands in its history apart."""
    run = trial.run_of(action)
    for one in new:
        ActionCriterion.objects.create(
            action=action, text=one.text, by=one.by, **_tried(one.text, one.by, run)
        )


def add_criterion(action: Action, new: NewCriterion, user: User | None = None) -> ActionCriterion:
    """A criterion more; ConflictError where the action has it already."""
    parsed(new.text, "text")
    tried = _tried(new.text, new.by, trial.run_of(action))
    with transaction.atomic():
        made, is_new = ActionCriterion.objects.get_or_create(
            action=action, text=new.text, defaults={"by": new.by, **tried}
        )
        if not is_new:
            raise _known(action, new.text)
        _note(action, user, f"Added: {new.text}")
    return made


def change_criterion(
    written: ActionCriterion, new: NewCriterion, user: User | None = None
) -> ActionCriterion:
    """Another text or way of judging, which makes a new version of the criterion."""
    parsed(new.text, "text")
    tried = _tried(new.text, new.by, trial.run_of(written.action))
    with transaction.atomic():
        locked = ActionCriterion.objects.select_for_update().get(pk=written.pk)
        others = locked.action.criteria.exclude(pk=locked.pk)
        if others.filter(text=new.text).exists():
            raise _known(locked.action, new.text)
        before = f"{locked.text} by {locked.by}"
        locked.text, locked.by, locked.version = new.text, new.by, locked.version + 1
        locked.trial, locked.trial_run = tried["trial"], tried["trial_run"]
        locked.save()
        detail = f"Version {locked.version}: {new.text} by {new.by}; it was {before}"
        _note(locked.action, user, detail)
    return locked


def remove_criterion(written: ActionCriterion, user: User | None = None) -> None:
    with transaction.atomic():
        _note(written.action, user, f"Removed: {written.text}")
        written.delete()


def try_again(action: Action) -> None:
    """The evidence is another: every criterion is tried on it anew."""
    run = trial.run_of(action)
    for one in action.criteria.all():
        tried = _tried(one.text, one.by, run)
        one.trial, one.trial_run = tried["trial"], tried["trial_run"]
        one.save(update_fields=["trial", "trial_run"])


def _tried(text: str, by: By | str, run: Run | None) -> trial.Columns:
    found = trial.of(text, by, run) if run is not None else None
    return {"trial": found.document if found else None, "trial_run": run if found else None}


def _known(action: Action, text: str) -> ConflictError:
    return ConflictError("criterion_exists", f"{action.ref} has the criterion '{text}'.")


def _note(action: Action, user: User | None, detail: str) -> None:
    ActionEvent.objects.create(
        action=action,
        at=timezone.now(),
        kind=ActionEvent.Kind.CRITERION,
        user=user,
        detail=detail,
    )
