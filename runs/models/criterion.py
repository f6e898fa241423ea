from django.db import models

from runs.models.action import Action
from runs.models.run import Run


class ActionCriterion(models.Model):
    """One checkable sentence by which runs judge an action, in the grammar of criteria.

    `version` rises with each change of the text, so that an outcome says by which it was judged.
    `trial` is what the evidence said when it was written: an entry of a report's `criteria`, on
    `trial_run`, null where there was no run to try it on.
    """

    class By(models.TextChoices):
        POINT = "point", "By the observed value"
        INTERVAL = "interval", "By the whole interval"

    action = models.ForeignKey(Action, on_delete=models.CASCADE, related_name="criteria")
    text = models.CharField(max_length=500)
    by = models.CharField(max_length=10, choices=By.choices, default=By.INTERVAL)
    version = models.PositiveIntegerField(default=1)
    trial = models.JSONField(null=True, blank=True)
    trial_run = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "action criteria"
        constraints = [
            models.UniqueConstraint(fields=["action", "text"], name="one_criterion_a_text"),
            models.CheckConstraint(
                condition=models.Q(by__in=["point", "interval"]), name="criterion_by_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.text
