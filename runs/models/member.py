from django.conf import settings
from django.db import models

from runs.models.project import Project, Role


class Member(models.Model):
    """What one person may do in one project; the others may what the project says of everybody."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=15, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["user__username"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_role_a_member"),
            models.CheckConstraint(
                condition=models.Q(role__in=["viewer", "contributor", "maintainer"]),
                name="member_role_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.role}"
