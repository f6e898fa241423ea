"""Figures: what stands in the Plotly document, and that it is one."""

import json
import re
from typing import Any

import plotly.graph_objects as go
import pytest

from runs.figures import chart, comparison, palette, retests, saturation, timeline
from runs.figures.chart import Chart
from tests.portal_pages import documents
from tests.portal_pages.records import HOSTILE


def every_chart() -> list[Chart]:
    clock = documents.timeline()
    side = comparison.Side("A", documents.saturation(), documents.points())
    measured = retests.Measurement("f30c69e5", "2024-11-23 09:00", documents.judgement())
    return [
        saturation.draw("s", documents.saturation(), documents.points()),
        comparison.draw("c", "billing", [side, side]),
        retests.draw("r", "p95(chat) < 300ms", [measured]),
        *timeline.draw(clock, "billing"),
        *timeline.draw(clock, None),
        *timeline.probes(clock, "billing", {"db_pool_in_use": 10.0}),
    ]


def texts(figure: dict[str, Any]) -> list[str]:
    return [note["text"] for note in figure["layout"]["annotations"]]


@pytest.mark.parametrize("drawn", every_chart(), ids=lambda drawn: f"{drawn.key} {drawn.title}")
def test_plotly_accepts_every_figure(drawn: Chart) -> None:
    assert drawn.figure is not None
    assert len(go.Figure(drawn.figure).data) == len(drawn.figure["data"])
    assert drawn.title
    assert drawn.figure["layout"]["height"] == drawn.height


def test_ten_minutes_of_a_run_stay_under_200_kb_a_figure() -> None:
    clock = documents.timeline(600)
    for drawn in timeline.draw(clock, "billing"):
        assert len(json.dumps(drawn.figure)) < 200_000, drawn.key


def test_the_saturation_point_is_a_line_with_its_interval_and_its_figure() -> None:
    figure = saturation.draw("s", documents.saturation(), documents.points()).figure
    assert figure is not None
    spans = [(shape["x0"], shape["x1"]) for shape in figure["layout"]["shapes"]]
    assert (73.1, 75.2) in spans
    assert (74.2, 74.2) in spans
    assert "74/s (73 to 75)" in texts(figure)
    assert "peak 50/s" in texts(figure)


def test_a_scenario_that_did_not_saturate_has_no_line() -> None:
    figure = saturation.draw("s", documents.not_reached(), documents.points()[:3]).figure
    assert figure is not None
    assert not [shape for shape in figure["layout"]["shapes"] if shape["x0"] == shape["x1"]]


def test_stages_beyond_the_point_are_open_marks() -> None:
    figure = saturation.draw("s", documents.saturation(), documents.points()).figure
    assert figure is not None
    marks = figure["data"][0]["marker"]["symbol"]
    assert marks == ["circle"] * 3 + ["circle-open"] * 3


def test_a_scenario_without_stages_says_so() -> None:
    drawn = saturation.draw("s", documents.saturation(), [])
    assert drawn.figure is None
    assert drawn.missing


def test_the_table_of_the_chart_holds_the_same_figures() -> None:
    table = saturation.draw("s", documents.saturation(), documents.points()).table
    assert table is not None
    assert table.rows[3][:4] == ("stage_04", "80", "74", "73 to 75")
    assert table.rows[3][-1] == "yes"


def test_phases_are_bands_with_their_names() -> None:
    latency = timeline.draw(documents.timeline(), "billing")[0].figure
    assert latency is not None
    assert "stage_01" in texts(latency)
    bands = [(shape["x0"], shape["x1"]) for shape in latency["layout"]["shapes"]]
    assert (0.0, 10.0) in bands


def test_scenarios_of_different_phases_are_not_shaded_together() -> None:
    assert timeline.phases(documents.timeline(), None) == []


def test_a_percentile_among_the_unanswered_is_marked_at_the_top() -> None:
    latency = timeline.draw(documents.timeline(), "billing")[0].figure
    assert latency is not None
    marks = [trace for trace in latency["data"] if trace["mode"] == "markers"]
    assert [trace["name"] for trace in marks] == ["p99 among the unanswered"]
    assert marks[0]["x"] == [7.5, 27.5, 47.5]


def test_a_long_run_is_drawn_in_minutes() -> None:
    long = documents.timeline(60)
    long |= {"bin_s": 60.0, "t_s": [minute * 60.0 for minute in range(60)]}
    clock = timeline.clock_of(long)
    assert (clock.unit, clock.end) == ("min", 60.0)


def test_names_at_line_ends_do_not_overlap() -> None:
    labels = chart.end_labels(
        [("a", 10.0, "#000000"), ("b", 10.1, "#111111"), ("c", 50.0, "#222222")], (0, 100), 200
    )
    heights = [note["y"] * 2 + note["yshift"] for note in labels if note["text"] != "●"]
    assert heights == pytest.approx([20, 36, 100])


def test_names_from_outside_are_harmless() -> None:
    stages = [point | {"phase": HOSTILE} for point in documents.points()]
    drawn = saturation.draw("s", documents.saturation(scenario=HOSTILE), stages)
    text = json.dumps(drawn.figure)
    assert "<script" not in text
    assert "<img" not in text


def test_the_limit_of_a_criterion_is_drawn_with_its_text() -> None:
    entries = [
        retests.Measurement(run, f"2024-11-2{day} 09:00", documents.judgement(verdict))
        for day, (run, verdict) in enumerate([("aaaa", "fail"), ("bbbb", "pass")])
    ]
    figure = retests.draw("r", "p95(chat) < 300ms", entries).figure
    assert figure is not None
    assert texts(figure) == ["limit 300 ms"]
    assert figure["data"][1]["marker"]["symbol"] == ["x", "circle"]


def test_a_criterion_without_a_figure_keeps_its_table() -> None:
    entry = retests.Measurement("aaaa", "now", documents.judgement(measured=None, ci=None))
    drawn = retests.draw("r", "p95(chat) < 300ms", [entry])
    assert drawn.figure is None
    assert drawn.table is not None
    assert drawn.table.rows[0][2] == "–"


def test_a_colour_has_one_meaning_and_one_dark_pair() -> None:
    pairs = palette.dark_pairs()
    assert len(pairs) == len(set(pairs)) == len(palette._ROLES)
    assert len({palette.colour(name) for name in ("p50", "p95", "p99")}) == 3


@pytest.mark.parametrize(("theme", "ground"), [(0, "#ffffff"), (1, "#191d21")])
def test_lines_stand_out_from_the_page_in_light_and_dark(theme: int, ground: str) -> None:
    """3:1, as WCAG 1.4.11 asks of graphics."""
    for name in palette._SERIES:
        assert contrast(palette._ROLES[name][theme], ground) >= 3, name


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance."""
    channels = [int(pair, 16) / 255 for pair in re.findall("[0-9a-f]{2}", colour)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
