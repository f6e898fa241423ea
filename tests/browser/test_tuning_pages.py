"""The pages of tuning as people use them: board, form, plan, ledger, report."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from runs.models import Action
from tests.browser.conftest import Scene, Watched
from tests.browser.test_every_page import accessibility, keep_picture
from tests.portal_pages import documents, records

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Watched]


def pages(scene: Scene) -> dict[str, str]:
    project = f"/projects/{scene.project.slug}"
    return {
        "board": f"{project}/actions/",
        "list": f"{project}/actions/?view=list",
        "new-action": f"{project}/actions/new/?run={scene.before.pk}",
        "edit-action": f"/actions/{scene.action.pk}/edit/",
        "action": f"/actions/{scene.action.pk}/",
        "plan": f"/runs/{scene.before.pk}/plan/",
        "campaign-plan": f"{project}/plan/",
        "ledger": f"{project}/ledger/",
        "choice": f"{project}/report/",
        "report": f"{project}/report/?runs={scene.before.pk},{scene.after.pk}",
    }


@pytest.fixture
def busy(scene: Scene) -> Scene:
    """With actions in every column of the board, one of which can no longer be evaluated."""
    Action.objects.filter(pk=scene.action.pk).update(expected_gain="capacity of billing +50 %")
    today = timezone.now().date()
    records.action(scene.project, state="proposed", title="Keep the cache", effort="low", due=today)
    records.action(scene.project, state="accepted", kind="structural", title="Index the usage")
    lost = records.action(scene.project, title="Shorten the queries", impact="high", owner="Ada")
    gone = documents.judgement(
        "inconclusive",
        text="capacity(billing) >= 1.3 * baseline",
        measured=None,
        ci=None,
        reason="It can no longer be evaluated: there is no scenario 'billing'.",
        is_evaluable=False,
    )
    lost.retests.create(run=scene.after, outcome="inconclusive", reason="Gone.", figures=[gone])
    records.action(scene.project, state="regressed", title="Raise the LLM pool", area="llm")
    return scene


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_no_page_of_tuning_has_a_fault(
    open_page: OpenPage, busy: Scene, width: int, scheme: str
) -> None:
    watched = open_page(width, scheme)
    found: dict[str, list[str]] = {}
    for name, path in pages(busy).items():
        page = watched.open(path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        watched.draw_everything()
        found[name] = watched.complaints() + accessibility(watched)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found[name].append("the page is wider than its window")
        keep_picture(watched, f"tuning-{name}-{width}-{scheme}")
        watched.faults.clear()
        page.set_viewport_size({"width": width, "height": 900})
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_a_criterion_is_built_by_choosing_and_the_action_made(
    open_page: OpenPage, scene: Scene
) -> None:
    page = open_page().open(pages(scene)["new-action"])
    page.get_by_label("Title", exact=True).fill("Keep the hit rate up")
    page.get_by_label("Statistic").select_option("p95")
    page.get_by_label("Of", exact=True).first.select_option(label="billing/usage")
    page.get_by_label("In phase").select_option("stage_02")
    page.get_by_label("Limit").fill("30")
    expect(page.locator("[data-sentence]")).to_have_text("p95(billing/usage@stage_02) < 30ms")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_label("Criterion 1")).to_have_value("p95(billing/usage@stage_02) < 30ms")
    page.get_by_role("button", name="Propose the action").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Keep the hit rate up")
    expect(page.get_by_text("The p95 response time of billing/usage in stage_02")).to_be_visible()
    made = Action.objects.get(title="Keep the hit rate up")
    assert made.criteria.get().text == "p95(billing/usage@stage_02) < 30ms"
    assert list(made.evidence.all()) == [scene.before]


def test_a_proposal_is_accepted_and_is_the_action(open_page: OpenPage, scene: Scene) -> None:
    page = open_page().open(pages(scene)["plan"])
    page.get_by_role("button", name="Accept").first.click()
    expect(page.get_by_role("status")).to_contain_text("is accepted")
    made = Action.objects.get(proposal__isnull=False)
    assert (made.state, list(made.evidence.all())) == ("accepted", [scene.before])


def test_notes_stay_beside_the_report_and_go_into_its_file(
    open_page: OpenPage, scene: Scene
) -> None:
    page = open_page().open(pages(scene)["report"])
    page.locator("#conclusions summary").click()
    page.get_by_label("Note on conclusions").fill("The pool was too small.")
    page.locator("#conclusions").get_by_role("button", name="Keep the notes").click()
    expect(page.locator("#conclusions .notes")).to_have_text("The pool was too small.")
    with page.expect_download() as download:
        page.get_by_role("link", name="Markdown").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert "> The pool was too small." in text
    assert "## Saturation points" in text
