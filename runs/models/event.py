from django.conf import settings
from django.db import models

from runs.models import action_state
from runs.models.action import Action
from runs.models.run import Run


class ActionEvent(models.Model):
    """Something that happened to an action: who or which run did it, and to what state.

    `figures` are those that decided, each with the version of its criterion: entries of a
    report's `criteria`, as in Retest.
    """

    class Kind(models.TextChoices):
        CREATED = "created", "Created"
        TRANSITION = "transition", "Changed state"
        EDITED = "edited", "Edited"
        CRITERION = "criterion", "Criterion changed"
        RETEST = "retest", "Re-tested"
        COMMENT = "comment", "Comment"

    action = models.ForeignKey(Action, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=15, choices=Kind.choices)
    from_state = models.CharField(max_length=15, blank=True)
    to_state = models.CharField(max_length=15, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.SET_NULL)
    detail = models.TextField(blank=True)
    figures = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            # A run that is uploaded, processed or recalculated twice announces nothing twice.
            models.UniqueConstraint(
                fields=["action", "run", "kind"],
                condition=models.Q(run__isnull=False),
                name="one_event_a_run_and_kind",
            ),
            models.CheckConstraint(
                condition=action_state.is_a_legal_event(), name="event_follows_an_arrow"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action.ref}: {self.kind}"
