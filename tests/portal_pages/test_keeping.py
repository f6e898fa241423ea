"""What people do to a run from its page: labels, notes, marks, sharing, and deleting it."""

import pytest
from django.test import Client

from runs.models import AuditEntry, Project, Retest, Run, ShareLink
from tests.portal_pages import documents, records

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return records.project()


@pytest.fixture
def run(project: Project) -> Run:
    return records.run(project, report=documents.report(verdict="pass"))


def change(visitor: Client, run: Run, what: str, **form: str) -> str:
    """The page that follows."""
    answer = visitor.post(f"/runs/{run.pk}/change/{what}/", form, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_labels_are_replaced_line_by_line(visitor: Client, run: Run) -> None:
    page = change(visitor, run, "labels", labels="pool = 20\r\n\r\nteam=pay=ments\n")
    run.refresh_from_db()
    assert run.labels == {"pool": "20", "team": "pay=ments"}
    assert "The labels are saved." in page
    assert AuditEntry.objects.get().detail == "pool=20, team=pay=ments"


def test_a_line_that_is_no_label_is_named_and_stays_typed(visitor: Client, run: Run) -> None:
    page = change(visitor, run, "labels", labels="pool=20\nnonsense")
    run.refresh_from_db()
    assert run.labels == {"pool": "10"}
    assert "Line 2 is &#x27;nonsense&#x27;; KEY=VALUE is expected" in page
    assert "pool=20\nnonsense</textarea>" in page


def test_notes_are_kept_and_shown_as_text(visitor: Client, run: Run) -> None:
    page = change(visitor, run, "notes", notes=f"{records.HOSTILE}\r\nSecond line")
    run.refresh_from_db()
    assert run.notes == f"{records.HOSTILE}\nSecond line"
    assert "<script>alert" not in page


def test_pinning_and_being_a_baseline_are_switched(visitor: Client, run: Run) -> None:
    change(visitor, run, "pin", to="on")
    page = change(visitor, run, "baseline", to="on")
    run.refresh_from_db()
    assert (run.is_pinned, run.is_baseline) == (True, True)
    assert "End being a baseline" in page
    change(visitor, run, "pin", to="off")
    run.refresh_from_db()
    assert run.is_pinned is False


def test_a_run_that_a_person_does_not_believe_judges_nothing(
    visitor: Client, project: Project, run: Run
) -> None:
    retest = records.retest(records.action(project), run)
    page = change(visitor, run, "invalid", reason="A backup ran on the host.")
    run.refresh_from_db()
    assert (run.validity, run.verdict) == ("invalid", "invalid")
    assert "Marked invalid by ada: A backup ran on the host." in page
    retest.refresh_from_db()
    assert retest.outcome == Retest.Outcome.NOT_APPLICABLE
    report = visitor.get(f"/api/v1/runs/{run.pk}/report").json()
    assert report["validity"]["reasons"][0]["code"] == "marked_invalid"
    assert report["criteria"][0]["verdict"] == "inconclusive"


def test_taking_the_mark_off_brings_the_verdict_back(visitor: Client, run: Run) -> None:
    before = run.report
    change(visitor, run, "invalid", reason="A backup ran.")
    change(visitor, run, "believe")
    run.refresh_from_db()
    assert (run.validity, run.verdict) == ("valid", "pass")
    assert before is not None
    assert run.report is not None
    assert run.report["criteria"][0]["verdict"] == before["criteria"][0]["verdict"]


def test_a_mark_needs_its_reason(visitor: Client, run: Run) -> None:
    page = change(visitor, run, "invalid", reason="  ")
    run.refresh_from_db()
    assert run.validity == "valid"
    assert "Say in a sentence why the run may not be believed" in page


def test_a_deleted_run_is_gone_and_comes_back(visitor: Client, run: Run) -> None:
    page = visitor.post(f"/runs/{run.pk}/delete/", follow=True).content.decode()
    assert f"{run.campaign} {run.short_id} is deleted." in page
    assert "Undo" in page
    assert visitor.get(f"/runs/{run.pk}/").status_code == 404
    assert run.short_id in visitor.get("/projects/backend/deleted/").content.decode()
    back = visitor.post(f"/runs/{run.pk}/restore/", follow=True)
    assert f"{run.campaign} {run.short_id} is back." in back.content.decode()
    told = list(AuditEntry.objects.order_by("id").values_list("what", flat=True))
    assert told == ["run.deleted", "run.restored"]


def test_a_pinned_run_is_not_deleted(visitor: Client, run: Run) -> None:
    change(visitor, run, "pin", to="on")
    page = visitor.post(f"/runs/{run.pk}/delete/", follow=True).content.decode()
    assert "it is pinned" in page
    assert Run.objects.filter(pk=run.pk).exists()


def test_a_share_link_opens_one_report_to_anybody_until_it_is_ended(
    visitor: Client, run: Run
) -> None:
    page = change(visitor, run, "share")
    link = ShareLink.objects.get()
    assert f"http://testserver/shared/{link.key}/" in page
    stranger = Client()
    answer = stranger.get(link.get_absolute_url())
    assert answer.status_code == 200
    assert "Billing saturates at 74/s (73 to 75)" in answer.content.decode()
    assert answer.headers["X-Robots-Tag"] == "noindex"
    change(visitor, run, "unshare")
    assert stranger.get(link.get_absolute_url()).status_code == 404


def test_a_deleted_run_is_shared_no_more(visitor: Client, run: Run) -> None:
    change(visitor, run, "share")
    visitor.post(f"/runs/{run.pk}/delete/")
    assert Client().get(ShareLink.objects.get().get_absolute_url()).status_code == 404


def test_nothing_is_changed_by_looking(visitor: Client, run: Run) -> None:
    for what in ("labels", "pin", "invalid", "share"):
        assert visitor.get(f"/runs/{run.pk}/change/{what}/").status_code == 405
    assert visitor.get(f"/runs/{run.pk}/delete/").status_code == 405


def test_a_form_without_its_csrf_token_is_refused(run: Run) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(records.user("eve"))
    assert strict.post(f"/runs/{run.pk}/change/pin/", {"to": "on"}).status_code == 403


def test_the_page_says_what_changed_against_the_baseline(
    visitor: Client, project: Project, run: Run
) -> None:
    change(visitor, run, "baseline", to="on")
    faster = documents.saturation(capacity_jps=141.3, ci_jps=[138.0, 144.0])
    better = records.run(project, 40, report=documents.report(saturation=[faster]))
    page = visitor.get(f"/runs/{better.pk}/").content.decode()
    assert f'href="/compare/?runs={run.pk},{better.pk}"' in page
    assert "0 figures worse, 1 better" in page
    assert "baseline 512 ms" in page
