from django.conf import settings
from django.db import models

from runs.models.project import Project


class SavedView(models.Model):
    """A selection of runs under a name, for everybody in the project; `query` is its address."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="views")
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=1000)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_saved_view_a_name")
        ]

    def __str__(self) -> str:
        return self.name
