"""What holds on every page, at desktop and phone width, in light and dark."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import Scene, Watched

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Watched]
# Where CI keeps the pictures; without it none are taken.
PICTURES = os.environ.get("HEADROOM_SCREENSHOTS", "")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_has_a_fault(open_page: OpenPage, scene: Scene, width: int, scheme: str) -> None:
    """Nothing on the console, no violation of the policy, no request to elsewhere, nothing that
    axe finds, and no page wider than its window."""
    watched = open_page(width, scheme)
    found: dict[str, list[str]] = {}
    for name, path in scene.pages.items():
        page = watched.open(path)
        watched.draw_everything()
        faults = watched.complaints()
        if name == "nothing":  # the browser itself reports the 404
            faults = [fault for fault in faults if "404" not in fault]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append("the page is wider than its window")
        found[name] = faults + accessibility(watched)
        keep_picture(watched, f"{name}-{width}-{scheme}")
        watched.faults.clear()
        page.set_viewport_size({"width": width, "height": 900})
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_sign_in_form_has_no_fault(open_page: OpenPage, width: int, scheme: str) -> None:
    watched = open_page(width, scheme, signed_in=False)
    watched.open("/accounts/login/")
    keep_picture(watched, f"login-{width}-{scheme}")
    assert watched.complaints() + accessibility(watched) == []


def test_everything_is_unfolded_without_a_fault(open_page: OpenPage, scene: Scene) -> None:
    """Tables of charts, the campaign's text, the scenario that did not saturate."""
    watched = open_page()
    page = watched.open(scene.pages["run"])
    watched.draw_everything()
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.wait_for_function("document.querySelectorAll('[data-table-of] tbody tr').length > 100")
    watched.draw_everything()
    assert watched.complaints() + accessibility(watched) == []


def test_hovering_a_figure_breaks_no_rule(open_page: OpenPage, scene: Scene) -> None:
    watched = open_page()
    page = watched.open(scene.pages["run"])
    watched.draw_everything()
    for key in ("latency", "outcomes", "probe-0"):
        page.locator(f"#{key} .chart-area").hover(position={"x": 200, "y": 120})
        expect(page.locator(f"#{key} .hoverlayer text").first).to_be_visible()
    stage = "(area) => Plotly.Fx.hover(area, [{curveNumber: 0, pointNumber: 1}])"
    page.locator("#saturation-0 .chart-area").evaluate(stage)
    expect(page.locator("#saturation-0 .hoverlayer text").first).to_be_visible()
    assert watched.complaints() == []


def accessibility(watched: Watched) -> list[str]:
    result = Axe().run(watched.page, options={"runOnly": {"type": "tag", "values": RULES}})
    return [
        f"axe {one['id']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in result.response["violations"]
    ]


def keep_picture(watched: Watched, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        watched.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
