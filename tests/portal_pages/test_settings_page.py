"""A project's settings: read, checked, kept, and what they do to the runs that follow."""

import pytest
from django.test import Client

from ingest import tokens
from ingest.models import ApiToken
from runs import standing, webhooks
from runs.models import AuditEntry, Project, Webhook
from runs.views import run_page
from tests.analysis import made_runs
from tests.portal_pages import documents, records

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return records.project()


@pytest.fixture
def maintainer(client: Client, project: Project) -> Client:
    user = records.user("grace")
    records.member(project, user, "maintainer")
    client.force_login(user)
    return client


def change(maintainer: Client, what: str, status: int = 200, **form: str) -> str:
    path = f"/projects/backend/settings/{what}/change/"
    answer = maintainer.post(path, form, follow=True)
    assert answer.status_code == status
    return answer.content.decode()


def test_the_peak_is_read_line_by_line(maintainer: Client, project: Project) -> None:
    change(maintainer, "peak", peak="chat = 12\nb2b=90/s\n", growth="5")
    project.refresh_from_db()
    assert project.peak_jps == {"chat": 12.0, "b2b": 90.0}
    assert project.growth_percent == 5.0
    entry = AuditEntry.objects.get()
    assert entry.detail.startswith("the production peak from nothing to chat = 12, b2b = 90")


@pytest.mark.parametrize(
    ("what", "form", "said"),
    [
        ("peak", {"peak": "chat 12"}, "Line 1 of the peak is &#x27;chat 12&#x27;"),
        ("peak", {"peak": "chat = -1"}, "SCENARIO = JOURNEYS PER SECOND is expected"),
        ("peak", {"growth": "much"}, "The growth is &#x27;much&#x27;"),
        ("criteria", {"criteria": "p95(chat) <"}, "Line 1 of the criteria, column"),
        ("retention", {"keep_days": "0"}, "The number of days is &#x27;0&#x27;"),
        ("project", {"trace_url": "javascript:alert({trace_id})"}, "is no address of traces"),
        ("project", {"trace_url": "https://traces.example/"}, "is no address of traces"),
        ("everybody", {"everybody": "everything"}, "is not something that everybody may do"),
    ],
)
def test_what_is_wrong_is_said_and_stays_typed(
    maintainer: Client, project: Project, what: str, form: dict[str, str], said: str
) -> None:
    page = change(maintainer, what, 422, **form)
    assert said in page
    typed = next(iter(form.values()))
    if what != "everybody":
        assert typed.replace("<", "&lt;") in page
    assert not AuditEntry.objects.exists()


def test_nothing_different_is_no_change(maintainer: Client, project: Project) -> None:
    assert "Nothing was different." in change(maintainer, "project", name="Example backend")
    assert not AuditEntry.objects.exists()


def test_an_unknown_member_is_named(maintainer: Client, project: Project) -> None:
    form = {"username": "nobody", "role": "viewer"}
    answer = maintainer.post("/projects/backend/members/set/", form)
    assert answer.status_code == 422
    assert "Nobody signs in as &#x27;nobody&#x27;." in answer.content.decode()


def test_a_token_is_shown_once_and_opens_this_project_alone(
    maintainer: Client, project: Project
) -> None:
    form = {"name": "nightly", "scopes": ["upload", "read"], "expires": "30"}
    page = maintainer.post("/projects/backend/tokens/make/", form, follow=True).content.decode()
    text = page.split('id="new-token" tabindex="0">')[1].split("<")[0]
    access = tokens.access_of(text)
    assert access is not None
    assert access.project_id == project.pk
    assert text not in maintainer.get("/projects/backend/tokens/").content.decode()
    token = ApiToken.objects.get()
    assert token.expires_at is not None
    maintainer.post(f"/projects/backend/tokens/{token.pk}/revoke/")
    assert tokens.access_of(text) is None


def test_a_maintainer_makes_no_token_of_another_project(
    maintainer: Client, project: Project
) -> None:
    body = {"name": "all", "scopes": ["admin"]}
    answer = maintainer.post("/api/v1/tokens", body, content_type="application/json")
    assert answer.status_code == 403
    assert maintainer.get("/api/v1/tokens").json() == []


def test_a_webhooks_secret_is_shown_once(
    maintainer: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_public_address", lambda *_args: "203.0.113.7")
    form = {"url": "https://ci.example/hook/s3cret", "events": ["run.ready"]}
    page = maintainer.post("/projects/backend/webhooks/add/", form, follow=True).content.decode()
    made_one = Webhook.objects.get()
    assert made_one.secret in page
    again = maintainer.get("/projects/backend/settings/").content.decode()
    assert made_one.secret not in again
    assert AuditEntry.objects.get().detail == "ci.example"
    maintainer.post(f"/projects/backend/webhooks/{made_one.pk}/remove/")
    assert not Webhook.objects.exists()


def test_what_goes_next_is_listed_on_request(maintainer: Client, project: Project) -> None:
    records.run(project)
    records.run(project, 10)
    change(maintainer, "retention", keep_runs="1")
    page = maintainer.get("/projects/backend/settings/?show=expiring").content.decode()
    assert "1 runs go next" in page
    assert "not among the newest 1 runs" in page


def test_the_peak_and_the_criteria_of_a_project_reach_its_runs() -> None:
    """The campaign's own peak stays; a criterion of what the run does not have is left out."""
    samples = made_runs.requests(made_runs.steady(10, 10), 20.0)
    data = made_runs.run(samples, peak_jps={"chat": 7.0}, criteria=["count(chat) > 1"])
    asked = ["error_rate(chat@plateau) < 1%", "p95(other@plateau) < 1s", "count(chat) > 1"]
    project = Project(peak_jps={"chat": 12.0, "other": 5.0}, criteria=asked)
    found = standing.applied(data, project)
    assert found.plan.peak_jps == {"chat": 7.0}
    assert found.plan.criteria == ("count(chat) > 1", "error_rate(chat@plateau) < 1%")
    silent = standing.applied(made_runs.run(samples), project)
    assert silent.plan.peak_jps == {"chat": 12.0}


@pytest.mark.parametrize(
    ("ratio", "growth", "words"),
    [
        (1.68, 5.0, "lasts 10 months at 5 % growth a month"),
        (0.9, 5.0, "used up already, at 5 % growth a month"),
        (1.68, None, ""),
        (None, 5.0, ""),
    ],
)
def test_the_growth_says_how_long_the_headroom_lasts(
    ratio: float | None, growth: float | None, words: str
) -> None:
    assert run_page.lasting(ratio, growth) == words


def test_the_run_page_says_how_long_it_lasts(maintainer: Client, project: Project) -> None:
    change(maintainer, "peak", peak="", growth="5")
    page = maintainer.get(f"/runs/{records.run(project).pk}/").content.decode()
    assert "lasts 8 months at 5 % growth a month" in page


def test_hostile_settings_are_text(maintainer: Client, project: Project) -> None:
    hostile = records.HOSTILE
    change(maintainer, "project", name=hostile, description=hostile)
    run = records.run(project, report=documents.report())
    pages = [maintainer.get(path).content.decode() for path in (
        "/", "/projects/backend/", "/projects/backend/settings/", "/projects/backend/audit/",
        f"/runs/{run.pk}/", f"/runs/{run.pk}/report.html",
    )]  # fmt: skip
    assert all("<script>alert" not in page and "<img src=x" not in page for page in pages)
