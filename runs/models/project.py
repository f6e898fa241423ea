from django.core.validators import RegexValidator
from django.db import models

SLUG = r"^[a-z0-9][a-z0-9_-]{0,62}$"
SLUG_RULE = (
    "a project is named by 1 to 63 lower-case letters, digits, '-' and '_', "
    "the first a letter or a digit"
)


class Project(models.Model):
    """What runs and actions belong to: one service, or one part of it."""

    slug = models.CharField(max_length=63, unique=True, validators=[RegexValidator(SLUG)])
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    # Journeys per second that production sees at its peak, by scenario.
    peak_jps = models.JSONField(default=dict, blank=True)
    # Retention: older runs, and runs beyond the newest so many, are purged. Null keeps them all.
    keep_days = models.PositiveIntegerField(null=True, blank=True)
    keep_runs = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name or self.slug

    def get_absolute_url(self) -> str:
        return f"/projects/{self.slug}/"
