import secrets

from django.db import models

from runs.models.project import Project


def new_key() -> str:
    return secrets.token_urlsafe(24)


class Badge(models.Model):
    """The address under which anybody who knows it sees a project's verdict and headroom."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="badge")
    key = models.CharField(max_length=64, unique=True, default=new_key)

    def __str__(self) -> str:
        return f"badge of {self.project}"

    def get_absolute_url(self) -> str:
        return f"/badge/{self.key}.svg"
