"""A run's page: its answer, its order, its honesty about what is not known."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from runs.models import Project, Run
from tests.portal_pages import documents, records

pytestmark = pytest.mark.django_db
Counter = Any


@pytest.fixture
def project() -> Project:
    return records.project()


def get(visitor: Client, run: Run, query: str = "") -> str:
    answer = visitor.get(f"/runs/{run.pk}/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_title_is_the_answer(visitor: Client, project: Project) -> None:
    page = get(visitor, records.run(project))
    assert "<h1>Billing saturates at 74/s (73 to 75)</h1>" in page


def test_the_title_of_a_run_that_reached_nothing_says_so(visitor: Client, project: Project) -> None:
    only = documents.report(saturation=[documents.not_reached()])
    run = records.run(project, report=only)
    assert "<h1>Chat: saturation not reached up to 30/s</h1>" in get(visitor, run)
    both = [documents.not_reached(), documents.not_reached("b2b", 90.0)]
    run = records.run(project, report=documents.report(saturation=both))
    assert "no scenario saturated at the loads of this run</h1>" in get(visitor, run)


def test_the_page_reads_from_verdict_to_raw_material(visitor: Client, project: Project) -> None:
    run = records.run(project)
    records.file(run)
    page = get(visitor, run)
    order = ["verdict-title", 'id="validity"', 'id="figures"', 'id="saturation"', 'id="table"']
    order += ['id="time"', 'id="bottlenecks"', 'id="criteria"', 'id="errors"', 'id="retests"']
    places = [page.index(mark) for mark in [*order, 'id="material"']]
    assert places == sorted(places)


def test_a_failed_criterion_stands_in_the_banner(visitor: Client, project: Project) -> None:
    failed = documents.judgement("fail", text="p95(chat) < 20ms", reason="42 ms is not below.")
    report = documents.report(verdict="fail", criteria=[documents.judgement(), failed])
    page = get(visitor, records.run(project, verdict="fail", report=report))
    banner = page[page.index("verdict-title") : page.index('id="validity"')]
    assert "Fail: 1 of 2 criteria not met" in banner
    assert "p95(chat) &lt; 20ms" in banner
    assert "42 ms is not below." in banner


def test_an_invalid_run_says_why_first(visitor: Client, project: Project) -> None:
    why = {"code": "generator_limited", "phase": "spike", "detail": "Generator fell behind."}
    report = documents.report(verdict="invalid", validity={"verdict": "invalid", "reasons": [why]})
    page = get(visitor, records.run(project, validity="invalid", report=report))
    assert "this run may not be believed, so nothing was judged" in page
    assert page.index("Generator fell behind.") < page.index('id="validity"')


def test_an_unknown_percentile_is_a_dash_with_its_reason(visitor: Client, project: Project) -> None:
    page = get(visitor, records.run(project))
    assert "Too few samples: fewer than ten lie beyond this percentile." in page
    assert "It falls among requests that did not get their expected answer." in page


def test_headroom_is_said_against_the_peak(visitor: Client, project: Project) -> None:
    assert "74 journeys/s (73 to 75), peak 50: 1.48×" in get(visitor, records.run(project))


def test_figures_are_inert_json_and_nothing_else_is_inline(
    visitor: Client, project: Project
) -> None:
    page = get(visitor, records.run(project))
    figures = re.findall(
        r'<script id="figure-([a-z0-9-]+)" type="application/json">(.*?)</script>', page
    )
    assert {"setup", "saturation-0", "latency", "throughput", "probe-0"} <= {
        name for name, _ in figures
    }
    for name, document in figures:
        assert json.loads(document) is not None
        assert len(document) < 200_000, name
    assert not re.findall(r"<script(?![^>]*(?:src=|application/json))", page)
    assert not re.findall(r"<style|\sstyle=|\son[a-z]+=", page)


def test_the_plot_can_not_send_the_figure_away(visitor: Client, project: Project) -> None:
    page = get(visitor, records.run(project))
    setup = json.loads(page.split('id="figure-setup" type="application/json">')[1].split("<")[0])
    assert setup["config"]["showSendToCloud"] is False
    assert setup["config"]["plotlyServerURL"] == ""
    assert setup["config"]["displaylogo"] is False


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("", "Over time: billing"),
        ("?scenario=chat", "Over time: chat"),
        ("?scenario=*", "Over time</h2>"),
        ("?scenario=nonsense", "Over time: billing"),
    ],
)
def test_the_address_chooses_the_scenario_of_the_time_line(
    visitor: Client, project: Project, query: str, title: str
) -> None:
    assert title in get(visitor, records.run(project), query)


def test_errors_are_grouped_with_their_share(visitor: Client, project: Project) -> None:
    page = get(visitor, records.run(project))
    errors = page[page.index('id="errors"') : page.index('id="retests"')]
    assert "timeout" in errors
    assert "billing/usage" in errors
    assert "stage_06" in errors


def test_raw_files_can_be_had_with_their_digests(visitor: Client, project: Project) -> None:
    run = records.run(project)
    records.file(run)
    page = get(visitor, run)
    assert f'href="/api/v1/runs/{run.pk}/files/samples-00000.ndjson.zst"' in page
    assert "ab" * 32 in page


def test_the_campaign_is_shown_as_it_was(visitor: Client, project: Project) -> None:
    assert "campaign: critical-flows\nversion: 1" in get(visitor, records.run(project))


def test_a_run_that_could_not_be_read_says_where_and_what_to_do(
    visitor: Client, project: Project
) -> None:
    run = records.run(
        project, processing="failed", stage="reading", reason="line 3: no scenario", report=None
    )
    page = get(visitor, run)
    assert "It stopped while reading: line 3: no scenario" in page
    assert "loadrunner upload SPOOL" in page


def test_a_run_that_is_being_processed_is_watched(visitor: Client, project: Project) -> None:
    run = records.run(project, processing="processing", stage="analysing", report=None)
    page = get(visitor, run)
    assert f'data-waiting="/api/v1/runs/{run.pk}"' in page
    assert "js/waiting.js" in page


def test_a_report_without_anything_is_still_a_page(visitor: Client, project: Project) -> None:
    nothing: list[Any] = []
    report = documents.report(
        series=nothing,
        saturation=nothing,
        bottlenecks=nothing,
        probes=nothing,
        criteria=nothing,
        verdict="none",
    )
    run = records.run(project, report=report, timeline=None, curves=None, headline={}, manifest={})
    page = get(visitor, run)
    assert "No verdict: the campaign states no criteria" in page
    assert "This run read no metrics of the target." in page


def test_what_comes_from_outside_is_text(visitor: Client, project: Project) -> None:
    hostile = records.HOSTILE
    report = documents.report(
        series=[documents.series(hostile, hostile, hostile)],
        saturation=[documents.saturation(scenario=hostile, explanation=hostile, cause=hostile)],
        criteria=[documents.judgement("fail", text=hostile, reason=hostile)],
        verdict="fail",
        validity={
            "verdict": "suspect",
            "reasons": [{"code": hostile, "phase": hostile, "detail": hostile}],
        },
    )
    clock = documents.timeline()
    clock["scenarios"] = {hostile: clock["total"]}
    clock["phases"] = [band | {"scenario": hostile, "phase": hostile} for band in clock["phases"]]
    manifest = documents.manifest()
    manifest["campaign"]["text"] = hostile
    manifest["host"] = {hostile: hostile}
    run = records.run(
        project,
        report=report,
        timeline=clock,
        curves={hostile: documents.points()},
        manifest=manifest,
        campaign=hostile,
        labels={hostile: hostile},
        notes=hostile,
    )
    page = get(visitor, run)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_run_page_costs_a_fixed_number_of_queries(
    visitor: Client, project: Project, django_assert_num_queries: Counter
) -> None:
    run = records.run(project, 40)
    for number in range(12):
        records.file(run, f"samples-{number:05d}.ndjson.zst")
        records.retest(records.action(project), run)
    get(visitor, run)
    # session, user, run with its project, files, share link, the person's role, mark, audit log,
    # baseline, re-tests with their actions, what they moved
    with django_assert_num_queries(11):
        get(visitor, run)
