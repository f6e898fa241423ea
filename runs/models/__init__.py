from runs.models.action import Action
from runs.models.badge import Badge
from runs.models.criterion import ActionCriterion
from runs.models.delivery import Delivery
from runs.models.event import ActionEvent
from runs.models.project import Project
from runs.models.purge import Purge
from runs.models.report_notes import ReportNotes
from runs.models.retest import Retest
from runs.models.run import Run
from runs.models.run_file import RunFile
from runs.models.webhook import Webhook

__all__ = [
    "Action",
    "ActionCriterion",
    "ActionEvent",
    "Badge",
    "Delivery",
    "Project",
    "Purge",
    "ReportNotes",
    "Retest",
    "Run",
    "RunFile",
    "Webhook",
]
