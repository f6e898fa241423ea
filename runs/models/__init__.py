from runs.models.action import Action
from runs.models.criterion import ActionCriterion
from runs.models.event import ActionEvent
from runs.models.project import Project
from runs.models.purge import Purge
from runs.models.retest import Retest
from runs.models.run import Run
from runs.models.run_file import RunFile

__all__ = ["Action", "ActionCriterion", "ActionEvent", "Project", "Purge", "Retest", "Run", "RunFile"]
