import uuid

from django.db import models

from runs.models.webhook import Webhook


class Delivery(models.Model):
    """One message to one webhook, and what became of it.

    `key` names what happened: the same thing is told to a webhook once. `next_at` is when it is
    tried (again); null once it has arrived or was given up.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=30, choices=Webhook.Event.choices)
    key = models.CharField(max_length=200)
    payload = models.JSONField()
    created_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    status = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "deliveries"
        indexes = [models.Index(fields=["next_at"], name="delivery_by_next_at")]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "key"], name="one_delivery_a_key")
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"
