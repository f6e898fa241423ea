from django.db import models

from runs.models.action import Action


class ActionCriterion(models.Model):
    """One checkable sentence by which runs judge an action, in the grammar of criteria.

    `version` rises with each change of the text, so that an outcome says by which it was judged.
    """

    class By(models.TextChoices):
        POINT = "point", "By the observed value"
        INTERVAL = "interval", "By the whole interval"

    action = models.ForeignKey(Action, on_delete=models.CASCADE, related_name="criteria")
    text = models.CharField(max_length=500)
    by = models.CharField(max_length=10, choices=By.choices, default=By.INTERVAL)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "action criteria"
        constraints = [
            models.UniqueConstraint(fields=["action", "text"], name="one_criterion_a_text")
        ]

    def __str__(self) -> str:
        return self.text
