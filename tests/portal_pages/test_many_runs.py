"""Pages cost the same number of queries with ten runs as with ten thousand."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from runs.models import Project, Run
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


def test_no_page_asks_more_of_the_database_when_there_are_more_runs(visitor: Client) -> None:
    project = records.project()
    run = records.run(project, 10, is_baseline=True)
    other = records.run(project, 11)
    paths = [
        "/",
        "/projects/backend/",
        "/projects/backend/?q=pool%3D1+branch-3",
        "/projects/backend/?page=2",
        "/projects/backend/trends/?statistic=capacity(billing)",
        "/projects/backend/settings/",
        "/projects/backend/audit/",
        "/projects/backend/deleted/",
        f"/runs/{run.pk}/",
        f"/compare/?runs={run.pk},{other.pk}",
    ]
    light_runs(project, 100)
    few = queries(visitor, paths)
    light_runs(project, 9_900)
    assert Run.objects.count() == 10_002
    assert queries(visitor, paths) == few
    assert max(few.values()) <= 16, few
