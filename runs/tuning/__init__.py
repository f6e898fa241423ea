"""Tuning actions: made and moved by people, judged by every run that comes after the change."""

from runs.models.action_state import BY_PEOPLE, BY_RUNS, JUDGED, OPENS_AS
from runs.tuning.actions import NewAction, comment, create_action, edit
from runs.tuning.criterion import NewCriterion, add_criterion, change_criterion, remove_criterion
from runs.tuning.move import transition
from runs.tuning.retest import newest_of, retest, retest_now

__all__ = [
    "BY_PEOPLE",
    "BY_RUNS",
    "JUDGED",
    "OPENS_AS",
    "NewAction",
    "NewCriterion",
    "add_criterion",
    "change_criterion",
    "comment",
    "create_action",
    "edit",
    "newest_of",
    "remove_criterion",
    "retest",
    "retest_now",
    "transition",
]
