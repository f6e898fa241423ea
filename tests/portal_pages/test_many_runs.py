"""Pages cost the same number of queries with ten runs as with ten thousand."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from runs.models import Action, ActionCriterion, Project, Retest, Run
from tests.portal_pages import documents, records

pytestmark = pytest.mark.django_db


def light_runs(project: Project, count: int) -> None:
    """Runs with the columns of lists and a small report, in one go."""
    report = documents.report(series=[], criteria=[], bottlenecks=[], probes=[])
    Run.objects.bulk_create(
        [
            Run(
                id=uuid.uuid4(),
                project=project,
                campaign=f"campaign-{number % 7}",
                branch=f"branch-{number % 5}",
                processing="ready",
                state="complete",
                validity="invalid" if number % 50 == 0 else "valid",
                verdict="pass",
                started_at=records.STARTED - timedelta(minutes=number),
                labels={"build": str(number), "pool": str(number % 3)},
                headline=documents.headline(),
                report=report,
                is_baseline=number % 100 == 0,
            )
            for number in range(count)
        ],
        batch_size=500,
    )


def queries(visitor: Client, paths: list[str]) -> dict[str, int]:
    found = {}
    for path in paths:
        visitor.get(path)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert visitor.get(path).status_code == 200
        found[path] = len(captured)
    return found


def light_actions(project: Project, evidence: Run, count: int, first: int) -> None:
    """Actions whose change is live, each judged by a run, with an estimate and a criterion."""
    made = Action.objects.bulk_create(
        [
            Action(
                project=project,
                number=first + number,
                title=f"Action {number}",
                state="implemented",
                campaign="campaign-1",
                expected_gain="p95 of billing/usage -30 %",
                accepted_at=records.STARTED - timedelta(days=30),
                implemented_at=records.STARTED - timedelta(days=20),
            )
            for number in range(count)
        ]
    )
    ActionCriterion.objects.bulk_create(
        [ActionCriterion(action=one, text="p95(billing/usage) < 0.9 * baseline") for one in made]
    )
    Retest.objects.bulk_create([Retest(action=one, run=evidence, outcome="pass") for one in made])


def test_no_page_asks_more_of_the_database_when_there_are_more_runs(visitor: Client) -> None:
    project = records.project()
    run = records.run(project, 10, is_baseline=True)
    other = records.run(project, 11)
    light_runs(project, 8)
    light_actions(project, other, 10, first=1)
    action = Action.objects.order_by("number").first()
    assert action is not None
    paths = [
        "/",
        "/projects/backend/",
        "/projects/backend/?q=pool%3D1+branch-4",
        "/projects/backend/?page=2",
        "/projects/backend/trends/?statistic=capacity(billing)",
        "/projects/backend/trends/?statistic=p95(*)&runs=200",
        "/projects/backend/settings/",
        "/projects/backend/audit/",
        "/projects/backend/deleted/",
        "/projects/backend/actions/",
        "/projects/backend/actions/?view=list",
        "/projects/backend/plan/?campaign=campaign-1",
        "/projects/backend/ledger/",
        "/projects/backend/report/",
        f"/runs/{run.pk}/",
        f"/runs/{run.pk}/plan/",
        f"/compare/?runs={run.pk},{other.pk}",
        f"/actions/{action.pk}/",
        f"/actions/{action.pk}/edit/",
        "/api/v1/runs",
        "/api/v1/projects/backend/actions",
        "/api/v1/projects/backend/ledger",
    ]
    few = queries(visitor, paths)
    light_runs(project, 9_990)
    light_actions(project, other, 990, first=11)
    assert (Run.objects.count(), Action.objects.count()) == (10_000, 1_000)
    assert queries(visitor, paths) == few
    assert max(few.values()) <= 20, few
