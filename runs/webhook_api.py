"""Webhooks and the badge, for programs: who is told, what was sent, and under which address."""

from typing import Any
from uuid import UUID

from ninja import Router, Status

from runs import badges, webhooks
from runs.api import REFUSALS, ApiRequest, Page, PerPage, one_page
from runs.errors import NotFoundError
from runs.models import Delivery, Webhook
from runs.webhook_schemas import (
    BadgeOut,
    DeliveriesOut,
    DeliveryOut,
    NewWebhookOut,
    WebhookChange,
    WebhookIn,
    WebhookOut,
)

router = Router(tags=["webhooks"])


@router.get("projects/{project}/webhooks", response={200: list[WebhookOut], **REFUSALS})
def list_webhooks(request: ApiRequest, project: str) -> list[Webhook]:
    request.auth.require("admin")
    return list(request.auth.project(project).webhooks.all())


@router.post("projects/{project}/webhooks", response={201: NewWebhookOut, **REFUSALS})
def add_webhook(request: ApiRequest, project: str, new: WebhookIn) -> Status[Webhook]:
    """The secret that signs every message is shown in this answer only."""
    request.auth.require("admin")
    found = request.auth.project(project)
    return Status(201, webhooks.add(found, new.url, new.events, request.auth.user))


@router.patch("webhooks/{webhook_id}", response={200: WebhookOut, **REFUSALS})
def change_webhook(request: ApiRequest, webhook_id: int, change: WebhookChange) -> Webhook:
    request.auth.require("admin")
    given = change.model_dump(exclude_unset=True)
    return webhooks.change(_webhook(request, webhook_id), **given)


@router.delete("webhooks/{webhook_id}", response={204: None, **REFUSALS})
def remove_webhook(request: ApiRequest, webhook_id: int) -> Status[None]:
    """It and its log are gone; what waits is not sent."""
    request.auth.require("admin")
    _webhook(request, webhook_id).delete()
    return Status(204, None)


@router.get("webhooks/{webhook_id}/deliveries", response={200: DeliveriesOut, **REFUSALS})
def list_deliveries(
    request: ApiRequest, webhook_id: int, page: Page = 1, per_page: PerPage = 50
) -> dict[str, Any]:
    """What was sent, the newest first, with every answer."""
    request.auth.require("admin")
    found = _webhook(request, webhook_id).deliveries.all()
    return one_page(request, found, page, per_page)


@router.post("webhooks/{webhook_id}/test", response={202: DeliveryOut, **REFUSALS})
def test_webhook(request: ApiRequest, webhook_id: int) -> Status[Delivery]:
    """Queues a message of the event `test`; its log says what came of it."""
    request.auth.require("admin")
    return Status(202, webhooks.send_test(_webhook(request, webhook_id)))


@router.post("deliveries/{delivery_id}/retry", response={202: DeliveryOut, **REFUSALS})
def retry_delivery(request: ApiRequest, delivery_id: UUID) -> Status[Delivery]:
    """Send a message again, whether it arrived or was given up."""
    request.auth.require("admin")
    found = Delivery.objects.filter(
        pk=delivery_id, webhook__project__in=request.auth.projects()
    ).first()
    if found is None:
        raise NotFoundError("delivery_not_found", f"There is no delivery {delivery_id}.")
    return Status(202, webhooks.send_again(found))


@router.get("projects/{project}/badge", response={200: BadgeOut, **REFUSALS})
def get_badge(request: ApiRequest, project: str) -> dict[str, Any]:
    """The address of the project's badge, which needs no sign-in; it is made on the first call."""
    request.auth.require("triage")
    badge = badges.of(request.auth.project(project))
    return {"url": request.build_absolute_uri(badge.get_absolute_url())}


@router.post("projects/{project}/badge", response={201: BadgeOut, **REFUSALS})
def renew_badge(request: ApiRequest, project: str) -> Status[dict[str, Any]]:
    """Another address; the old one shows nothing any more."""
    request.auth.require("admin")
    badge = badges.renewed(request.auth.project(project))
    return Status(201, {"url": request.build_absolute_uri(badge.get_absolute_url())})


def _webhook(request: ApiRequest, webhook_id: int) -> Webhook:
    found = Webhook.objects.filter(pk=webhook_id, project__in=request.auth.projects()).first()
    if found is None:
        raise NotFoundError("webhook_not_found", f"There is no webhook {webhook_id}.")
    return found
