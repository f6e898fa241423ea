"""The plan, its acceptance, the ledger and the campaign report, over the API."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from ingest import tokens
from runs.models import Action, Project, Retest, Run
from runs.tuning import baseline, proposals
from tests.api_client import Api
from tests.portal_pages import documents, records

pytestmark = pytest.mark.django_db
POOL = "database_pool/db_pool_in_use/10"


@pytest.fixture
def project() -> Project:
    return records.project()


@pytest.fixture
def api(project: Project) -> Api:
    return Api(tokens.create("team", ["triage"], project)[0])


def healthy(project: Project, minutes: int) -> Run:
    report = documents.report(saturation=[documents.not_reached("billing", 120.0)], bottlenecks=[])
    return records.run(project, minutes, report=report)


def test_a_run_proposes_what_its_figures_support(api: Api, project: Project) -> None:
    run = records.run(project)
    found = api.get(f"runs/{run.pk}/plan").json()
    first = found["proposals"][0]
    assert found["summary"] == "Raise the database pool from 10 to 20."
    assert (first["key"], first["rule"], first["is_top"]) == (POOL, "database_pool", True)
    assert (first["action"], first["run"]) == (None, str(run.pk))
    assert first["criteria"][0] == "capacity(billing) >= 1.4 * baseline"


def test_a_proposal_is_accepted_once(api: Api, project: Project) -> None:
    run = records.run(project)
    made = api.post(f"runs/{run.pk}/plan/accept", {"key": POOL})
    assert made.status_code == 201
    action = made.json()
    assert (action["state"], action["evidence"], action["campaign"]) == (
        "accepted",
        [str(run.pk)],
        "critical-flows",
    )
    assert action["expected_gain"] == "capacity of billing +80 %"
    assert {one["kind"] for one in action["findings"]} == {"saturation", "bottleneck"}
    again = api.post(f"runs/{run.pk}/plan/accept", {"key": POOL})
    assert (again.status_code, again.json()["id"]) == (200, action["id"])
    shown = api.get(f"runs/{run.pk}/plan").json()["proposals"][0]["action"]
    assert shown == {"id": action["id"], "ref": action["ref"], "state": "accepted"}


def test_what_a_person_rejected_is_not_accepted_by_the_way(api: Api, project: Project) -> None:
    run = records.run(project)
    number = api.post(f"runs/{run.pk}/plan/accept", {"key": POOL}).json()["id"]
    api.patch(f"actions/{number}", {"state": "rejected"})
    answer = api.post(f"runs/{run.pk}/plan/accept", {"key": POOL})
    assert answer.status_code == 409
    assert "is rejected; move that action instead" in answer.json()["detail"]


def test_a_verified_change_may_be_proposed_anew(api: Api, project: Project) -> None:
    run = records.run(project)
    number = api.post(f"runs/{run.pk}/plan/accept", {"key": POOL}).json()["id"]
    Action.objects.filter(pk=number).update(state="verified", implemented_at=records.STARTED)
    again = api.post(f"runs/{run.pk}/plan/accept", {"key": POOL})
    assert (again.status_code, again.json()["id"] == number) == (201, False)
    third = api.post(f"runs/{run.pk}/plan/accept", {"key": POOL})
    assert (third.status_code, third.json()["id"]) == (200, again.json()["id"])


def test_a_proposal_that_is_not_there_is_not_accepted(api: Api, project: Project) -> None:
    run = records.run(project)
    assert api.post(f"runs/{run.pk}/plan/accept", {"key": "cpu/cpu"}).status_code == 404


def test_two_who_accept_at_once_make_one_action(transactional_db: None, project: Project) -> None:
    run = records.run(project)

    def accept(_: int) -> int:
        try:
            return proposals.accept(run, POOL)[0].pk
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(accept, range(2)))) == 1
    assert Action.objects.count() == 1


def test_a_campaigns_plan_drops_what_a_newer_run_does_not_see_any_more(
    api: Api, project: Project
) -> None:
    records.run(project)
    assert api.get("projects/backend/plan").json()["proposals"][0]["key"] == POOL
    healthy(project, 60)
    found = api.get("projects/backend/plan").json()
    assert found["proposals"] == []
    assert found["summary"].startswith("Nothing to tune; next: look for the limit at billing")


def test_an_invalid_run_says_nothing_in_a_campaigns_plan(api: Api, project: Project) -> None:
    records.run(project)
    records.run(project, 60, validity="invalid", verdict="invalid")
    assert api.get("projects/backend/plan").json()["proposals"][0]["key"] == POOL


def story(project: Project) -> tuple[Action, Run, Run]:
    """The pool was to give 50 % more, and gave 90 %."""
    before = records.run(project)
    after = records.run(
        project,
        40,
        report=documents.report(saturation=[documents.saturation(capacity_jps=141.3)]),
    )
    action = records.action(
        project, before, state="verified", expected_gain="capacity of billing +50 %"
    )
    records.retest(action, after)
    return action, before, after


def test_the_ledger_holds_what_came_against_what_was_expected(api: Api, project: Project) -> None:
    action, before, after = story(project)
    records.action(project, title="x", state="proposed", expected_gain="much faster")
    records.action(project, title="y", expected_gain="p95 of billing/usage -30 %")

    first, second, third = api.get("projects/backend/ledger").json()["entries"]

    assert (first["expected"], first["statistic"]) == (1.5, "capacity(billing)")
    assert first["reached"] == pytest.approx(141.3 / 74.2)
    assert first["share"] == pytest.approx((141.3 / 74.2 - 1) / 0.5)
    assert (first["before"], first["after"]) == (str(before.pk), str(after.pk))
    assert "not a figure" in second["why"]
    assert third["why"] == "No valid run has judged it since the change."
    assert first["action"]["id"] == action.pk


def test_a_measured_figure_that_is_not_in_both_reports_is_said(api: Api, project: Project) -> None:
    action, _, _ = story(project)
    Action.objects.filter(pk=action.pk).update(expected_gain="p95 of chat/gone -10 %")
    entry = api.get("projects/backend/ledger").json()["entries"][0]
    assert (entry["reached"], entry["why"]) == (
        None,
        "p95(chat/gone) does not stand in both reports.",
    )


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_the_campaign_report_holds_what_the_first_user_wrote_by_hand(
    api: Api, project: Project, form: str
) -> None:
    _, before, after = story(project)
    runs = f"{before.pk},{after.pk}"

    answer = api.get("projects/backend/campaign-report", runs=runs, form=form)

    text = answer.content.decode()
    assert answer["Content-Type"] == f"text/{form}; charset=utf-8"
    for words in (
        "Load plan and profiles",
        "Environment",
        "Results by scenario",
        "Saturation points",
        "Billing saturates at 74/s (73 to 75)",
        "Correlation with the operational metrics",
        "Bottlenecks",
        "Raise the database pool",
        "capacity(billing)",
        "ACT-1",
    ):
        assert words in text.replace("\\", ""), words
    assert "<link" not in text
    assert "<script" not in text


def test_the_report_takes_runs_of_its_project_alone(api: Api, project: Project) -> None:
    other = records.run(Project.objects.create(slug="bank"))
    assert api.get("projects/backend/campaign-report", runs=str(other.pk)).status_code == 404
    assert api.get("projects/backend/campaign-report", runs="x").status_code == 422
    many = ",".join(f"00000000-0000-4000-8000-{number:012d}" for number in range(13))
    assert api.get("projects/backend/campaign-report", runs=many).status_code == 422


def test_what_comes_from_outside_is_text_in_every_form(api: Api, project: Project) -> None:
    hostile: Any = records.HOSTILE
    run = records.run(project, campaign=hostile, labels={hostile: hostile}, commit=hostile)
    action = records.action(project, run, title=hostile)
    Retest.objects.create(action=action, run=run, outcome="fail", reason=hostile)
    for form in ("html", "markdown"):
        answer = api.get("projects/backend/campaign-report", runs=str(run.pk), form=form)
        text = answer.content.decode()
        # Markdown takes a sign for itself where a backslash stands before it.
        assert not re.search(r"(?<!\\)<(script|img)", text), form


def test_an_action_is_found_by_the_name_that_people_use(project: Project) -> None:
    records.action(project)
    records.action(project, title="second")
    uploader = Api(tokens.create("ci", ["upload"], project)[0])
    found = uploader.get("projects/backend/actions", ref="ACT-2").json()["items"]
    assert [one["title"] for one in found] == ["second"]
    assert uploader.get("projects/backend/actions").status_code == 403
    assert uploader.get("projects/backend/actions", ref="2; DROP").status_code == 422


@pytest.mark.parametrize("labels", [{}, {"pool": "10"}])
def test_the_baselines_of_many_actions_are_those_of_each(
    project: Project, labels: dict[str, str]
) -> None:
    """The newest fitting run between acceptance (minute 5) and change (minute 30)."""
    records.run(project, 4)
    fair = records.run(project, 10)
    for minutes, other in (
        (11, {"campaign": "another"}),
        (12, {"validity": "invalid"}),
        (13, {"processing": "failed"}),
        (14, {"deleted_at": records.STARTED}),
        (31, {}),
    ):
        records.run(project, minutes, **other)
    evidence = records.run(project, 15)
    unlabelled = records.run(project, 16, labels={"pool": "20"})
    actions = [records.action(project, labels=labels) for _ in range(3)]
    for action in actions:
        action.evidence.add(evidence)
    expected = fair if labels else unlabelled
    assert [baseline.of(one) for one in actions] == [expected] * 3
    assert baseline.of_each(actions) == dict.fromkeys((one.pk for one in actions), expected)


def test_of_many_re_tests_a_campaign_report_lists_the_newest(api: Api, project: Project) -> None:
    run = records.run(project)
    action = records.action(project, run)
    later = [records.run(project, minutes=at) for at in range(1, 61)]
    for at, one in enumerate(later):
        Retest.objects.create(action=action, run=one, outcome="pass", reason=f"look {at}.")

    answer = api.get("projects/backend/campaign-report", runs=str(run.pk), form="markdown")

    text = answer.content.decode().replace("\\", "")
    assert "look 59." in text
    assert "look 5." not in text
    listed = text.count("| re-test: pass")
    assert listed <= 50
    told = action.events.exclude(kind="edited").count() + 60
    assert f"The newest 50 of {told}." in text
