from django.conf import settings
from django.db import models

from runs.models.badge import new_key
from runs.models.run import Run


class ShareLink(models.Model):
    """An address under which anybody who knows it reads one run's report, without signing in."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="share_link")
    key = models.CharField(max_length=64, unique=True, default=new_key)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )

    def __str__(self) -> str:
        return f"link to {self.run_id}"

    def get_absolute_url(self) -> str:
        return f"/shared/{self.key}/"
