"""Webhooks: signed, tried again, logged, and kept away from private addresses."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ingest import tokens
from runs import changes, webhooks
from runs.errors import RefusedError
from runs.models import Delivery, Project, Run, Webhook
from runs.webhooks import WAITS
from tests.api_client import Api, add_run
from tests.portal_pages import documents, records

pytestmark = pytest.mark.django_db
NOW = datetime(2024, 11, 23, 12, tzinfo=UTC)


class Receiver(HTTPServer):
    """A real server that keeps what it gets, and answers with the next of `statuses`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers.items()), body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def project() -> Project:
    return Project.objects.create(slug="shop", name="shop")


@pytest.fixture
def hook(project: Project, receiver: Receiver, settings: Any) -> Webhook:
    settings.HEADROOM_WEBHOOK_PRIVATE = True
    return webhooks.add(project, receiver.address, ["run.ready", "run.verdict"])


def ready(verdict: str = "fail") -> Run:
    run = add_run(verdict=verdict, validity="valid")
    webhooks.announce_run(run)
    Delivery.objects.update(next_at=NOW)
    return run


def test_a_run_that_is_ready_is_told_with_a_signature_that_holds(
    hook: Webhook, receiver: Receiver
) -> None:
    run = ready()

    assert webhooks.deliver_due(NOW) == 2

    headers, body = receiver.got[0]
    stamp, _, mark = headers["Headroom-Signature"].partition(",")
    seconds = stamp.removeprefix("t=")
    expected = hmac.new(hook.secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256)
    assert mark == f"v1={expected.hexdigest()}"
    assert int(seconds) == int(NOW.timestamp())
    document = json.loads(body)
    assert (document["run"], document["verdict"], document["project"]) == (
        str(run.pk),
        "fail",
        "shop",
    )
    assert {json.loads(one)["event"] for _, one in receiver.got} == {"run.ready", "run.verdict"}
    assert set(Delivery.objects.values_list("status", "next_at")) == {(204, None)}


def test_a_run_is_told_once_however_often_it_becomes_ready(hook: Webhook) -> None:
    run = ready()
    webhooks.announce_run(run)
    assert hook.deliveries.count() == 2


def test_a_run_without_a_verdict_is_ready_and_no_more(hook: Webhook) -> None:
    ready("none")
    assert [one.event for one in hook.deliveries.all()] == ["run.ready"]


def test_what_is_not_taken_is_tried_again_ever_later_and_then_given_up(
    hook: Webhook, receiver: Receiver
) -> None:
    ready("none")
    receiver.statuses = [500] * (len(WAITS) + 1)
    now = NOW
    for number, wait in enumerate(WAITS, start=1):
        assert webhooks.deliver_due(now) == 1
        delivery = hook.deliveries.get()
        assert (delivery.attempts, delivery.status, delivery.next_at) == (number, 500, now + wait)
        assert webhooks.deliver_due(now + wait - timedelta(seconds=1)) == 0
        now += wait
    assert webhooks.deliver_due(now) == 1
    assert hook.deliveries.get().next_at is None
    assert len(receiver.got) == len(WAITS) + 1


def test_a_redirect_is_not_followed(hook: Webhook, receiver: Receiver) -> None:
    ready("none")
    receiver.statuses = [307]
    webhooks.deliver_due(NOW)
    assert hook.deliveries.get().status == 307
    assert len(receiver.got) == 1


def test_a_receiver_that_is_away_is_logged(project: Project, settings: Any) -> None:
    settings.HEADROOM_WEBHOOK_PRIVATE = True
    hook = webhooks.add(project, "http://127.0.0.1:9/", ["run.ready"])
    ready("none")
    webhooks.deliver_due(NOW)
    assert "ConnectError" in hook.deliveries.get().error


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:8000/",
        "http://10.1.2.3/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://192.168.1.1/",
        "http://0.0.0.0/",
    ],
)
def test_private_addresses_are_refused(project: Project, url: str) -> None:
    with pytest.raises(RefusedError, match="not a public address"):
        webhooks.add(project, url, ["run.ready"])


def test_an_address_that_became_private_is_not_called(
    hook: Webhook, receiver: Receiver, settings: Any
) -> None:
    """A name may lead elsewhere on the day of the call: it is looked at again then."""
    ready("none")
    settings.HEADROOM_WEBHOOK_PRIVATE = False
    webhooks.deliver_due(NOW)
    delivery = hook.deliveries.get()
    assert receiver.got == []
    assert "not a public address" in delivery.error
    assert delivery.next_at is None


@pytest.mark.parametrize("url", ["ftp://example.com/", "https://user@example.com/", "http://[x"])
def test_what_is_no_address_is_refused(project: Project, url: str) -> None:
    with pytest.raises(RefusedError, match="cannot be called"):
        webhooks.add(project, url, ["run.ready"])


def test_old_messages_are_forgotten_and_waiting_ones_are_not(hook: Webhook) -> None:
    ready()
    Delivery.objects.filter(event="run.ready").update(next_at=None)
    Delivery.objects.update(created_at=NOW - webhooks.KEPT - timedelta(days=1))
    webhooks.forget_old(NOW)
    assert [one.event for one in hook.deliveries.all()] == ["run.verdict"]


def test_the_api_keeps_webhooks_and_shows_the_secret_once(
    project: Project, receiver: Receiver, settings: Any
) -> None:
    settings.HEADROOM_WEBHOOK_PRIVATE = True
    api = Api(tokens.create("admin", ["admin"], project)[0])
    new = {"url": receiver.address, "events": ["run.verdict"]}

    made = api.post("projects/shop/webhooks", new)
    assert made.status_code == 201
    assert len(made.json()["secret"]) >= 32
    number = made.json()["id"]
    assert "secret" not in api.get("projects/shop/webhooks").json()[0]
    changed = api.patch(f"webhooks/{number}", {"events": ["action.verified"]})
    assert (changed.json()["url"], changed.json()["events"]) == (new["url"], ["action.verified"])
    assert api.post(f"webhooks/{number}/test", {}).status_code == 202
    webhooks.deliver_due(datetime.now(UTC) + timedelta(seconds=1))
    log = api.get(f"webhooks/{number}/deliveries").json()["items"]
    assert [(one["event"], one["status"], one["attempts"]) for one in log] == [("test", 204, 1)]
    again = api.post(f"deliveries/{log[0]['id']}/retry", {})
    assert (again.status_code, again.json()["attempts"]) == (202, 0)
    assert api.delete(f"webhooks/{number}").status_code == 204


def test_only_an_administrator_keeps_webhooks(project: Project) -> None:
    api = Api(tokens.create("reader", ["triage"], project)[0])
    assert api.get("projects/shop/webhooks").status_code == 403


def test_the_badge_shows_verdict_and_headroom_to_whoever_knows_its_address(
    project: Project, client: Any
) -> None:
    api = Api(tokens.create("admin", ["admin"], project)[0])
    add_run(
        verdict="pass",
        validity="valid",
        report={
            "saturation": [
                {"scenario": "a", "headroom": {"ratio": 2.4}},
                {"scenario": "b", "headroom": {"ratio": 1.68}},
                {"scenario": None, "headroom": None},
            ]
        },
    )
    address = api.get("projects/shop/badge").json()["url"]
    assert len(address.rsplit("/", 1)[1]) > 32

    shown = client.get(address)
    assert shown["Content-Type"].startswith("image/svg+xml")
    assert "load: pass, 1.7× headroom" in shown.content.decode()

    renewed = api.post("projects/shop/badge", {}).json()["url"]
    assert client.get(address).status_code == 404
    assert client.get(renewed).status_code == 200


def nightly(project: Project, night: int, p95: float) -> Run:
    """The run of a night; noise of one part in a hundred."""
    row = documents.series("billing", "usage", "plateau", p95=p95 * (1 + 0.01 * (-1) ** night))
    report = documents.report(series=[row], saturation=[])
    run = records.run(project, 24 * 60 * night, report=report)
    changes.announce(run.pk)
    return run


def test_a_change_is_told_when_it_is_suspected_and_again_when_it_is_confirmed(
    hook: Webhook, project: Project
) -> None:
    webhooks.change(hook, events=["change.suspected", "change.confirmed"])
    for night in range(12):
        nightly(project, night, 40.0)
    assert hook.deliveries.count() == 0

    slower = nightly(project, 12, 60.0)
    told = hook.deliveries.get()
    assert (told.event, told.payload["statistic"], told.payload["direction"]) == (
        "change.suspected",
        "p95(billing/usage@plateau)",
        "worse",
    )
    assert told.payload["since"] == str(slower.pk)

    for night in range(13, 20):
        nightly(project, night, 60.0)
    confirmed = hook.deliveries.filter(event="change.confirmed").get()
    assert confirmed.payload["since"] == str(slower.pk)
    assert confirmed.payload["ratio"] == pytest.approx(1.5, rel=0.05)


def test_a_change_is_not_looked_for_where_nobody_asks(
    project: Project, hook: Webhook, django_assert_num_queries: Any
) -> None:
    run = records.run(project)
    with django_assert_num_queries(2):  # the run, and what its webhooks ask for
        changes.announce(run.pk)
