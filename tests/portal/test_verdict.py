"""A run's verdict held against a baseline is the verdict that it has, and more."""

import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from ingest import tokens
from runs import curation
from runs.access import Access
from runs.api import MOST_WAITING, waiting
from runs.models import Run
from tests.api_client import Api
from tests.portal.test_trends import measured

pytestmark = pytest.mark.django_db
ASKED = "p95(billing/usage@plateau) < 10ms"


@pytest.fixture
def api() -> Api:
    return Api(tokens.create("tests", ["read"])[0])


@pytest.fixture
def runs(data_folder: Path) -> tuple[Run, Run]:
    """Before and after, in a project that asks for a p95 under 10 ms of each run."""
    before = measured(1, 20)
    project = before.project
    project.criteria = [ASKED]
    project.save()
    return before, measured(2, 20)


def test_the_projects_criteria_are_judged_against_a_baseline_too(
    api: Api, runs: tuple[Run, Run]
) -> None:
    before, after = runs
    plain = api.get(f"runs/{after.pk}/verdict").json()
    against = api.get(f"runs/{after.pk}/verdict", baseline=str(before.pk)).json()
    assert plain["verdict"] == against["verdict"] == "fail"
    assert [one["text"] for one in against["criteria"]] == [ASKED]


def test_where_many_wait_for_verdicts_a_call_answers_at_once(api: Api, data_folder: Path) -> None:
    """Each holds a thread of the server, which uploads and pages need as well."""
    run = measured(1, 20)
    run.processing = Run.Processing.RECEIVING
    run.save()
    began = time.monotonic()
    with ExitStack() as many:
        for _ in range(MOST_WAITING):
            many.enter_context(waiting)
        answer = api.get(f"runs/{run.pk}/verdict", wait=60).json()
    assert answer["processing"] == "receiving"
    assert time.monotonic() - began < 30
    with waiting:
        pass  # its place was given back


def test_a_run_that_is_marked_invalid_is_not_judged_against_a_baseline(
    api: Api, runs: tuple[Run, Run]
) -> None:
    before, after = runs
    user = get_user_model().objects.create_user("ada", is_staff=True, is_superuser=True)
    after.refresh_from_db()
    curation.mark_invalid(Access.of_user(user), after, "A backup ran on the host.")
    against = api.get(f"runs/{after.pk}/verdict", baseline=str(before.pk)).json()
    assert (against["validity"], against["verdict"]) == ("invalid", "invalid")
    assert [one["verdict"] for one in against["criteria"]] == ["inconclusive"]


def test_a_baseline_whose_samples_are_gone_is_said(
    api: Api, runs: tuple[Run, Run], data_folder: Path
) -> None:
    before, after = runs
    shutil.rmtree(data_folder / "runs" / str(before.pk))
    answer = api.get(f"runs/{after.pk}/verdict", baseline=str(before.pk))
    assert (answer.status_code, answer.json()["code"]) == (409, "samples_gone")
    assert api.get(f"runs/{after.pk}/verdict").status_code == 200
