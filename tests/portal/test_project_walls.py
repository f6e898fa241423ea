"""A token of one project reads and writes nothing of another: every route of the API is walked."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ingest import tokens
from ingest.models import ApiToken
from portal.api import api
from runs import tuning
from runs.models import (
    ActionEvent,
    Badge,
    Delivery,
    Marker,
    Project,
    Retest,
    Run,
    RunFile,
    Webhook,
)
from tests.builders import manifest_of, write_spool

pytestmark = pytest.mark.django_db

SECRET = "the bank's own affair"
# Routes that name no project and show the caller's own, or nobody's.
OPEN = {("get", f"/api/v1/{name}") for name in ("limits", "projects", "runs", "tokens")}


@pytest.fixture
def bank(data_folder: Path) -> dict[str, Any]:
    """A project with one of everything, which is none of the shop's business."""
    project = Project.objects.create(slug="bank", name=SECRET)
    run = Run.objects.create(
        project=project,
        campaign=SECRET,
        notes=SECRET,
        started_at=timezone.now(),
        processing="failed",
        reason=SECRET,
    )
    RunFile.objects.create(run=run, name="manifest.json", bytes=1, sha256="0" * 64)
    action = tuning.create_action(project, tuning.NewAction(title=SECRET, state="implemented"))
    Retest.objects.create(action=action, run=run, outcome="fail", reason=SECRET)
    _, token = tokens.create(SECRET, ["admin"], project)
    webhook = Webhook.objects.create(project=project, url="https://example.com/", events=[])
    delivery = Delivery.objects.create(
        webhook=webhook, event="test", key=SECRET, payload={"a": SECRET}, created_at=timezone.now()
    )
    marker = Marker.objects.create(project=project, at=timezone.now(), text=SECRET)
    return {"project": project, "run": run, "action": action, "token": token} | {
        "webhook": webhook,
        "delivery": delivery,
        "marker": marker,
    }


@pytest.fixture
def shop_token() -> str:
    shop = Project.objects.create(slug="shop", name="shop")
    return tokens.create("shop", ["admin"], shop)[0]


def routes() -> list[tuple[str, str]]:
    schema = api.get_openapi_schema()
    return [(method, path) for path, calls in schema["paths"].items() for method in calls]


def address(path: str, bank: dict[str, Any]) -> str:
    """The route's address with everything in it being the bank's."""
    values = {
        "project": "bank",
        "run_id": bank["run"].pk,
        "action_id": bank["action"].pk,
        "criterion_id": 1,
        "token_id": bank["token"].pk,
        "webhook_id": bank["webhook"].pk,
        "delivery_id": bank["delivery"].pk,
        "marker_id": bank["marker"].pk,
        "name": "manifest.json",
        "table": "samples",
        "kind": "csv",
    }
    queries = {
        "compare": f"?runs={bank['run'].pk},{bank['run'].pk}",
        "export": "?to=k6",
        "trends": "?statistic=p95(billing)",
        "campaign-report": f"?runs={bank['run'].pk}",
    }
    filled = re.sub(r"{(\w+)}", lambda match: str(values[match.group(1)]), path)
    return filled + queries.get(path.rsplit("/", 1)[-1], "")


BODIES: dict[tuple[str, str], Any] = {
    ("post", "/api/v1/projects/{project}/actions"): {"title": "x"},
    ("post", "/api/v1/actions/{action_id}/criteria"): {"text": "p95(billing) < 1ms"},
    ("patch", "/api/v1/actions/{action_id}"): {"title": "x"},
    ("put", "/api/v1/actions/{action_id}/criteria/{criterion_id}"): {"text": "max(billing) < 1ms"},
    ("post", "/api/v1/actions/{action_id}/comments"): {"text": "x"},
    ("post", "/api/v1/projects/{project}/criteria/trial"): {
        "text": "p95(billing) < 1ms",
        "run": "00000000-0000-4000-8000-000000000000",
    },
    ("patch", "/api/v1/runs/{run_id}"): {"notes": "x"},
    ("patch", "/api/v1/projects/{project}"): {"name": "x"},
    ("post", "/api/v1/tokens"): {"name": "x", "project": "bank"},
    ("post", "/api/v1/runs/{run_id}/plan/accept"): {"key": "database_pool/db_pool_in_use/4"},
    ("post", "/api/v1/projects/{project}/webhooks"): {
        "url": "https://203.0.114.1/",
        "events": ["run.ready"],
    },
    ("patch", "/api/v1/webhooks/{webhook_id}"): {"events": ["run.ready"]},
    ("post", "/api/v1/projects/{project}/markers"): {"at": "2024-11-23T09:00:00Z", "text": "x"},
}


@pytest.mark.parametrize("route", routes(), ids=lambda route: " ".join(route))
def test_a_token_of_the_shop_gets_nothing_of_the_bank(
    bank: dict[str, Any], shop_token: str, tmp_path: Path, route: tuple[str, str]
) -> None:
    method, path = route
    manifest = manifest_of(write_spool(tmp_path / "run", run_id=str(bank["run"].pk)))
    bodies = {
        **BODIES,
        ("post", "/api/v1/actions/{action_id}/retests"): {"run": manifest["run_id"]},
    }
    before = everything()

    answer = getattr(Client(), method)(
        address(path, bank),
        json.dumps(bodies.get(route, manifest)) if method != "get" else None,
        content_type="application/json",
        headers={"Authorization": f"Bearer {shop_token}"},
    )

    assert answer.status_code == 200 if route in OPEN else answer.status_code in (403, 404)
    assert SECRET not in answer.content.decode()
    assert everything() == before


def everything() -> list[Any]:
    models = (Project, Run, RunFile, Retest, ActionEvent, Webhook, Delivery, Badge, Marker)
    rows: list[Any] = [list(model._base_manager.order_by("pk").values_list()) for model in models]
    return [*rows, list(ApiToken.objects.order_by("pk").values_list("pk", "revoked_at"))]


def test_a_bound_token_opens_no_run_in_a_project_that_does_not_exist(
    shop_token: str, tmp_path: Path
) -> None:
    answer = Client().post(
        "/api/v1/projects/new/runs",
        json.dumps(manifest_of(write_spool(tmp_path / "run"))),
        content_type="application/json",
        headers={"Authorization": f"Bearer {shop_token}"},
    )

    assert answer.status_code == 403
    assert "'shop' only" in answer.json()["detail"]
    assert not Project.objects.filter(slug="new").exists()


def test_an_action_takes_no_evidence_of_another_project(
    bank: dict[str, Any], shop_token: str
) -> None:
    answer = Client().post(
        "/api/v1/projects/shop/actions",
        json.dumps({"title": "x", "evidence": [str(bank["run"].pk)]}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {shop_token}"},
    )

    assert answer.status_code == 404
