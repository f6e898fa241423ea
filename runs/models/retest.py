from django.db import models

from runs.models.action import Action
from runs.models.run import Run


class Retest(models.Model):
    """How one run judges one action.

    `figures` are entries of a report's `criteria`, each with the `version` of its criterion. It is
    the `look`-th run that judged the change, and `is_clear` where that many looks leave no doubt.
    """

    class Outcome(models.TextChoices):
        PASS = "pass", "Pass"
        FAIL = "fail", "Fail"
        INCONCLUSIVE = "inconclusive", "Inconclusive"
        NOT_APPLICABLE = "not_applicable", "Not applicable"

    action = models.ForeignKey(Action, on_delete=models.CASCADE, related_name="retests")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="retests")
    outcome = models.CharField(max_length=15, choices=Outcome.choices)
    reason = models.TextField(blank=True)
    figures = models.JSONField(default=list, blank=True)
    look = models.PositiveIntegerField(null=True, blank=True)
    is_clear = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-run__started_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["action", "run"], name="one_retest_a_run_and_action"),
            models.CheckConstraint(
                condition=models.Q(outcome__in=["pass", "fail", "inconclusive", "not_applicable"]),
                name="retest_outcome_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action.ref} by {self.run.short_id}: {self.outcome}"
