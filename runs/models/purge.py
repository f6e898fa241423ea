from django.db import models

from runs.models.project import Project


class Purge(models.Model):
    """A run that is gone for good: what it was, why it went, and the room that it gave back."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="purges")
    run = models.UUIDField()
    campaign = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    bytes = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.run}: {self.reason}"
