"""The door's own tables: tokens, and the queue of work."""

from django.db import models

from runs.models import Project, Run


class ApiToken(models.Model):
    """A key of the API. Only its hash is kept; the token itself is shown once, when it is made."""

    name = models.CharField(max_length=200)
    # The first characters, by which people recognise a token in a list.
    prefix = models.CharField(max_length=20)
    sha256 = models.CharField(max_length=64, unique=True)
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="tokens"
    )
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Work(models.Model):
    """A run that waits for a worker, or the lease of the worker that has it.

    A lease that ran out belongs to a worker that was killed: anyone may take the work again.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        LEASED = "leased"
        DONE = "done"
        FAILED = "failed"

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="work")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    lease = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "work"
        indexes = [models.Index(fields=["state", "queued_at"], name="work_by_state")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.state}"
