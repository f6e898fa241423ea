"""The report as one file: whole, harmless, without anything from elsewhere; and its pictures."""

import re
import xml.etree.ElementTree as ET

import pytest
from django.test import Client

from runs.analysis.distribution import Heatmap
from runs.figures import distribution, saturation, svg, timeline
from runs.models import Run
from runs.views import run_report
from tests.portal_pages import documents, records


@pytest.mark.django_db
class TestFile:
    def get(self, visitor: Client, run: Run) -> str:
        answer = visitor.get(f"/runs/{run.pk}/report.html")
        assert answer.status_code == 200
        return answer.content.decode()

    def test_it_holds_what_the_page_says(self, visitor: Client) -> None:
        run = records.run(records.project(), notes="The pool was doubled.")
        page = self.get(visitor, run)
        for words in (
            "Billing saturates at 74/s (73 to 75)",
            "74 journeys/s (73 to 75), peak 50: 1.48×",
            "Pass: its criterion is met",
            "The pool was doubled.",
            "campaign: critical-flows",
            "At its ceiling in 96 % of the bad seconds",
        ):
            assert words in page
        assert page.count("<svg") >= 5

    def test_nothing_is_loaded_and_nothing_runs(self, visitor: Client) -> None:
        page = self.get(visitor, records.run(records.project()))
        assert not re.findall(r"<script|<link(?![^>]*data:,)|<img|<iframe|@import|url\(", page)
        assert not re.findall(r"\son[a-z]+=|\sstyle=|https?://", page)

    def test_it_is_a_download_under_a_harmless_name(self, visitor: Client) -> None:
        run = records.run(records.project(), campaign='../"=cmd|x\r\n<b>')
        answer = visitor.get(f"/runs/{run.pk}/report.html")
        name = f'attachment; filename="cmd-x-b-{run.short_id}.html"'
        assert answer.headers["Content-Disposition"] == name

    def test_what_comes_from_outside_is_text(self, visitor: Client) -> None:
        hostile = records.HOSTILE
        point = documents.saturation(scenario=hostile, explanation=hostile, next_run=hostile)
        judged = documents.judgement("fail", text=hostile, reason=hostile)
        report = documents.report(
            series=[documents.series(hostile, hostile, hostile)],
            saturation=[point],
            criteria=[judged],
            verdict="fail",
        )
        clock = documents.timeline()
        clock["scenarios"] = {hostile: clock["total"]}
        clock["phases"] = [one | {"scenario": hostile, "phase": hostile} for one in clock["phases"]]
        run = records.run(
            records.project(),
            report=report,
            timeline=clock,
            curves={hostile: documents.points()},
            campaign=hostile,
            labels={hostile: hostile},
            notes=hostile,
        )
        page = self.get(visitor, run)
        assert "<script>alert" not in page
        assert "<img src=x" not in page

    def test_a_shared_report_allows_its_own_style_and_no_other(self, visitor: Client) -> None:
        run = records.run(records.project())
        visitor.post(f"/runs/{run.pk}/change/share/")
        answer = Client().get(run.share_link.get_absolute_url())
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'none'" in policy
        assert run_report._digest() in policy
        assert "unsafe" not in policy

    def test_a_run_that_is_not_ready_leads_to_its_page(self, visitor: Client) -> None:
        run = records.run(records.project(), processing="processing", report=None)
        answer = visitor.get(f"/runs/{run.pk}/report.html")
        assert answer.headers["Location"] == f"/runs/{run.pk}/"


def pictures() -> list[tuple[str, str]]:
    clock = documents.timeline()
    charts = [
        saturation.draw("s", documents.saturation(), documents.points()),
        *timeline.draw(clock, "billing"),
        *timeline.probes(clock, "billing", {"db_pool_in_use": 10.0}),
        distribution.heatmap("h", heat(), timeline.clock_of(clock), []),
    ]
    return [(one.title, svg.draw(one.figure, one.title)) for one in charts if one.figure]


def heat() -> Heatmap:
    return Heatmap("billing", None, 10.0, (0.0, 10.0), (1.0, 10.0, 100.0), ((5, 0), (1, 9)), (0, 2))


@pytest.mark.parametrize(("title", "picture"), pictures(), ids=[one[0] for one in pictures()])
def test_every_chart_is_a_picture_in_its_frame(title: str, picture: str) -> None:
    """Well-formed, named, and every line and mark where it can be seen."""
    root = ET.fromstring(picture)
    assert root.attrib["aria-label"] == title
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for node in root.iter():
        for name, most in (("cx", width), ("x1", width), ("cy", height), ("y1", height)):
            if name in node.attrib:
                assert -1 <= float(node.attrib[name]) <= most + 1, node.attrib
    assert "nan" not in picture
    assert "style=" not in picture


def test_the_saturation_point_stands_at_its_load() -> None:
    """74.2 of 0 to 127.2 journeys/s, between the margins of 56 and 84 pixels."""
    chart = saturation.draw("s", documents.saturation(), documents.points())
    assert chart.figure is not None
    low, high = chart.figure["layout"]["xaxis"]["range"]
    expected = 56 + (74.2 - low) / (high - low) * (svg.WIDTH - 56 - 84)
    assert f'<line x1="{expected:.1f}"' in svg.draw(chart.figure, "x")
