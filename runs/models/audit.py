from django.conf import settings
from django.db import models

from runs.models.project import Project


class AuditEntry(models.Model):
    """Who changed what in a project, and when. Entries are written once and never changed.

    `name` is how the person or token was called at the time; `run` is null where no run was meant.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="audit")
    at = models.DateTimeField()
    name = models.CharField(max_length=200)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    what = models.CharField(max_length=40)
    run = models.UUIDField(null=True, blank=True)
    detail = models.TextField(blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["project", "-at", "-id"], name="audit_by_project"),
            models.Index(fields=["run", "-at"], name="audit_by_run"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"
