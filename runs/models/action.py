from django.conf import settings
from django.db import models
from django.db.models import Q

from runs.analysis import priority
from runs.models import action_state
from runs.models.project import Project
from runs.models.run import Run


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


def _one_of(column: str, choices: type[models.TextChoices]) -> models.CheckConstraint:
    known = [str(one) for one in choices]
    return models.CheckConstraint(
        condition=Q(**{f"{column}__in": known}), name=f"action_{column}_is_known"
    )


class Action(models.Model):
    """Something to change in the service, with its evidence and its re-test criteria.

    `campaign`, `environment` and `labels` say which runs may judge it; empty means any of its
    project. `findings` are the saturation points and bottlenecks that it rests on, `links` pages
    elsewhere. `needed_runs` valid runs in a row must pass before it is verified.
    """

    Kind = Kind
    Area = Area
    Level = Level
    State = action_state.State

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="actions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=15, choices=Kind.choices, default=Kind.QUICK_WIN)
    area = models.CharField(max_length=15, choices=Area.choices, default=Area.OTHER)
    impact = models.CharField(max_length=10, choices=Level.choices, default=Level.MEDIUM)
    effort = models.CharField(max_length=10, choices=Level.choices, default=Level.MEDIUM)
    risk = models.CharField(max_length=10, choices=Level.choices, default=Level.LOW)
    # A person's own priority, and why it goes before the computed one.
    own_priority = models.PositiveSmallIntegerField(null=True, blank=True)
    priority_reason = models.CharField(max_length=500, blank=True)
    expected_gain = models.CharField(max_length=200, blank=True)
    owner = models.CharField(max_length=200, blank=True)
    due = models.DateField(null=True, blank=True)
    state = models.CharField(
        max_length=15, choices=action_state.State.choices, default=action_state.State.PROPOSED
    )
    deferred_until = models.DateField(null=True, blank=True)
    # Runs made after this, and before the change is live, are fair baselines.
    accepted_at = models.DateTimeField(null=True, blank=True)
    # Since when the change is live: only runs that started later can judge it.
    implemented_at = models.DateTimeField(null=True, blank=True)
    evidence = models.ManyToManyField(Run, blank=True, related_name="evidence_for")
    findings = models.JSONField(default=list, blank=True)
    links = models.JSONField(default=list, blank=True)
    baseline = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="baseline_for"
    )
    campaign = models.CharField(max_length=200, blank=True)
    environment = models.CharField(max_length=200, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    needed_runs = models.PositiveSmallIntegerField(default=1)
    # The key of the proposal that it was accepted from, within its project; null for a person's.
    proposal = models.CharField(max_length=200, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )

    class Meta:
        ordering = ["project", "number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="one_action_a_number"),
            models.UniqueConstraint(fields=["project", "proposal"], name="one_action_a_proposal"),
            _one_of("state", action_state.State),
            _one_of("kind", Kind),
            _one_of("area", Area),
            _one_of("impact", Level),
            _one_of("effort", Level),
            _one_of("risk", Level),
            models.CheckConstraint(
                condition=Q(implemented_at__isnull=False)
                | ~Q(state__in=[str(one) for one in action_state.LIVE]),
                name="action_was_implemented_before_it_was_judged",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=False)
                | ~Q(state__in=[str(one) for one in action_state.JUDGED]),
                name="action_was_accepted_before_it_was_judged",
            ),
            models.CheckConstraint(
                condition=Q(deferred_until__isnull=True) | Q(state="deferred"),
                name="action_has_a_date_only_while_deferred",
            ),
            models.CheckConstraint(
                condition=Q(own_priority__isnull=True, priority_reason="")
                | (
                    Q(own_priority__isnull=False, own_priority__lte=priority.HIGHEST)
                    & ~Q(priority_reason="")
                ),
                name="action_priority_is_overruled_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(needed_runs__gte=1, needed_runs__lte=20),
                name="action_needs_1_to_20_runs",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def ref(self) -> str:
        """How people and the command name it, e.g. ACT-12."""
        return f"ACT-{self.number}"

    @property
    def computed_priority(self) -> int:
        return priority.computed(self.impact, self.effort, self.risk)

    @property
    def priority(self) -> int:
        """What a person has set, else what is computed; the highest comes first."""
        return self.computed_priority if self.own_priority is None else self.own_priority

    @property
    def is_judged(self) -> bool:
        """Whether runs judge it in its state."""
        return self.state in action_state.JUDGED

    @property
    def is_live(self) -> bool:
        return self.state in action_state.LIVE

    def get_absolute_url(self) -> str:
        return f"/actions/{self.pk}/"
