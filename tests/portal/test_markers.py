"""Markers over the API: what a pipeline says it has deployed is what the trends show."""

from typing import Any

import pytest

from ingest import tokens
from runs.models import AuditEntry, Marker, Project
from tests.api_client import Api

pytestmark = pytest.mark.django_db

DEPLOY = {"at": "2024-11-23T10:00:00+01:00", "text": "release  2.14 "}


@pytest.fixture
def project() -> Project:
    return Project.objects.create(slug="shop", name="shop")


@pytest.fixture
def api(project: Project) -> Api:
    return Api(tokens.create("pipeline", ["triage"], project)[0])


def test_a_marker_is_added_listed_and_removed_and_the_log_says_who(api: Api) -> None:
    made = api.post("projects/shop/markers", DEPLOY)

    assert made.status_code == 201
    marker = made.json()
    assert marker["at"] == "2024-11-23T09:00:00Z"
    assert (marker["kind"], marker["text"]) == ("deploy", "release 2.14")
    assert api.get("projects/shop/markers").json() == {"items": [marker], "count": 1, "next": None}
    assert api.delete(f"markers/{marker['id']}").status_code == 204
    assert api.delete(f"markers/{marker['id']}").status_code == 404
    log = AuditEntry.objects.order_by("pk").values_list("what", "name", "detail")
    assert list(log) == [
        ("marker.added", "pipeline", "release 2.14"),
        ("marker.removed", "pipeline", "release 2.14"),
    ]


def test_markers_are_listed_the_newest_first_within_the_time_that_is_asked_for(api: Api) -> None:
    for day in (1, 3, 2):
        api.post("projects/shop/markers", {"at": f"2024-11-0{day}T00:00:00Z", "text": str(day)})

    def texts(**query: Any) -> list[str]:
        items = api.get("projects/shop/markers", **query).json()["items"]
        return [one["text"] for one in items]

    assert texts() == ["3", "2", "1"]
    assert texts(since="2024-11-02T00:00:00Z") == ["3", "2"]
    assert texts(until="2024-11-02T00:00:00Z") == ["2", "1"]
    assert texts(per_page=1, page=2) == ["2"]


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"text": "  "}, "body.text"),  # says nothing
        ({"text": "x" * 121}, "body.text"),
        ({"text": "a\0b"}, "body.text"),  # which PostgreSQL does not hold
        ({"kind": "party"}, "body.kind"),
        ({"at": "2024-11-23T10:00:00"}, "body.at"),  # in which time zone?
        ({"at": "9999-12-31T23:59:59Z"}, "body.at"),  # has no day after it
        ({"colour": "red"}, "body.colour"),
    ],
)
def test_half_a_marker_is_refused_and_the_answer_says_where(
    api: Api, change: dict[str, str], at: str
) -> None:
    answer = api.post("projects/shop/markers", DEPLOY | change)

    assert answer.status_code == 422
    assert [one["at"] for one in answer.json()["errors"]] == [at]
    assert not Marker.objects.exists()


def test_who_may_only_read_adds_no_marker(project: Project) -> None:
    reader = Api(tokens.create("reader", ["read"], project)[0])

    assert reader.post("projects/shop/markers", DEPLOY).status_code == 403
    assert reader.get("projects/shop/markers").status_code == 200
