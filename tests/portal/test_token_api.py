"""Tokens over the API: shown once, listed without their secret, ended at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ingest import tokens
from runs.models import Project
from tests.api_client import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return Api(tokens.create("root", ["admin"])[0])


def test_a_token_is_shown_once_works_and_is_listed_without_its_secret(api: Api) -> None:
    Project.objects.create(slug="shop", name="shop")

    made = api.post("tokens", {"name": "CI", "project": "shop", "scopes": ["upload", "read"]})

    assert made.status_code == 201
    text = made.json()["token"]
    assert Api(text).get("runs").status_code == 200
    listed = api.get("tokens").json()
    assert [(one["name"], one["project"]) for one in listed] == [("CI", "shop"), ("root", None)]
    assert (listed[0]["scopes"], listed[0]["prefix"]) == (["read", "upload"], text[:9])
    assert listed[0]["last_used_at"] is not None
    assert text not in api.get("tokens").content.decode()


def test_a_token_that_is_revoked_ends_at_once_and_twice_is_once(api: Api) -> None:
    made = api.post("tokens", {"name": "CI"}).json()
    address = f"tokens/{made['details']['id']}"

    statuses = [api.delete(address).status_code for _ in range(2)]

    assert statuses == [204, 204]
    assert Api(made["token"]).get("runs").status_code == 401
    assert api.get("tokens").json()[0]["revoked_at"] is not None
    assert api.delete("tokens/999").status_code == 404


def test_a_token_expires(api: Api) -> None:
    soon = timezone.now() + timedelta(days=30)

    made = api.post("tokens", {"name": "CI", "expires_at": soon.isoformat()})

    assert made.json()["details"]["expires_at"] is not None


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"name": ""}, "body.name"),
        ({"name": "x", "scopes": []}, "body.scopes"),
        ({"name": "x", "scopes": ["root"]}, "body.scopes.0"),
        ({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, "body.expires_at"),
        ({"name": "x", "expires_at": "2999-01-01T00:00:00"}, "body.expires_at"),
    ],
)
def test_a_token_that_makes_no_sense_is_refused(api: Api, body: dict[str, Any], at: str) -> None:
    answer = api.post("tokens", body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == at


@pytest.mark.parametrize("scope", ["upload", "read", "triage"])
def test_only_an_administrator_sees_to_tokens(scope: Any) -> None:
    caller = Api(tokens.create("other", [scope])[0])

    assert caller.get("tokens").status_code == 403
    assert caller.post("tokens", {"name": "x"}).status_code == 403


def test_the_administrator_of_a_project_sees_to_its_tokens_only(api: Api) -> None:
    shop = Project.objects.create(slug="shop", name="shop")
    Project.objects.create(slug="bank", name="bank")
    bound = Api(tokens.create("shop", ["admin"], shop)[0])
    foreign = api.post("tokens", {"name": "bank", "project": "bank"}).json()

    assert [one["name"] for one in bound.get("tokens").json()] == ["shop"]
    assert bound.delete(f"tokens/{foreign['details']['id']}").status_code == 404
    assert bound.post("tokens", {"name": "x"}).status_code == 403
    assert bound.post("tokens", {"name": "x", "project": "bank"}).status_code == 404
    assert bound.post("tokens", {"name": "x", "project": "shop"}).status_code == 201
