from django.conf import settings
from django.db import models

from runs.models.project import Project


class ReportNotes(models.Model):
    """What people wrote beside the campaign report of some runs.

    `runs` are their ids, sorted and joined by commas: the report itself is computed whenever it is
    looked at, so that only the notes are kept. `sections` hold a text by the section's name.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="report_notes")
    runs = models.CharField(max_length=800)
    title = models.CharField(max_length=200, blank=True)
    sections = models.JSONField(default=dict, blank=True)
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )

    class Meta:
        ordering = ["-changed_at"]
        verbose_name_plural = "report notes"
        constraints = [
            models.UniqueConstraint(fields=["project", "runs"], name="one_set_of_notes_a_report")
        ]

    def __str__(self) -> str:
        return self.title or f"notes on {self.runs}"

    @property
    def run_ids(self) -> list[str]:
        return self.runs.split(",")
