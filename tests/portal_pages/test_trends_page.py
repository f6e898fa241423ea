"""A statistic over the runs: its answer, its changes, markers, and invalid runs drawn hollow."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from runs.models import Marker, Project
from tests.portal_pages import documents, records

pytestmark = pytest.mark.django_db
Counter = Any


@pytest.fixture
def project() -> Project:
    return records.project()


def history(project: Project, capacities: list[float], **more: Any) -> None:
    """One run an hour, each with its capacity of billing."""
    for number, capacity in enumerate(capacities):
        point = documents.saturation(
            capacity_jps=capacity, ci_jps=[capacity - 1, capacity + 1], headroom=None
        )
        report = documents.report(saturation=[point])
        records.run(project, 60 * number, report=report, timeline=None, curves=None, **more)


def get(visitor: Client, query: str = "", status: int = 200) -> str:
    answer = visitor.get(f"/projects/backend/trends/{query}")
    assert answer.status_code == status
    return answer.content.decode()


def figure(page: str, key: str = "trend-0") -> dict[str, Any]:
    found = re.search(rf'id="figure-{key}" type="application/json">(.*?)</script>', page)
    assert found is not None
    document: dict[str, Any] = json.loads(found.group(1))
    return document


STEADY = [74.0, 74.6, 73.7, 74.2, 74.9, 73.9, 74.4, 74.1, 73.8, 74.5]
LOWER = [60.1, 60.4, 59.8, 60.2, 60.3, 59.9]


def test_a_lower_level_is_told_with_its_run_and_its_size(visitor: Client, project: Project) -> None:
    history(project, STEADY + LOWER)
    page = get(visitor, "?statistic=capacity(billing)")
    assert "<h1>1 confirmed change</h1>" in page
    told = r"capacity of billing went from 74[.\d]*/s to 60[.\d]*/s by −19 %"
    assert re.search(told, page)
    assert "worse" in page


def test_noise_is_no_change(visitor: Client, project: Project) -> None:
    history(project, STEADY)
    assert "<h1>No change in 10 runs</h1>" in get(visitor, "?statistic=capacity(billing)")


def test_a_short_history_says_how_many_runs_are_missing(visitor: Client, project: Project) -> None:
    history(project, STEADY[:3])
    page = get(visitor, "?statistic=capacity(billing)")
    assert "3 runs: too few to tell a change" in page
    assert "5 more runs" in page


def test_an_invalid_run_is_drawn_hollow_and_counts_for_nothing(
    visitor: Client, project: Project
) -> None:
    history(project, STEADY)
    wrong = documents.report(saturation=[documents.saturation(capacity_jps=20.0, ci_jps=[19, 21])])
    records.run(project, 700, report=wrong, validity="invalid", verdict="invalid")
    page = get(visitor, "?statistic=capacity(billing)")
    assert "No change in 10 runs" in page
    traces = {trace.get("name"): trace for trace in figure(page)["data"]}
    assert traces["invalid runs"]["y"] == [20.0]
    assert traces["invalid runs"]["marker"]["symbol"] == "circle-open"
    assert len(traces["runs"]["y"]) == 10


def test_a_marker_is_drawn_where_it_was_set(visitor: Client, project: Project) -> None:
    history(project, STEADY)
    form = {
        "at": "2024-11-23T12:30",
        "kind": "deploy",
        "text": "release <2.14>",
        "query": "?runs=50",
    }
    answer = visitor.post("/projects/backend/markers/add/", form)
    assert answer.headers["Location"] == "/projects/backend/trends/?runs=50"
    page = get(visitor, "?statistic=capacity(billing)")
    notes = [note["text"] for note in figure(page)["layout"]["annotations"]]
    assert "release &lt;2.14&gt;" in notes
    visitor.post(f"/projects/backend/markers/{Marker.objects.get().pk}/remove/")
    assert not Marker.objects.exists()


@pytest.mark.parametrize(
    "form",
    [
        {"at": "yesterday", "kind": "deploy", "text": "x"},
        {"at": "2024-11-23T12:30", "kind": "party", "text": "x"},
        {"at": "2024-11-23T12:30", "kind": "deploy", "text": "  "},
    ],
)
def test_half_a_marker_is_refused_in_words(
    visitor: Client, project: Project, form: dict[str, str]
) -> None:
    page = visitor.post("/projects/backend/markers/add/", form, follow=True).content.decode()
    assert "A marker needs a time in UTC, a kind and a few words." in page
    assert not Marker.objects.exists()


def test_a_statistic_that_can_not_be_read_says_where(visitor: Client, project: Project) -> None:
    history(project, STEADY[:1])
    page = get(visitor, "?statistic=p95(billing", status=422)
    assert "is no statistic, column" in page
    assert 'value="p95(billing"' in page


def test_without_an_address_the_most_telling_statistic_is_shown(
    visitor: Client, project: Project
) -> None:
    history(project, STEADY[:2])
    assert "<code>capacity(*)</code>" in get(visitor)


def test_a_project_without_runs_is_a_page(visitor: Client, project: Project) -> None:
    assert "No run of this selection has the figure." in get(visitor)


@pytest.mark.parametrize("runs", [10, 40])
def test_the_number_of_queries_does_not_grow_with_the_runs(
    visitor: Client, project: Project, django_assert_num_queries: Counter, runs: int
) -> None:
    history(project, [74.0 + number % 3 for number in range(runs)])
    get(visitor)
    # session, user, project, newest run, campaigns, branches, markers, role, ids, reports
    with django_assert_num_queries(10):
        get(visitor)


def test_what_comes_from_outside_is_text(visitor: Client, project: Project) -> None:
    hostile = records.HOSTILE
    report = documents.report(saturation=[documents.saturation(scenario=hostile)])
    records.run(project, report=report, campaign=hostile, branch=hostile)
    Marker.objects.create(project=project, at=records.STARTED, kind="deploy", text=hostile)
    page = get(visitor, "?statistic=capacity(*)&campaign=" + hostile[:8])
    page += get(visitor, "?statistic=" + hostile, status=422)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
