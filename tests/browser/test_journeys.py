"""People at work: signing in, reading a run, comparing, checking an action, keyboard in hand."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Scene, Watched
from tests.portal_pages import documents, records

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Watched]


def test_a_newcomer_signs_in_and_finds_the_saturation_point(
    open_page: OpenPage, scene: Scene
) -> None:
    watched = open_page(signed_in=False)
    page = watched.open("/")
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill(records.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Example backend").get_by_role("link").click()
    page.get_by_role("row", name=scene.before.short_id).get_by_role(
        "link", name="critical-flows"
    ).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Billing saturates at 74/s (73 to 75)"
    )
    expect(page.locator("#saturation-0 .annotation-text", has_text="74/s")).to_be_visible()
    assert watched.complaints() == []


def test_two_runs_are_chosen_and_compared(open_page: OpenPage, scene: Scene) -> None:
    page = open_page().open(scene.pages["runs"])
    for run in (scene.after, scene.before):
        page.get_by_role("row", name=run.short_id).get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare (2)").click()
    # Older first, whatever the order of choosing: a comparison reads from before to after.
    page.wait_for_url(re.compile(rf"runs={scene.before.pk},{scene.after.pk}$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("capacity rose from 74.2/s")


def test_an_action_tells_its_verdict(open_page: OpenPage, scene: Scene) -> None:
    page = open_page().open(scene.pages["runs"])
    page.get_by_role("row", name=scene.after.short_id).get_by_role("link", name="ACT-1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Raise the database pool: the re-test passed"
    )
    expect(page.get_by_role("heading", name="A run says yes")).to_be_visible()
    expect(page.locator("#retest-0 .main-svg").first).to_be_visible()


def test_the_list_is_driven_by_keyboard(open_page: OpenPage, scene: Scene) -> None:
    page = open_page().open(scene.pages["runs"])
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("jxc")  # letters typed into the search move nothing
    expect(page.get_by_label("Search")).to_have_value("jxc")
    page.get_by_label("Search").fill("")
    page.get_by_role("heading", level=1).click()
    for key in ("j", "x") * 4:  # the two newest are not ready and stay unchosen
        page.keyboard.press(key)
    expect(page.get_by_role("button", name="Compare (2)")).to_be_visible()
    page.keyboard.press("c")
    page.wait_for_url(re.compile(r"/compare/\?runs="))


def test_seven_runs_can_not_be_chosen(open_page: OpenPage, scene: Scene) -> None:
    for number in range(5):
        records.run(scene.project, 60 + number, report=None)
    page = open_page().open(scene.pages["runs"])
    boxes = page.locator("input[name='runs']:not([data-waiting])")
    for index in range(6):
        boxes.nth(index).check()
    expect(page.get_by_role("button", name="Compare (6)")).to_be_visible()
    expect(boxes.nth(6)).to_be_disabled()


def test_the_choice_of_dark_is_remembered_and_reaches_the_figures(
    open_page: OpenPage, scene: Scene
) -> None:
    page = open_page().open(scene.pages["run"])
    label = page.locator("#saturation-0 .xtick text").first
    light = label.evaluate("(node) => getComputedStyle(node).fill")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.wait_for_function(
        """(before) => getComputedStyle(
            document.querySelector('#saturation-0 .xtick text')).fill !== before""",
        arg=light,
    )
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_zooming_one_chart_zooms_the_others(open_page: OpenPage, scene: Scene) -> None:
    watched = open_page()
    page = watched.open(scene.pages["run"])
    watched.draw_everything()
    assert page.evaluate("document.querySelector('#in-flight .chart-area').layout.xaxis.range") == [
        0,
        60,
    ]
    page.evaluate(
        "Plotly.relayout(document.querySelector('#latency .chart-area'), {'xaxis.range': [10, 30]})"
    )
    for key in ("throughput", "outcomes", "in-flight", "probe-0"):
        page.wait_for_function(
            f"document.querySelector('#{key} .chart-area').layout.xaxis.range[0] === 10"
        )
    page.locator("#throughput .nsewdrag").first.dblclick()
    for key in ("latency", "in-flight"):
        page.wait_for_function(
            f"document.querySelector('#{key} .chart-area').layout.xaxis.range[1] === 60"
        )
    assert watched.complaints() == []


def test_no_button_of_a_figure_sends_it_away(open_page: OpenPage, scene: Scene) -> None:
    watched = open_page()
    page = watched.open(scene.pages["run"])
    titles = page.locator("#saturation-0 .modebar-btn").evaluate_all(
        "(buttons) => buttons.map((one) => one.dataset.title)"
    )
    assert titles
    allowed = ("Download plot", "Zoom", "Pan", "Reset axes")
    assert [title for title in titles if not title.startswith(allowed)] == []
    assert watched.complaints() == []


def test_a_figure_can_be_kept_as_a_picture(open_page: OpenPage, scene: Scene) -> None:
    watched = open_page()
    page = watched.open(scene.pages["run"])
    with page.expect_download() as download:
        page.locator("#saturation-0").hover()
        page.locator("#saturation-0 .modebar-btn[data-title='Download plot as a PNG']").click()
    assert download.value.suggested_filename.endswith(".png")
    with page.expect_download() as drawn:
        page.locator("#saturation-0 .modebar-btn[data-title='Download plot as SVG']").click()
    assert drawn.value.suggested_filename == "saturation-0.svg"
    assert watched.complaints() == []


def test_the_table_is_sorted_searched_and_taken_along(
    open_page: OpenPage, scene: Scene, tmp_path: Path
) -> None:
    page = open_page().open(scene.pages["run"])
    table = page.locator("#series tbody tr:visible")
    expect(table).to_have_count(7)  # pooled rows come on request
    page.get_by_label("Search the table").fill("billing stage_06")
    expect(table).to_have_count(1)
    page.get_by_label("Search the table").fill("")
    head = page.get_by_role("columnheader", name="offered")
    head.get_by_role("button").click()
    assert first_phase(page) == "stage_01"
    head.get_by_role("button").click()
    assert first_phase(page) == "stage_06"
    expect(head).to_have_attribute("aria-sort", "descending")
    page.get_by_label("pooled rows").check()
    expect(table).to_have_count(9)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    download.value.save_as(tmp_path / "series.csv")
    lines = (tmp_path / "series.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("scenario/step,phase,count,offered")
    assert lines[1].startswith("billing/usage,stage_06,1200,120.0,74.0,21.0")


def first_phase(page: Page) -> str:
    return page.locator("#series tbody tr td").first.inner_text()


def test_a_cell_that_a_spreadsheet_would_run_is_defused(
    open_page: OpenPage, scene: Scene, tmp_path: Path
) -> None:
    """In CSV by an apostrophe, in Markdown by a backslash."""
    report = documents.report()
    report["series"][0] |= {"scenario": "=HYPERLINK(1)", "phase": "a|b`c"}
    scene.before.report = report
    scene.before.save()
    page = open_page().open(scene.pages["run"])
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    download.value.save_as(tmp_path / "series.csv")
    assert "\n'=HYPERLINK(1)/usage," in (tmp_path / "series.csv").read_text(encoding="utf-8")
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("status").filter(has_text="Copied the table")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "a\\|b\\`c" in copied
    head, rule, *_ = copied.splitlines()
    assert head.count(" | ") == rule.count(" | ")  # hidden columns stay out of both


def test_a_term_explains_itself_to_the_keyboard(open_page: OpenPage, scene: Scene) -> None:
    page = open_page().open(scene.pages["run"])
    term = page.locator("a.term", has_text="Goodput").first
    term.focus()
    tip = page.get_by_role("tooltip")
    expect(tip).to_contain_text("Expected answers per second")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    term.hover()
    expect(tip).to_be_visible()


def test_a_chart_unfolds_into_its_table(open_page: OpenPage, scene: Scene) -> None:
    page = open_page().open(scene.pages["run"])
    latency = page.locator("#latency")
    latency.locator("summary").click()
    # The table is written when the browser says that it has unfolded: a moment later.
    expect(latency.locator("tbody tr")).to_have_count(60)
    heads = latency.get_by_role("columnheader").all_inner_texts()
    assert heads[:4] == ["time since the start, s", "p50", "p95", "p99"]


def test_filters_live_in_the_address(open_page: OpenPage, scene: Scene) -> None:
    page = open_page().open(scene.pages["runs"])
    page.get_by_label("Verdict", exact=True).select_option("fail")
    page.wait_for_url(re.compile(r"/projects/backend/\?verdict=fail$"))
    expect(page.locator("table.runs tbody tr")).to_have_count(1)
    page.go_back()
    expect(page.locator("table.runs tbody tr")).to_have_count(4)


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_when_figures_are_drawn(
    open_page: OpenPage, scene: Scene, width: int
) -> None:
    """The page is as high without its figures as with them."""
    height = "document.documentElement.scrollHeight"
    watched = open_page(width)
    page = watched.open(scene.pages["run"])
    watched.draw_everything()
    drawn = page.evaluate(height)
    page.set_viewport_size({"width": width, "height": 900})
    page.route("**/plotly.min.js", lambda route: route.abort())
    page.reload()
    assert page.locator(".main-svg").count() == 0
    assert page.evaluate(height) == drawn


def test_a_run_that_is_being_processed_shows_itself_when_it_is_ready(
    open_page: OpenPage, scene: Scene
) -> None:
    scene.after.processing = "processing"
    scene.after.save()
    watched = open_page()
    page = watched.open(f"/runs/{scene.after.pk}/")
    expect(page.get_by_role("status")).to_have_text("This run is being processed")
    scene.after.processing = "ready"
    scene.after.save()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Billing saturates at 141/s (138 to 144)")
    assert watched.complaints() == []


def test_an_action_is_moved_by_hand(open_page: OpenPage, scene: Scene) -> None:
    proposed = records.action(scene.project, title="Cache the plans", state="proposed")
    page = open_page().open(f"/actions/{proposed.pk}/")
    page.get_by_label("New state").select_option("accepted")
    page.get_by_label("Why, in a sentence").fill("Agreed on Monday")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_role("status")).to_have_text("ACT-2 is accepted now.")


def test_columns_are_chosen_and_remembered(open_page: OpenPage, scene: Scene) -> None:
    page = open_page().open(scene.pages["run"])
    head = page.locator("#series thead")
    expect(head.get_by_role("columnheader", name="p99.9")).to_be_hidden()
    page.locator(".chooser summary").click()
    page.get_by_role("checkbox", name="p99.9").check()
    expect(head.get_by_role("columnheader", name="p99.9")).to_be_visible()
    page.reload()
    expect(head.get_by_role("columnheader", name="p99.9")).to_be_visible()


def test_what_is_searched_and_sorted_stands_in_the_address(
    open_page: OpenPage, scene: Scene
) -> None:
    page = open_page().open(scene.pages["run"])
    page.get_by_label("Search the table").fill("billing")
    head = page.get_by_role("columnheader", name="offered")
    head.get_by_role("button").click()
    head.get_by_role("button").click()
    page.wait_for_url(re.compile(r"find=billing.*sort=3d|sort=3d.*find=billing"))
    page.reload()
    expect(page.locator("#series tbody tr:visible")).to_have_count(6)
    assert first_phase(page) == "stage_06"


def test_a_run_is_labelled_doubted_and_believed_again(open_page: OpenPage, scene: Scene) -> None:
    watched = open_page()
    page = watched.open(f"/runs/{scene.after.pk}/")
    page.get_by_label("Labels, KEY=VALUE").fill("pool=20\nteam=payments")
    page.get_by_role("button", name="Save the labels").click()
    expect(page.locator(".label-row")).to_contain_text("team=payments")
    page.get_by_label("Why this run may not be believed").fill("A backup ran.")
    page.get_by_role("button", name="Mark as invalid").click()
    expect(page.locator("#verdict-title")).to_contain_text("Invalid")
    page.get_by_role("button", name="Take the mark off").click()
    expect(page.locator("#verdict-title")).to_contain_text("Pass")
    assert watched.complaints() == []


def test_a_deleted_run_comes_back_by_undo(open_page: OpenPage, scene: Scene) -> None:
    page = open_page().open(f"/runs/{scene.coming.pk}/")
    page.get_by_role("button", name="Delete the run").click()
    rows = page.locator("table.runs tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("is back.")).to_be_visible()
    page.goto(page.url.replace(f"/runs/{scene.coming.pk}/", scene.pages["runs"]))
    expect(rows).to_have_count(4)


def test_a_view_is_kept_and_found_again(open_page: OpenPage, scene: Scene) -> None:
    page = open_page().open(scene.pages["runs"] + "?verdict=pass")
    page.get_by_text("Save this view").click()
    page.get_by_label("Name of the view").fill("Passing")
    page.get_by_role("button", name="Save", exact=True).click()
    view = page.get_by_role("navigation", name="Saved views").get_by_role("link", name="Passing")
    expect(view).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Remove the filter verdict: pass").click()
    view.click()
    page.wait_for_url(re.compile(r"verdict=pass"))


def test_a_shared_report_opens_without_signing_in(open_page: OpenPage, scene: Scene) -> None:
    watched = open_page(signed_in=False)
    page = watched.open(scene.shared)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Billing saturates at 141/s")
    expect(page.get_by_role("img").first).to_be_visible()
    # The one style sheet in the file is let through by its digest.
    assert page.evaluate("getComputedStyle(document.querySelector('.banner')).borderLeftWidth")
    assert page.evaluate("getComputedStyle(document.body).maxWidth") == "1040px"
    assert watched.complaints() == []


def test_a_point_of_a_trend_leads_to_its_run(open_page: OpenPage, scene: Scene) -> None:
    watched = open_page()
    page = watched.open(scene.pages["trends"])
    point = page.locator("#trend-0 .point").first
    expect(point).to_be_visible()
    page.locator("#trend-0 .nsewdrag").first.scroll_into_view_if_needed()
    box = point.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]+/$"))
