from django.conf import settings
from django.db import models

from runs.models.project import Project
from runs.models.run import Run


class Action(models.Model):
    """Something to change in the service, with its evidence and its re-test criteria.

    `campaign` and `labels` say which runs may judge it; empty means any of its project.
    """

    class Kind(models.TextChoices):
        QUICK_WIN = "quick_win", "Quick win"
        STRUCTURAL = "structural", "Structural"

    class Area(models.TextChoices):
        DATABASE = "database", "Database"
        CACHE = "cache", "Cache"
        RATE_LIMIT = "rate_limit", "Rate limit"
        LLM = "llm", "LLM"
        CPU = "cpu", "CPU"
        OTHER = "other", "Other"

    class Level(models.TextChoices):
        LOW = "low", "Low"
        MEDIUM = "medium", "Medium"
        HIGH = "high", "High"

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        ACCEPTED = "accepted", "Accepted"
        IMPLEMENTED = "implemented", "Implemented"
        VERIFIED = "verified", "Verified"
        FAILED = "failed", "Failed"
        REGRESSED = "regressed", "Regressed"
        REJECTED = "rejected", "Rejected"
        DEFERRED = "deferred", "Deferred"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="actions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=15, choices=Kind.choices, default=Kind.QUICK_WIN)
    area = models.CharField(max_length=15, choices=Area.choices, default=Area.OTHER)
    impact = models.CharField(max_length=10, choices=Level.choices, default=Level.MEDIUM)
    effort = models.CharField(max_length=10, choices=Level.choices, default=Level.MEDIUM)
    risk = models.CharField(max_length=10, choices=Level.choices, default=Level.LOW)
    expected_gain = models.CharField(max_length=200, blank=True)
    owner = models.CharField(max_length=200, blank=True)
    due = models.DateField(null=True, blank=True)
    state = models.CharField(max_length=15, choices=State.choices, default=State.PROPOSED)
    # Since when the change is live: only runs that started later can judge it.
    implemented_at = models.DateTimeField(null=True, blank=True)
    evidence = models.ManyToManyField(Run, blank=True, related_name="evidence_for")
    baseline = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="baseline_for"
    )
    campaign = models.CharField(max_length=200, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )

    class Meta:
        ordering = ["project", "number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="one_action_a_number"),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[
                        "proposed",
                        "accepted",
                        "implemented",
                        "verified",
                        "failed",
                        "regressed",
                        "rejected",
                        "deferred",
                    ]
                ),
                name="action_state_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(implemented_at__isnull=False)
                | ~models.Q(state__in=["implemented", "verified", "failed", "regressed"]),
                name="action_was_implemented_before_it_was_judged",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def ref(self) -> str:
        """How people and the command name it, e.g. ACT-12."""
        return f"ACT-{self.number}"

    def get_absolute_url(self) -> str:
        return f"/actions/{self.pk}/"
