"""Two to six runs side by side: the answer, what is not comparable, the address as the state."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from runs.models import Project, Run
from tests.portal_pages import documents, records

pytestmark = pytest.mark.django_db
Counter = Any


@pytest.fixture
def project() -> Project:
    return records.project()


@pytest.fixture
def before(project: Project) -> Run:
    return records.run(project)


@pytest.fixture
def after(project: Project) -> Run:
    """Billing now saturates at 120/s instead of 74/s."""
    faster = documents.saturation(capacity_jps=120.4, ci_jps=[118.0, 122.9])
    stages = [point | {"goodput_jps": point["offered_jps"]} for point in documents.points()]
    return records.run(
        project,
        40,
        branch="raise-db-pool",
        report=documents.report(saturation=[faster, documents.not_reached()]),
        curves={"billing": stages},
    )


def get(visitor: Client, *runs: Run, more: str = "", status: int = 200) -> str:
    ids = ",".join(str(run.pk) for run in runs)
    answer = visitor.get(f"/compare/?runs={ids}{more}")
    assert answer.status_code == status
    return answer.content.decode()


def test_the_title_is_the_answer(visitor: Client, before: Run, after: Run) -> None:
    page = get(visitor, before, after)
    assert "<h1>Billing&#x27;s capacity rose from 74.2/s to 120/s: better</h1>" in page
    assert "+62 %" in page


def test_swapping_the_sides_swaps_the_answer(visitor: Client, before: Run, after: Run) -> None:
    page = get(visitor, after, before)
    assert "capacity fell from 120/s to 74.2/s: worse" in page
    assert f'href="?runs={before.pk},{after.pk}"' in page


def test_runs_of_one_build_are_not_called_different(
    visitor: Client, project: Project, before: Run
) -> None:
    page = get(visitor, before, records.run(project, 40))
    assert "capacity did not change: 74.2/s and 74.2/s" in page
    assert "No figure is better or worse by more than these runs' noise." in page


def test_what_did_not_change_is_shown_on_request(
    visitor: Client, project: Project, before: Run
) -> None:
    again = records.run(project, 40)
    assert "no change" in get(visitor, before, again, more="&show=all")
    assert "stage_03" in get(visitor, before, again, more="&show=all")


def test_what_can_not_be_compared_says_why(visitor: Client, project: Project, before: Run) -> None:
    nothing = documents.report(validity={"verdict": "invalid", "reasons": []})
    page = get(visitor, before, records.run(project, 40, report=nothing))
    assert "Not comparable everywhere, because:" in page
    assert "Run B is not valid: nothing can be concluded from it." in page


def test_the_curves_are_overlaid_with_both_points(visitor: Client, before: Run, after: Run) -> None:
    page = get(visitor, before, after)
    assert "A 74/s (73 to 75)" in page
    assert "B 120/s (118 to 123)" in page


@pytest.mark.parametrize("count", [0, 1, 7])
def test_two_to_six_runs_are_compared(visitor: Client, project: Project, count: int) -> None:
    runs = [records.run(project, number) for number in range(count)]
    page = get(visitor, *runs, status=422)
    assert f"2 to 6 runs can be compared; found {count}." in page


def test_six_runs_fit_on_a_page(visitor: Client, project: Project) -> None:
    runs = [records.run(project, number) for number in range(6)]
    page = get(visitor, *runs)
    assert "<h1>6 runs side by side</h1>" in page
    assert "F against A" in page


def test_a_run_without_figures_is_refused_in_words(
    visitor: Client, project: Project, before: Run
) -> None:
    waiting = records.run(project, 1, processing="processing", report=None)
    assert "so it has no figures yet" in get(visitor, before, waiting, status=422)


@pytest.mark.parametrize("named", ["nonsense", str(uuid4())])
def test_a_run_that_is_not_there_is_a_404(visitor: Client, before: Run, named: str) -> None:
    assert visitor.get(f"/compare/?runs={before.pk},{named}").status_code == 404


def test_a_comparison_costs_a_fixed_number_of_queries(
    visitor: Client, project: Project, django_assert_num_queries: Counter
) -> None:
    runs = [records.run(project, number) for number in range(6)]
    get(visitor, *runs)
    # session, user, runs with their projects, repeats that have taught the noise, the newest runs
    # and their reports
    with django_assert_num_queries(6):
        get(visitor, *runs)


def test_what_comes_from_outside_is_text(visitor: Client, project: Project) -> None:
    hostile = records.HOSTILE
    report = documents.report(
        series=[documents.series(hostile, hostile, hostile)],
        saturation=[documents.saturation(scenario=hostile)],
    )
    runs = [
        records.run(
            project,
            minute,
            report=report,
            curves={hostile: documents.points()},
            labels={hostile: hostile},
            branch=hostile,
        )
        for minute in range(2)
    ]
    page = get(visitor, *runs, more="&show=all")
    assert "<script>alert" not in page
    assert "<img src=x" not in page
