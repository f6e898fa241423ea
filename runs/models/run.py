import uuid

from django.conf import settings
from django.db import models

from runs.models.project import Project


class LiveRuns(models.Manager["Run"]):
    """Without the runs that were deleted and can still be restored."""

    def get_queryset(self) -> models.QuerySet["Run"]:
        return super().get_queryset().filter(deleted_at=None)


class Run(models.Model):
    """One execution of a campaign: its context, what was computed from it, and where that stands.

    The documents at the end are large: lists of runs defer them by name (`Run.DOCUMENTS`).
    `Run.objects` are the runs that people see, `Run.every` are those that were deleted too.
    """

    class Processing(models.TextChoices):
        """Where the portal is with the run; a failed one can be tried again."""

        RECEIVING = "receiving"
        RECEIVED = "received"
        PROCESSING = "processing"
        READY = "ready"
        FAILED = "failed"

    class Validity(models.TextChoices):
        VALID = "valid"
        SUSPECT = "suspect"
        INVALID = "invalid"

    class Verdict(models.TextChoices):
        PASS = "pass"
        FAIL = "fail"
        INCONCLUSIVE = "inconclusive"
        INVALID = "invalid"
        NONE = "none"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    campaign = models.CharField(max_length=200)
    source = models.CharField(max_length=40, default="native")
    # The manifest's own: running, complete, interrupted, incomplete.
    state = models.CharField(max_length=20, default="running")
    processing = models.CharField(
        max_length=20, choices=Processing.choices, default=Processing.RECEIVING
    )
    stage = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)

    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    duration_s = models.FloatField(null=True, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    commit = models.CharField(max_length=80, blank=True)
    branch = models.CharField(max_length=250, blank=True)
    environment = models.CharField(max_length=200, blank=True)
    seed = models.BigIntegerField(null=True, blank=True)

    validity = models.CharField(max_length=10, choices=Validity.choices, blank=True)
    verdict = models.CharField(max_length=15, choices=Verdict.choices, blank=True)
    samples = models.BigIntegerField(default=0)
    calculation_version = models.PositiveIntegerField(default=0)
    # {digest, goodput_rps, p95_ms, error_rate, peak_jps, capacity: [{scenario, capacity_jps, ci,
    # verdict}]}; `digest` changes with the report.
    headline = models.JSONField(default=dict, blank=True)
    # What could not be read of the raw files, a sentence each.
    reading_notes = models.JSONField(default=list, blank=True)

    # The names of its scenarios, one a line, with a line's end before the first and after the last.
    scenarios = models.TextField(blank=True)
    # What was computed of the raw files takes so much room in the store.
    derived_bytes = models.BigIntegerField(default=0)

    is_baseline = models.BooleanField(default=False)
    is_pinned = models.BooleanField(default=False)
    notes = models.TextField(blank=True)
    uploaded_at = models.DateTimeField(auto_now_add=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )

    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.CharField(max_length=200, blank=True)

    # Large documents last, so that a database that stores rows whole reads past them.
    manifest = models.JSONField(default=dict)
    report = models.JSONField(null=True, blank=True)
    timeline = models.JSONField(null=True, blank=True)
    curves = models.JSONField(null=True, blank=True)

    objects = LiveRuns()
    every = models.Manager["Run"]()

    DOCUMENTS = ("manifest", "report", "timeline", "curves")

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [
            # Of live runs only, so that counting and turning pages need not look into the rows.
            models.Index(
                fields=["project", "-started_at", "-id"],
                name="live_run_by_project",
                condition=models.Q(deleted_at=None),
            ),
            models.Index(
                fields=["-started_at", "-id"],
                name="live_run_by_start",
                condition=models.Q(deleted_at=None),
            ),
            # All that pages count and choose by, so that they need not look into the rows.
            models.Index(
                fields=[
                    "project",
                    "deleted_at",
                    "campaign",
                    "branch",
                    "processing",
                    "validity",
                    "verdict",
                    "-started_at",
                    "id",
                ],
                name="run_by_choice",
            ),
            models.Index(
                fields=["project", "campaign", "-started_at", "-id"],
                name="live_baseline",
                condition=models.Q(deleted_at=None, is_baseline=True),
            ),
            models.Index(fields=["processing"], name="run_by_processing"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    processing__in=["receiving", "received", "processing", "ready", "failed"]
                ),
                name="run_processing_is_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign} {self.short_id}"

    @property
    def short_id(self) -> str:
        return str(self.pk)[:8]

    @property
    def is_ready(self) -> bool:
        return self.processing == self.Processing.READY

    @property
    def is_settled(self) -> bool:
        """Nothing more happens to it by itself."""
        return self.processing in (self.Processing.READY, self.Processing.FAILED)

    def get_absolute_url(self) -> str:
        return f"/runs/{self.pk}/"
