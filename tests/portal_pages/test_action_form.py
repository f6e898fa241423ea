"""The form of an action: made, edited, and its criteria tried while they are written."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from runs.models import Action, Project, Run
from tests.portal_pages import records

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return records.project()


def form(*criteria: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    """What the browser sends; `criteria` are (key, text, by)."""
    fields: dict[str, Any] = {
        "title": "Raise the pool",
        "kind": "quick_win",
        "area": "database",
        "impact": "high",
        "effort": "low",
        "risk": "low",
        "needed_runs": "1",
        "criterion": [key for key, _, _ in criteria],
    }
    for key, text, by in criteria:
        fields |= {f"text-{key}": text, f"by-{key}": by}
    return fields | more


def new(visitor: Client, fields: dict[str, Any]) -> Any:
    return visitor.post("/projects/backend/actions/new/", fields)


def test_an_action_is_made_whole(visitor: Client, project: Project) -> None:
    run = records.run(project)
    fields = form(
        ("new0", "capacity(billing) >= 1.3 * baseline", "interval"),
        ("new1", "error_rate(billing@stage_01) < 1%", "point"),
        ("new2", "", "interval"),
        labels="pool=20\ntier = gold",
        links="The ticket https://example.com/T-1",
        due="2030-01-31",
        expected_gain="capacity of billing +50 %",
        own_priority="12",
        priority_reason="Black Friday",
        evidence=[str(run.pk)],
    )
    assert new(visitor, fields).status_code == 302
    made = Action.objects.get()
    assert (made.state, made.priority, made.labels) == (
        "proposed",
        12,
        {"pool": "20", "tier": "gold"},
    )
    assert made.links == [{"title": "The ticket", "url": "https://example.com/T-1"}]
    assert [(one.text, one.by) for one in made.criteria.all()] == [
        ("capacity(billing) >= 1.3 * baseline", "interval"),
        ("error_rate(billing@stage_01) < 1%", "point"),
    ]
    assert list(made.evidence.all()) == [run]
    assert made.created_by is not None


def test_what_is_wrong_is_said_and_what_was_typed_stays(visitor: Client, project: Project) -> None:
    rows = [
        ({"title": ""}, "Title: This field is required"),
        ({"labels": "pool"}, "is no label; KEY=VALUE is expected"),
        ({"own_priority": "3"}, "needs a reason"),
        ({"links": "javascript:alert(1)"}, "a link begins with https://"),
        ({"needed_runs": "0"}, "Needed runs"),
    ]
    for wrong, said in rows:
        answer = new(visitor, form(description="As agreed on Monday", **wrong))
        page = answer.content.decode()
        assert (answer.status_code, said in page) == (422, True), wrong
        assert "As agreed on Monday" in page
    assert not Action.objects.exists()


def test_a_criterion_that_cannot_be_read_points_at_its_column(
    visitor: Client, project: Project
) -> None:
    page = new(visitor, form(("new0", "p95(billing) <> 4ms", "interval"))).content.decode()
    assert "column" in page
    assert 'value="p95(billing) &lt;&gt; 4ms"' in page
    assert not Action.objects.exists()


def test_trying_saves_nothing_and_reads_the_criterion_back(
    visitor: Client, project: Project
) -> None:
    fields = form(("new0", "p95(billing/usage@stage_02) < 40ms", "interval"))
    page = new(visitor, fields | {"try": "1"}).content.decode()
    assert "The p95 response time of billing/usage in stage_02 is below 40 ms." in page
    assert "Not tried: no run is named as evidence." in page
    assert not Action.objects.exists()


def test_a_new_action_from_a_run_begins_with_its_evidence(
    visitor: Client, project: Project
) -> None:
    run: Run = records.run(project)
    page = visitor.get(f"/projects/backend/actions/new/?run={run.pk}").content.decode()
    assert 'value="critical-flows"' in page
    assert (
        f'value="{run.pk}" aria-label="critical-flows {run.short_id} is evidence" checked' in page
    )


def test_an_edit_changes_what_is_other_and_nothing_else(visitor: Client, project: Project) -> None:
    action = records.action(project, records.run(project))
    kept = action.criteria.get()
    path = f"/actions/{action.pk}/edit/"
    page = visitor.get(path).content.decode()
    assert 'value="capacity(billing) &gt;= 1.3 * baseline"' in page

    same = form(
        (str(kept.pk), kept.text, "interval"),
        title=action.title,
        impact="medium",
        effort="medium",
        campaign="critical-flows",
        evidence=[str(one.pk) for one in action.evidence.all()],
        baseline=str(action.baseline_id),
    )
    before = action.events.count()
    assert visitor.post(path, same).status_code == 302
    assert action.events.count() == before

    other = same | {
        "title": "Raise the pool at last",
        f"text-{kept.pk}": "capacity(billing) >= 1.2 * baseline",
        "criterion": [str(kept.pk), "new1"],
        "text-new1": "error_rate(billing@stage_01) < 1%",
    }
    visitor.post(path, other)
    action.refresh_from_db()
    kept.refresh_from_db()
    assert action.title == "Raise the pool at last"
    assert (kept.text, kept.version) == ("capacity(billing) >= 1.2 * baseline", 2)
    assert action.criteria.count() == 2

    visitor.post(path, other | {f"text-{kept.pk}": "", "criterion": [str(kept.pk)]})
    assert action.criteria.count() == 0


def test_a_comment_stands_in_the_history(visitor: Client, project: Project) -> None:
    action = records.action(project)
    visitor.post(f"/actions/{action.pk}/comments/", {"text": "The DBA agrees."})
    assert "The DBA agrees." in visitor.get(f"/actions/{action.pk}/").content.decode()


def test_an_action_is_put_off_until_a_day(visitor: Client, project: Project) -> None:
    action = records.action(project, state="proposed")
    fields = {"to": "deferred", "deferred_until": "2030-01-06", "detail": "After the freeze"}
    page = visitor.post(f"/actions/{action.pk}/state/", fields, follow=True).content.decode()
    assert "until 2030-01-06" in page


def test_the_board_filters_and_says_what_can_no_longer_be_evaluated(
    visitor: Client, project: Project
) -> None:
    action = records.action(project, title="Shorten the queries", area="database")
    records.action(project, title="Raise the LLM pool", area="llm", state="proposed")
    gone = {"text": "capacity(billing) >= 1.3 * baseline", "is_evaluable": False}
    action.retests.create(run=records.run(project), outcome="inconclusive", figures=[gone])
    path = "/projects/backend/actions/"
    page = visitor.get(path).content.decode()
    assert "1 action can no longer be judged:" in page
    assert page.count("cannot be evaluated") == 1
    only = visitor.get(path, {"area": "llm"}).content.decode()
    assert ("Raise the LLM pool" in only, "Shorten the queries" in only) == (True, False)


def test_a_badge_is_made_and_given_another_address(client: Client, project: Project) -> None:
    client.force_login(User.objects.create_user("root", is_staff=True))
    path = "/projects/backend/badge/"

    def address() -> str:
        page = client.post(path, follow=True).content.decode()
        found = re.search(r"!\[load\]\(http://testserver(/badge/[^)]+)\)", page)
        assert found is not None
        return found[1]

    first, second = address(), address()
    assert Client().get(first).status_code == 404
    assert "no verdict yet" in Client().get(second).content.decode()
