"""What a project asks of its runs is asked of other tools' runs too, as far as files hold it."""

import json
from pathlib import Path
from typing import Any

import pytest

from runs import importing, processing, reports, store
from runs.models import Project, Run, RunFile
from tests.api_client import add_run

pytestmark = pytest.mark.django_db

DATA = Path(__file__).parent.parent / "formats" / "data"


@pytest.fixture
def project(data_folder: Path) -> Project:
    return Project.objects.create(slug="shop", name="shop")


def judged(project: Project, file: str, *criteria: str) -> tuple[str, list[dict[str, Any]]]:
    """The verdict and the criteria of a file of another tool, in a project that asks for these."""
    project.criteria = list(criteria)
    project.save()
    run = add_run(manifest=importing.placeholder(file, "auto"))
    (store.spool_of(run.pk) / file).write_bytes((DATA / file).read_bytes())
    RunFile.objects.create(run=run, name=file, bytes=1, sha256="0" * 64)
    processing.process(run.pk, lambda _stage: None)
    run = Run.objects.get(pk=run.pk)
    assert run.report is not None
    assert run.report["verdict"] == run.verdict
    return run.verdict, run.report["criteria"]


def test_a_file_of_requests_is_judged_as_a_run_of_our_own_is(project: Project) -> None:
    verdict, found = judged(
        project,
        "jmeter-2.13.csv",
        "all_p50(checkout/flaky) < 10s by interval",
        "error_rate(*) < 0.1%",
        "drop_rate(checkout) < 1%",
        "p95(chat) < 1ms",
    )

    assert [one["text"].split("(")[0] for one in found] == ["all_p50", "error_rate", "drop_rate"]
    fast, failed, dropped = found
    assert (fast["verdict"], fast["by"]) == ("pass", "interval")
    assert fast["ci"][0] < fast["measured"] < fast["ci"][1]
    assert failed["verdict"] == "fail"
    assert dropped["verdict"] == "inconclusive"  # JMeter knows no request that it did not send
    assert dropped["reason"] == "The source does not hold it."
    assert verdict == "fail"


def test_a_summary_is_judged_by_what_it_holds_and_never_by_what_it_does_not(
    project: Project,
) -> None:
    verdict, found = judged(
        project,
        "locust-stats.csv",
        'all_p95(*/"GET /ok") < 70ms',
        'all_p99(*/"GET /ok") < 70ms',
        'p95(*/"GET /flaky") < 10s',
        'ok_p95(*/"GET /ok") < 70ms',
        'all_p95(*/"GET /ok") < 70ms by interval',
        "capacity(*) > 1/s",
        'all_p95(*/"GET /absent") < 70ms',
    )

    verdicts = [(one["verdict"], one["measured"]) for one in found]
    assert verdicts == [
        ("pass", 62.0),
        ("fail", 72.0),
        ("fail", None),  # a quarter failed, and so the percentile is among what failed
        ("inconclusive", None),  # Locust mixes the times of what failed with the others
        ("inconclusive", 62.0),
        ("inconclusive", None),
    ]
    assert found[3]["reason"] == "The source does not hold it."
    assert verdict == "fail"


def test_a_summary_is_judged_anew_against_another_by_its_rows(project: Project) -> None:
    asked = 'all_p95(*/"GET /ok") <= baseline'
    assert judged(project, "locust-stats.csv", asked)[0] == "inconclusive"  # against nothing
    after, before = Run.objects.get(), Run.objects.get()
    before.report = json.loads(json.dumps(before.report).replace("62.0", "31.0"))
    before.headline = {**before.headline, "digest": "of another report"}

    found = reports.verdict_of(after, before)

    assert (found.verdict, found.validity) == ("fail", "suspect")
    assert (found.criteria[0]["measured"], found.criteria[0]["limit"]) == (62.0, 31.0)
    assert reports.verdict_of(after, after).verdict == "pass"


def test_a_project_that_asks_for_nothing_has_no_verdict_on_them(project: Project) -> None:
    assert judged(project, "locust-stats.csv") == ("none", [])
