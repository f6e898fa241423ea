"""The runs of a project: what a row says, how the address narrows, what it costs."""

import re
from typing import Any

import pytest
from django.test import Client

from runs.models import Project
from tests.portal_pages import documents, records

pytestmark = pytest.mark.django_db
Counter = Any


@pytest.fixture
def project() -> Project:
    return records.project()


def text(page: str) -> str:
    """What a reader sees of it."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def get(visitor: Client, path: str = "/projects/backend/") -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_row_says_what_one_looks_for(visitor: Client, project: Project) -> None:
    run = records.run(project, labels={"pool": "20"})
    page = text(get(visitor))
    for words in ("critical-flows", "pass", "valid", "billing", "74 /s", "(73 to 75)", "92 /s"):
        assert words in page
    for words in ("512 ms", "8 %", "1 min", "main", "4f2c9ab0", "pool=20", run.short_id):
        assert words in page


def test_the_exact_time_stands_behind_the_relative_one(visitor: Client, project: Project) -> None:
    records.run(project)
    assert 'title="2024-11-23 09:00:00 UTC"' in get(visitor)


def test_without_runs_it_shows_the_command_that_uploads_one(
    visitor: Client, project: Project
) -> None:
    page = get(visitor)
    assert "loadrunner run examples/critical-flows.yaml --portal http://testserver" in page
    assert "--project backend" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"a1", "b2", "c3"}),
        ("?q=feature", {"b2"}),
        ("?q=FEATURE+nightly", set()),
        ("?campaign=nightly", {"c3"}),
        ("?verdict=fail", {"b2"}),
        ("?validity=suspect", {"c3"}),
        ("?validity=suspect&verdict=fail", set()),
        ("?page=99", {"a1", "b2", "c3"}),
        ("?verdict=nonsense", set()),
    ],
)
def test_the_address_narrows_the_list(
    visitor: Client, project: Project, query: str, found: set[str]
) -> None:
    records.run(project, commit="a1" * 20)
    records.run(project, 1, commit="b2" * 20, branch="feature", verdict="fail")
    records.run(project, 2, commit="c3" * 20, campaign="nightly", validity="suspect")
    page = get(visitor, f"/projects/backend/{query}")
    shown = {name for name in ("a1", "b2", "c3") if f"<code>{(name * 20)[:8]}</code>" in page}
    assert shown == found


def test_a_filter_that_is_on_can_be_taken_off(visitor: Client, project: Project) -> None:
    records.run(project)
    page = get(visitor, "/projects/backend/?verdict=pass&q=main")
    assert '<a class="chip" href="?q=main"' in page


def test_the_action_that_a_run_judged_is_linked(visitor: Client, project: Project) -> None:
    action = records.action(project)
    records.retest(action, records.run(project, 40))
    page = get(visitor)
    assert f'href="/actions/{action.pk}/"' in page
    assert "ACT-1" in page


def test_a_run_that_is_not_ready_can_not_be_compared(visitor: Client, project: Project) -> None:
    records.run(project, processing="failed", report=None, headline={}, verdict="", validity="")
    page = get(visitor)
    assert "disabled data-waiting" in page
    assert "failed" in page


def test_fifty_runs_a_page(visitor: Client, project: Project) -> None:
    for minute in range(51):
        records.run(project, minute, report=None, timeline=None, curves=None)
    assert get(visitor).count('name="runs"') == 50
    older = get(visitor, "/projects/backend/?page=2")
    assert older.count('name="runs"') == 1
    assert 'rel="prev"' in older


def test_the_number_of_queries_does_not_grow_with_the_runs(
    visitor: Client, project: Project, django_assert_num_queries: Counter
) -> None:
    action = records.action(project)
    for minute in range(40):
        records.retest(action, records.run(project, 40 + minute))
    get(visitor)
    # session, user, project, count, runs, re-tests, baselines, campaigns, labels to complete,
    # saved views, the person's role
    with django_assert_num_queries(11):
        get(visitor)


def test_what_comes_from_outside_is_text(visitor: Client, project: Project) -> None:
    headline = documents.headline()
    headline["capacity"][0]["scenario"] = records.HOSTILE
    records.run(
        project,
        campaign=records.HOSTILE,
        branch=records.HOSTILE,
        labels={records.HOSTILE: records.HOSTILE},
        headline=headline,
    )
    page = get(visitor, f"/projects/backend/?q={records.HOSTILE[:8]}")
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_the_projects_say_what_needs_a_look(visitor: Client, project: Project) -> None:
    records.run(project, 1, verdict="invalid", validity="invalid")
    records.run(project, 2)
    records.action(project, state="failed")
    records.action(project, state="proposed")
    records.project("empty")
    page = text(get(visitor, "/"))
    for words in ("2 runs", "1 open action", "1 action failed or regressed", "1 run invalid"):
        assert words in page
    assert "No run yet" in page


def test_the_home_costs_the_same_for_any_number_of_projects(
    visitor: Client, django_assert_num_queries: Counter
) -> None:
    for number in range(12):
        records.run(records.project(f"service-{number}"))
    get(visitor, "/")
    # session, user, projects with their counts, latest runs, newest runs
    with django_assert_num_queries(5):
        get(visitor, "/")
