"""The shapes of webhooks, their log, and the badge."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import Field

from runs.schemas import In
from runs.tuning_schemas import WebhookEvent

Address = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00\s]*$")]
Events = Annotated[list[WebhookEvent], Field(min_length=1, max_length=20)]


class WebhookIn(In):
    url: Address
    events: Events


class WebhookChange(In):
    """What is left out stays as it is."""

    url: Address = ""
    events: Events = ["run.verdict"]


class WebhookOut(Schema):
    id: int
    url: str
    events: list[str]
    created_at: datetime


class NewWebhookOut(WebhookOut):
    secret: str


class DeliveryOut(Schema):
    """`next_at` is when it is tried (again); null once it arrived or was given up."""

    id: UUID
    event: str
    payload: dict[str, Any]
    created_at: datetime
    attempts: int
    next_at: datetime | None
    delivered_at: datetime | None
    status: int | None
    error: str


class DeliveriesOut(Schema):
    items: list[DeliveryOut]
    count: int
    next: str | None


class BadgeOut(Schema):
    url: str
