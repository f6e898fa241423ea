from django.conf import settings
from django.db import models

from runs.models.run import Run


class InvalidMark(models.Model):
    """A person's word that a run may not be believed, and why.

    `before` keeps the validity, verdict and criteria that the analysis had found, for the day on
    which the mark is taken off. It stands in a table of its own, since a new column of a run would
    lie behind its large documents.
    """

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="invalid_mark")
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()
    name = models.CharField(max_length=200)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    before = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.run_id}: {self.reason}"
