"""A viewer reads, a contributor works, a maintainer governs, and others see nothing."""

from collections.abc import Callable

import pytest
from django.test import Client

from runs.models import AuditEntry, Member, Project, Run
from tests.portal_pages import records

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = records.project()
    Project.objects.filter(pk=project.pk).update(everybody="nothing")
    project.refresh_from_db()
    return project


@pytest.fixture
def run(project: Project) -> Run:
    return records.run(project)


@pytest.fixture
def as_role(project: Project) -> Callable[[str], Client]:
    """A person with that role in the project; with an empty one, none."""

    def signed_in(role: str) -> Client:
        user = records.user(f"person-{role}")
        if role:
            records.member(project, user, role)
        client = Client()
        client.force_login(user)
        return client

    return signed_in


# What is done, with what, and the least role that may do it.
CHANGES = [
    ("/runs/{run}/change/labels/", {"labels": "a=1"}, "contributor"),
    ("/runs/{run}/change/notes/", {"notes": "Seen."}, "contributor"),
    ("/runs/{run}/change/pin/", {"to": "on"}, "contributor"),
    ("/runs/{run}/change/baseline/", {"to": "on"}, "contributor"),
    ("/runs/{run}/change/invalid/", {"reason": "A backup ran."}, "contributor"),
    ("/runs/{run}/change/share/", {}, "contributor"),
    ("/runs/{run}/delete/", {}, "contributor"),
    ("/runs/{run}/restore/", {}, "contributor"),
    ("/projects/backend/views/save/", {"name": "x", "query": "?verdict=fail"}, "contributor"),
    ("/projects/backend/markers/add/", {"at": "2024-11-23T09:00", "kind": "deploy", "text": "x"},
     "contributor"),
    ("/projects/backend/settings/project/change/", {"name": "Shop"}, "maintainer"),
    ("/projects/backend/settings/peak/change/", {"peak": "chat = 12"}, "maintainer"),
    ("/projects/backend/settings/criteria/change/", {"criteria": ""}, "maintainer"),
    ("/projects/backend/settings/retention/change/", {"keep_days": "30"}, "maintainer"),
    ("/projects/backend/settings/everybody/change/", {"everybody": "viewer"}, "maintainer"),
    ("/projects/backend/members/set/", {"username": "person-", "role": "viewer"}, "maintainer"),
    ("/projects/backend/webhooks/add/", {"url": "https://ci.example/x", "events": "run.ready"},
     "maintainer"),
    ("/projects/backend/tokens/make/", {"name": "CI", "scopes": "upload"}, "maintainer"),
]  # fmt: skip
PAGES = [
    "/projects/backend/",
    "/projects/backend/trends/",
    "/projects/backend/settings/",
    "/projects/backend/audit/",
    "/projects/backend/deleted/",
    "/projects/backend/actions/",
    "/runs/{run}/",
    "/runs/{run}/part/samples/",
    "/runs/{run}/report.html",
]


@pytest.mark.parametrize(("path", "form", "least"), CHANGES, ids=[one[0] for one in CHANGES])
def test_a_change_needs_its_role(
    as_role: Callable[[str], Client], run: Run, path: str, form: dict[str, str], least: str
) -> None:
    address = path.format(run=run.pk)
    assert as_role("").post(address, form).status_code == 404
    order = ["viewer", "contributor", "maintainer"]
    found = {}
    for role in order:
        Run.every.update(deleted_at=None)
        found[role] = as_role(role).post(address, form).status_code
    allowed = [role for role in order if found[role] not in (403, 404)]
    assert allowed == order[order.index(least) :], found
    assert all(found[role] == 403 for role in order if role not in allowed)


@pytest.mark.parametrize("path", PAGES)
def test_a_viewer_reads_every_page_and_an_outsider_none(
    as_role: Callable[[str], Client], run: Run, path: str
) -> None:
    address = path.format(run=run.pk)
    assert as_role("viewer").get(address).status_code == 200
    assert as_role("").get(address).status_code == 404


def test_tokens_are_the_maintainers_alone(as_role: Callable[[str], Client], run: Run) -> None:
    assert as_role("contributor").get("/projects/backend/tokens/").status_code == 403
    assert as_role("maintainer").get("/projects/backend/tokens/").status_code == 200


def test_an_outsider_does_not_find_the_project_anywhere(
    as_role: Callable[[str], Client], run: Run
) -> None:
    outsider = as_role("")
    assert "Example backend" not in outsider.get("/").content.decode()
    assert outsider.get(f"/compare/?runs={run.pk},{run.pk}").status_code == 404
    assert outsider.get("/api/v1/runs").json()["count"] == 0
    assert outsider.get(f"/api/v1/runs/{run.pk}/report").status_code == 404


def test_a_viewer_is_shown_no_form_that_would_be_refused(
    as_role: Callable[[str], Client], run: Run
) -> None:
    page = as_role("viewer").get(f"/runs/{run.pk}/").content.decode()
    assert "/change/labels/" not in page
    assert "Delete the run" not in page
    settings = as_role("contributor").get("/projects/backend/settings/").content.decode()
    assert "Save the project" not in settings


def test_a_viewer_may_not_change_over_the_api_either(
    as_role: Callable[[str], Client], run: Run
) -> None:
    viewer = as_role("viewer")
    body = {"labels": {"a": "1"}}
    answer = viewer.patch(f"/api/v1/runs/{run.pk}", body, content_type="application/json")
    assert answer.status_code == 403
    assert viewer.delete(f"/api/v1/runs/{run.pk}").status_code == 403
    assert Run.objects.filter(pk=run.pk, labels={"pool": "10"}).exists()


def test_a_role_of_ones_own_goes_before_what_everybody_may(
    as_role: Callable[[str], Client], project: Project, run: Run
) -> None:
    Project.objects.filter(pk=project.pk).update(everybody="contributor")
    assert as_role("viewer").post(f"/runs/{run.pk}/change/pin/", {"to": "on"}).status_code == 403
    assert as_role("").post(f"/runs/{run.pk}/change/pin/", {"to": "on"}).status_code == 302


def test_who_gave_whom_a_role_stands_in_the_log(
    as_role: Callable[[str], Client], project: Project
) -> None:
    records.user("grace")
    maintainer = as_role("maintainer")
    form = {"username": "grace", "role": "contributor"}
    maintainer.post("/projects/backend/members/set/", form)
    member = Member.objects.get(user__username="grace")
    maintainer.post(f"/projects/backend/members/{member.pk}/remove/")
    told = list(AuditEntry.objects.order_by("id").values_list("name", "what", "detail"))
    assert told == [
        ("person-maintainer", "member.set", "grace: contributor"),
        ("person-maintainer", "member.removed", "grace"),
    ]
    page = maintainer.get("/projects/backend/audit/").content.decode()
    assert "gave a role" in page
