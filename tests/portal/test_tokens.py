"""Tokens: what they look like, what is kept of them, and when they stop to work."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ingest import tokens
from ingest.models import ApiToken
from runs.access import Access
from runs.errors import ForbiddenError
from runs.models import Project

pytestmark = pytest.mark.django_db


def status_of(text: str) -> int:
    client = Client()
    return client.get("/api/v1/runs", headers={"Authorization": f"Bearer {text}"}).status_code


def test_a_token_has_a_mark_160_random_bits_and_a_checksum_and_only_its_hash_is_kept() -> None:
    text, token = tokens.create("CI", ["read"])

    assert re.fullmatch(r"hr_[a-z2-7]{32}[a-z2-7]{6}", text)
    assert token.prefix == text[:9]
    stored = " ".join(str(value) for value in ApiToken.objects.values_list().get())
    assert text not in stored
    assert text[9:] not in stored


def test_two_tokens_differ() -> None:
    assert tokens.create("a", ["read"])[0] != tokens.create("b", ["read"])[0]


def test_a_token_lets_in_and_its_use_is_noted() -> None:
    text, token = tokens.create("CI", ["read"])

    assert status_of(text) == 200

    token.refresh_from_db()
    assert token.last_used_at is not None


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
    ],
)
def test_a_token_that_was_revoked_or_has_expired_is_401(change: dict[str, Any]) -> None:
    text, _ = tokens.create("CI", ["admin"])
    assert status_of(text) == 200

    ApiToken.objects.update(**change)

    assert status_of(text) == 401


@pytest.mark.parametrize("sent", ["", "hr_", "hr_" + "a" * 38, "hr_\xfcnlesbar", "Basic abc"])
def test_what_is_no_token_is_401(sent: str) -> None:
    assert status_of(sent) == 401


def test_a_token_that_was_cut_or_mistyped_is_401() -> None:
    text, _ = tokens.create("CI", ["admin"])

    assert status_of(text[:-4]) == 401
    assert status_of(text[:-1] + ("a" if text[-1] != "a" else "b")) == 401


def test_without_a_token_the_answer_says_what_to_send() -> None:
    answer = Client().get("/api/v1/runs")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    body = answer.json()
    assert (body["code"], body["errors"]) == ("unauthorized", [])
    assert "Authorization: Bearer TOKEN" in body["detail"]


def test_a_wrong_token_is_refused_even_where_a_session_would_do(admin_client: Client) -> None:
    answer = admin_client.get("/api/v1/runs", headers={"Authorization": "Bearer wrong"})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("scope", "may", "may_not"),
    [
        ("upload", ["upload"], ["read", "triage", "admin"]),
        ("read", ["read"], ["upload", "triage", "admin"]),
        ("triage", ["read", "triage"], ["upload", "admin"]),
        ("admin", ["upload", "read", "triage", "admin"], []),
    ],
)
def test_scopes_allow_what_they_say(scope: str, may: list[str], may_not: list[str]) -> None:
    text, _ = tokens.create("t", [scope])  # type: ignore[list-item]
    access = tokens.access_of(text)
    assert isinstance(access, Access)

    for one in may:
        access.require(one)  # type: ignore[arg-type]
    for one in may_not:
        with pytest.raises(ForbiddenError, match=f"needs the scope {one}"):
            access.require(one)  # type: ignore[arg-type]


def test_a_token_that_is_bound_sees_its_own_project_only() -> None:
    shop = Project.objects.create(slug="shop", name="shop")
    Project.objects.create(slug="bank", name="bank")
    text, _ = tokens.create("shop", ["admin"], shop)

    headers = {"Authorization": f"Bearer {text}"}
    listed = Client().get("/api/v1/projects", headers=headers).json()

    assert [project["slug"] for project in listed["items"]] == ["shop"]
    assert Client().get("/api/v1/projects/bank", headers=headers).status_code == 404
