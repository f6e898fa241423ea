from runs.models.action import Action
from runs.models.audit import AuditEntry
from runs.models.badge import Badge
from runs.models.criterion import ActionCriterion
from runs.models.delivery import Delivery
from runs.models.event import ActionEvent
from runs.models.invalid_mark import InvalidMark
from runs.models.marker import Marker
from runs.models.member import Member
from runs.models.project import Everybody, Project, Role
from runs.models.purge import Purge
from runs.models.report_notes import ReportNotes
from runs.models.retest import Retest
from runs.models.run import Run
from runs.models.run_file import RunFile
from runs.models.saved_view import SavedView
from runs.models.share_link import ShareLink
from runs.models.webhook import Webhook

__all__ = [
    "Action",
    "ActionCriterion",
    "ActionEvent",
    "AuditEntry",
    "Badge",
    "Delivery",
    "Everybody",
    "InvalidMark",
    "Marker",
    "Member",
    "Project",
    "Purge",
    "ReportNotes",
    "Retest",
    "Role",
    "Run",
    "RunFile",
    "SavedView",
    "ShareLink",
    "Webhook",
]
