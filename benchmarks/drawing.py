"""How soon a page's charts are drawn in Chromium, how much it moves, and how large they are.

    python benchmarks/drawing.py [--rounds 5] [--json]

A portal of its own with 200 runs. `in sight` counts from the last byte of the page to the last
chart that the window shows; `whole page` the same in a window as high as the page, so that every
chart that is not folded away is drawn at once. Each round opens the page in a browser context of
its own, which has loaded plotly before but for the rows that say otherwise.
"""

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks import _addresses, _machine
from benchmarks._calm import Calm
from benchmarks._goal import Goal
from benchmarks._result import Result, Table
from benchmarks._spread import spread
from benchmarks.warehouse import filled, started
from tests.portals import Portal

RUNS: Final = 200
ACTIONS: Final = 20
MOST_MS: Final = 1500
PAGES: Final = ("run", "compare two", "compare six", "trends, p95 of all, 200 runs", "action")
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_HIGHEST: Final = 16_000
# Notes when each figure was drawn, and every shift that no input explains.
_WATCH: Final = """
window.drawnAt = [];
window.shift = 0;
new MutationObserver((changes) => changes.forEach(() => window.drawnAt.push(performance.now())))
  .observe(document, {subtree: true, attributes: true, attributeFilter: ['data-drawn']});
new PerformanceObserver((list) => list.getEntries().forEach((one) => {
  if (!one.hadRecentInput) window.shift += one.value;
})).observe({type: 'layout-shift', buffered: true});
"""
_ALL_DRAWN: Final = """() => [...document.querySelectorAll('[data-figure]')].every((area) => {
    const at = area.getBoundingClientRect();
    return !area.checkVisibility() || !at.height || at.top > innerHeight || area.dataset.drawn;
})"""
_FOUND: Final = """() => ({
    drawn: window.drawnAt.length,
    ms: Math.max(0, ...window.drawnAt)
        - performance.getEntriesByType('navigation')[0].responseEnd,
    shift: window.shift,
    bytes: Math.max(0, ...[...document.querySelectorAll('script[id^=figure-]')]
        .map((one) => new Blob([one.textContent]).size)),
})"""


@dataclass(frozen=True)
class Drawn:
    """Of one opening of a page: figures drawn, ms after its last byte, layout shift, and the
    bytes of its largest figure."""

    drawn: int
    ms: float
    shift: float
    bytes: int


def main() -> int:
    options = _options()
    result = Result("drawing", Calm(math.inf))
    with (
        tempfile.TemporaryDirectory(prefix="headroom-drawing-") as name,
        started(Path(name) / "portal") as portal,
        _chromium() as browser,
    ):
        for page, path in _paths(portal, Path(name)):
            _machine.say(f"{page} …")
            _measure(result, portal, browser, page, path, options.rounds)
    result.show(as_json=options.json)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    return parser.parse_args()


def _measure(
    result: Result, portal: Portal, browser: Browser, page: str, path: str, rounds: int
) -> None:
    rows = []
    for what, height, is_known in (
        ("in sight, plotly not loaded before", 900, False),
        ("in sight", 900, True),
        ("whole page", _HIGHEST, True),
    ):
        opened = [_opened(portal, browser, path, height, is_known) for _ in range(rounds)]
        waits = spread(one.ms for one in opened)
        result.goals.append(Goal(f"{page}, {what}", waits, MOST_MS, "ms", form=".0f"))
        rows.append([page, what, str(opened[0].drawn), f"{max(one.shift for one in opened):.4f}"])
        rows[-1].append(f"{opened[0].bytes / 1000:.0f}")
    headings = ("page", "window", "charts drawn", "layout shift", "largest figure, kB")
    result.tables.append(Table(f"{page}: {path.partition('?')[0]}", headings, rows))


def _opened(portal: Portal, browser: Browser, path: str, height: int, is_known: bool) -> Drawn:
    context = browser.new_context(viewport={"width": 1280, "height": height})
    try:
        page = _signed_in(context, portal)
        if is_known:
            page.goto(f"{portal.address}/projects/shop/trends/")
            page.wait_for_function(_ALL_DRAWN)
        page.add_init_script(_WATCH)
        page.goto(f"{portal.address}{path}")
        page.wait_for_function(_ALL_DRAWN)
        page.wait_for_timeout(500)
        found: dict[str, Any] = page.evaluate(_FOUND)
        return Drawn(**found)
    finally:
        context.close()


def _signed_in(context: BrowserContext, portal: Portal) -> Page:
    page = context.new_page()
    page.goto(f"{portal.address}/accounts/login/")
    page.get_by_label("User name").fill(portal.user)
    page.get_by_label("Password").fill(portal.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{portal.address}/")
    return page


def _paths(portal: Portal, folder: Path) -> list[tuple[str, str]]:
    run_id, live = filled(portal, folder, RUNS, ACTIONS)
    with portal.client() as api:
        known = _addresses.known(api, run_id, live)
    every = dict(_addresses.pages(known))
    return [(name, every[f"page: {name}"]) for name in PAGES]


@contextmanager
def _chromium() -> Iterator[Browser]:
    path = next(filter(None, map(which, _BROWSERS)), None)
    if path is None:
        raise SystemExit("No Chromium was found; install it first (Debian: apt install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
