"""Tuning actions: what one says, what runs said of it, and who may move it."""

from typing import Any

import pytest
from django.test import Client

from runs.models import Action, Project
from tests.portal_pages import records

pytestmark = pytest.mark.django_db
Counter = Any


@pytest.fixture
def project() -> Project:
    return records.project()


def get(visitor: Client, action: Action) -> str:
    answer = visitor.get(f"/actions/{action.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_action_that_a_run_verified_says_so_in_its_title(
    visitor: Client, project: Project
) -> None:
    before = records.run(project)
    action = records.action(project, before, state="verified")
    after = records.run(project, 40)
    records.retest(action, after)
    page = get(visitor, action)
    assert "<h1>Raise the database pool: the re-test passed</h1>" in page
    assert f'href="/compare/?runs={before.pk},{after.pk}"' in page
    for words in ("capacity(billing) &gt;= 1.3 * baseline", "138 to 144 /s", "verified"):
        assert words in page


def test_the_newest_run_speaks(visitor: Client, project: Project) -> None:
    action = records.action(project)
    records.retest(action, records.run(project, 60), "fail", 75.0)
    records.retest(action, records.run(project, 40), "pass")
    assert "the re-test failed</h1>" in get(visitor, action)


def test_a_run_to_which_it_does_not_apply_is_listed_and_does_not_speak(
    visitor: Client, project: Project
) -> None:
    action = records.action(project)
    records.retest(action, records.run(project, 40), "not_applicable")
    page = get(visitor, action)
    assert "No run has judged this yet" in page
    assert "not applicable" in page


def test_the_chart_holds_every_measurement_and_the_limit(visitor: Client, project: Project) -> None:
    action = records.action(project)
    records.retest(action, records.run(project, 40), "fail", 75.0)
    records.retest(action, records.run(project, 60), "pass", 141.3)
    page = get(visitor, action)
    assert '"y": [75.0, 141.3]' in page
    assert "limit 96.5/s" in page


def test_a_person_moves_an_action_and_the_page_says_it(visitor: Client, project: Project) -> None:
    action = records.action(project, state="proposed")
    form = {"to": "accepted", "detail": "Agreed on Monday"}
    page = visitor.post(f"/actions/{action.pk}/state/", form, follow=True).content.decode()
    assert "ACT-1 is accepted now." in page
    assert "Agreed on Monday" in page


def test_only_runs_verify(visitor: Client, project: Project) -> None:
    action = records.action(project, state="proposed")
    page = visitor.post(f"/actions/{action.pk}/state/", {"to": "verified"}, follow=True)
    action.refresh_from_db()
    assert action.state == "proposed"
    assert "cannot become verified by hand" in page.content.decode()


def test_a_state_is_not_changed_by_following_a_link(visitor: Client, project: Project) -> None:
    action = records.action(project, state="proposed")
    assert visitor.get(f"/actions/{action.pk}/state/", {"to": "accepted"}).status_code == 405


def test_what_a_run_has_broken_is_listed_first(visitor: Client, project: Project) -> None:
    records.action(project, title="Cache plans", state="proposed", impact="high")
    records.action(project, title="Shorten the spike", state="regressed", impact="low")
    page = visitor.get("/projects/backend/actions/").content.decode()
    assert page.index("Shorten the spike") < page.index("Cache plans")
    assert "<h1>2 open actions</h1>" in page


def test_without_actions_it_shows_how_to_make_one(visitor: Client, project: Project) -> None:
    page = visitor.get("/projects/backend/actions/").content.decode()
    assert "curl -X POST http://testserver/api/v1/projects/backend/actions" in page


def test_the_lists_cost_a_fixed_number_of_queries(
    visitor: Client, project: Project, django_assert_num_queries: Counter
) -> None:
    for _ in range(12):
        action = records.action(project)
        records.retest(action, records.run(project, 40))
    path = "/projects/backend/actions/"
    visitor.get(path)
    # session, user, project, actions, re-tests with runs, criteria, those that none can judge
    with django_assert_num_queries(7):
        visitor.get(path)


def test_what_comes_from_outside_is_text(visitor: Client, project: Project) -> None:
    hostile = records.HOSTILE
    action = records.action(
        project,
        title=hostile,
        description=hostile,
        owner=hostile,
        expected_gain=hostile,
        labels={hostile: hostile},
    )
    records.retest(action, records.run(project, 40, campaign=hostile))
    pages = get(visitor, action) + visitor.get("/projects/backend/actions/").content.decode()
    assert "<script>alert" not in pages
    assert "<img src=x" not in pages
