"""Webhooks: what happened in a project, told to addresses that asked for it.

A message is a row, written with what it tells of, so that nothing is told that did not happen and
nothing is forgotten; `deliver_due` sends what waits. It is signed, tried again with growing waits,
and sent to public addresses only, unless the operator allows private ones.
"""

import hashlib
import hmac
import ipaddress
import json
import logging
import socket
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from runs.errors import Fault, RefusedError
from runs.models import Delivery, Project, Run, Webhook

# After each failed try; after the last one the message is given up.
WAITS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 21_600, 86_400)
)
TIMEOUT_S: Final = 10.0
KEPT: Final = timedelta(days=30)
TEST: Final = "test"
SIGNATURE: Final = "Headroom-Signature"
logger = logging.getLogger(__name__)


class AddressRefusedError(Exception):
    """The address leads to where webhooks may not go."""


def add(project: Project, url: str, events: Sequence[str], user: User | None = None) -> Webhook:
    """A webhook of the project; its secret is made here and shown by whoever asked for it."""
    _check_url(url)
    chosen = _checked_events(events)
    return Webhook.objects.create(project=project, url=url, events=chosen, created_by=user)


def change(
    webhook: Webhook, url: str | None = None, events: Sequence[str] | None = None
) -> Webhook:
    """Another address or other events; the secret stays."""
    if url is not None:
        _check_url(url)
        webhook.url = url
    if events is not None:
        webhook.events = _checked_events(events)
    webhook.save(update_fields=["url", "events"])
    return webhook


def send_test(webhook: Webhook) -> Delivery:
    """A message that says nothing but that the address works."""
    now = timezone.now()
    return Delivery.objects.create(
        webhook=webhook,
        event=TEST,
        key=f"{TEST}:{uuid4()}",
        payload={"path": webhook.project.get_absolute_url()},
        created_at=now,
        next_at=now,
    )


def send_again(delivery: Delivery) -> Delivery:
    """As if it had never been tried."""
    delivery.next_at, delivery.attempts, delivery.delivered_at = timezone.now(), 0, None
    delivery.status, delivery.error = None, ""
    delivery.save()
    return delivery


def forget_old(now: datetime) -> int:
    """Take away what arrived or was given up KEPT ago; how many messages."""
    settled = Delivery.objects.filter(next_at=None, created_at__lt=now - KEPT)
    return settled.delete()[0]


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise RefusedError(
            "webhook_url",
            f"'{url}' cannot be called: https://HOST/PATH is expected, without a user in it.",
            [Fault("url", "https://HOST/PATH is expected")],
        )
    try:
        _public_address(parts.hostname, port or 443)
    except AddressRefusedError as error:
        raise RefusedError("webhook_url", str(error), [Fault("url", str(error))]) from error
    except OSError:
        # A name that does not resolve now may do so later; the delivery says it.
        logger.info("webhook %s does not resolve yet", parts.hostname)


def _checked_events(events: Sequence[str]) -> list[str]:
    known = [str(one) for one in Webhook.Event]
    unknown = [one for one in events if one not in known]
    if unknown or not events:
        raise RefusedError(
            "webhook_events",
            f"Name at least one of the events {', '.join(known)}"
            + (f"; '{unknown[0]}' is none of them." if unknown else "."),
            [Fault("events", f"allowed are {', '.join(known)}")],
        )
    return list(dict.fromkeys(events))


def announce(project_id: int, event: str, key: str, payload: Mapping[str, Any]) -> None:
    """Tell every webhook of the project that asked for the event, once for each key; part of the
    caller's transaction."""
    now = timezone.now()
    for webhook in Webhook.objects.filter(project=project_id):
        if event in webhook.events:
            values = {"event": event, "payload": payload, "created_at": now, "next_at": now}
            Delivery.objects.get_or_create(webhook=webhook, key=key, defaults=values)


def announce_run(run: Run) -> None:
    """A run is ready, and has its verdict."""
    payload = {
        "run": str(run.pk),
        "campaign": run.campaign,
        "commit": run.commit,
        "branch": run.branch,
        "environment": run.environment,
        "validity": run.validity,
        "verdict": run.verdict,
        "headline": run.headline,
        "path": run.get_absolute_url(),
    }
    for event in (Webhook.Event.RUN_READY, Webhook.Event.RUN_VERDICT):
        if event == Webhook.Event.RUN_READY or run.verdict not in ("", Run.Verdict.NONE):
            announce(run.project_id, event, f"{event}:{run.pk}", payload)


def deliver_due(now: datetime, most: int = 20) -> int:
    """Send what is due; how many were tried. Two couriers never send the same one at a time."""
    due = Delivery.objects.filter(next_at__lte=now).select_related("webhook__project")
    tried = 0
    for delivery in due.order_by("next_at")[:most]:
        held = now + timedelta(seconds=6 * TIMEOUT_S)
        mine = Delivery.objects.filter(pk=delivery.pk, next_at=delivery.next_at)
        if mine.update(next_at=held, attempts=delivery.attempts + 1):
            delivery.attempts += 1
            _try(delivery, now)
            tried += 1
    return tried


def _try(delivery: Delivery, now: datetime) -> None:
    """One attempt, and what came of it written down."""
    status, error = None, ""
    try:
        status = _send(delivery, now)
    except AddressRefusedError as refused:
        error, delivery.attempts = str(refused), len(WAITS) + 1
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as failed:
        error = f"{type(failed).__name__}: {failed}"[:500]
    delivery.status, delivery.error = status, error
    if status is not None and 200 <= status < 300:
        delivery.delivered_at, delivery.next_at = now, None
    elif delivery.attempts > len(WAITS):
        delivery.next_at = None
    else:
        delivery.next_at = now + WAITS[delivery.attempts - 1]
    delivery.save()
    logger.info(
        "webhook %s, %s: attempt %d, %s",
        delivery.webhook_id,
        delivery.event,
        delivery.attempts,
        status or error,
    )


def _send(delivery: Delivery, now: datetime) -> int:
    """The status that came back. The name is resolved once and that address is called, so that a
    name cannot lead elsewhere between the check and the call; redirects are not followed."""
    hook = delivery.webhook
    url = httpx.URL(hook.url)
    address = _public_address(url.host, url.port or (443 if url.scheme == "https" else 80))
    body = body_of(delivery)
    headers = {
        "Host": url.netloc.decode("ascii"),
        "Content-Type": "application/json",
        "User-Agent": "Headroom-Webhook/1",
        "Headroom-Event": delivery.event,
        "Headroom-Delivery": str(delivery.pk),
        SIGNATURE: signature(hook.secret, int(now.timestamp()), body),
    }
    with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
        request = client.build_request(
            "POST",
            url.copy_with(host=address),
            content=body,
            headers=headers,
            extensions={"sni_hostname": url.host},
        )
        response = client.send(request, stream=True)
        response.close()
        return response.status_code


def body_of(delivery: Delivery) -> bytes:
    document = {
        "event": delivery.event,
        "delivery": str(delivery.pk),
        "at": delivery.created_at.isoformat(),
        "project": delivery.webhook.project.slug,
        **delivery.payload,
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=SECONDS,v1=HEX`: HMAC-SHA256 over `SECONDS.BODY`, so that an old message cannot be sent
    again as a new one."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _public_address(host: str, port: int) -> str:
    """An address of the host that may be called; AddressRefusedError where one is private."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not settings.HEADROOM_WEBHOOK_PRIVATE and not _is_public(address):
            raise AddressRefusedError(
                f"{host} leads to {address}, which is not a public address. The operator of the "
                "portal can allow it with HEADROOM_WEBHOOK_PRIVATE=on."
            )
    return addresses[0]


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return True
