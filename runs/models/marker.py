from django.conf import settings
from django.db import models

from runs.models.project import Project


class Marker(models.Model):
    """Something that happened to the service, drawn over its trends: a deploy, a configuration."""

    class Kind(models.TextChoices):
        DEPLOY = "deploy", "Deploy"
        CONFIGURATION = "configuration", "Configuration"
        OTHER = "other", "Other"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="markers")
    at = models.DateTimeField()
    kind = models.CharField(max_length=15, choices=Kind.choices, default=Kind.DEPLOY)
    text = models.CharField(max_length=120)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["deploy", "configuration", "other"]),
                name="marker_kind_is_known",
            )
        ]

    def __str__(self) -> str:
        return self.text
