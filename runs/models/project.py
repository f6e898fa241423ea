from django.core.validators import RegexValidator
from django.db import models

SLUG = r"^[a-z0-9][a-z0-9_-]{0,62}$"
SLUG_RULE = (
    "a project is named by 1 to 63 lower-case letters, digits, '-' and '_', "
    "the first a letter or a digit"
)


class Role(models.TextChoices):
    """What a person may do in a project; each may what the one before it may."""

    VIEWER = "viewer", "Viewer"
    CONTRIBUTOR = "contributor", "Contributor"
    MAINTAINER = "maintainer", "Maintainer"


class Everybody(models.TextChoices):
    """What people who can sign in, and are not members, may do in a project."""

    NOTHING = "nothing", "Nothing: they do not see the project"
    VIEWER = "viewer", "Viewer: they read everything"
    CONTRIBUTOR = "contributor", "Contributor: they work on runs and actions"


class Project(models.Model):
    """What runs and actions belong to: one service, or one part of it."""

    slug = models.CharField(max_length=63, unique=True, validators=[RegexValidator(SLUG)])
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    # Journeys per second that production sees at its peak, by scenario.
    peak_jps = models.JSONField(default=dict, blank=True)
    # By how many per cent the peak grows in a month; null where nobody has said.
    growth_percent = models.FloatField(null=True, blank=True)
    # Judged for each run that they can be judged for, with those of its campaign.
    criteria = models.JSONField(default=list, blank=True)
    # Where a trace can be read: an address with {trace_id} in it.
    trace_url = models.CharField(max_length=500, blank=True)
    everybody = models.CharField(
        max_length=15, choices=Everybody.choices, default=Everybody.CONTRIBUTOR
    )
    # Retention: older runs, and runs beyond the newest so many, are purged. Null keeps them all.
    keep_days = models.PositiveIntegerField(null=True, blank=True)
    keep_runs = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(everybody__in=["nothing", "viewer", "contributor"]),
                name="project_everybody_is_known",
            )
        ]

    def __str__(self) -> str:
        return self.name or self.slug

    def get_absolute_url(self) -> str:
        return f"/projects/{self.slug}/"
