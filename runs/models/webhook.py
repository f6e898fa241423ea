import secrets

from django.conf import settings
from django.db import models

from runs.models.project import Project


def new_secret() -> str:
    return secrets.token_urlsafe(32)


class Webhook(models.Model):
    """An address that is told what happens in a project; `events` are names of Event."""

    class Event(models.TextChoices):
        RUN_READY = "run.ready", "A run is ready"
        RUN_VERDICT = "run.verdict", "A run has a verdict"
        ACTION_VERIFIED = "action.verified", "A run verified an action"
        ACTION_FAILED = "action.failed", "A run failed an action"
        ACTION_REGRESSED = "action.regressed", "A run says that a gain is lost"
        CHANGE_SUSPECTED = "change.suspected", "The newest run looks like a change"
        CHANGE_CONFIRMED = "change.confirmed", "Several runs confirm a change"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    url = models.URLField(max_length=500)
    # Signs every delivery. It is kept as it is, since signing needs it, and shown once.
    secret = models.CharField(max_length=100, default=new_secret)
    events = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.url
