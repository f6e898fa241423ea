"""One picture of one page, for tools/screenshots.py, where playwright is installed."""

import json
import sys
from typing import Any

from playwright.sync_api import Page, sync_playwright

WIDTH, HEIGHT = 1200, 780


def main() -> None:
    job = json.loads(sys.argv[1])
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=job["browser"], args=flags)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        _sign_in(page, job["demo"])
        page.goto(job["demo"]["portal"] + job["address"])
        _take(page, job["part"], job["path"])
        browser.close()


def _sign_in(page: Page, demo: dict[str, Any]) -> None:
    page.goto(f"{demo['portal']}/accounts/login/")
    page.get_by_label("User name").fill(demo["user"])
    page.get_by_label("Password").fill(demo["password"])
    page.get_by_role("button", name="Sign in").click()


def _take(page: Page, part: str | None, path: str) -> None:
    shown = page.locator(part or "main").first
    if part:
        shown.scroll_into_view_if_needed()
    page.wait_for_function(
        """() => [...document.querySelectorAll('[data-figure]')].every((area) => {
            const at = area.getBoundingClientRect();
            return !at.height || at.top > innerHeight || at.bottom < 0 || area.dataset.drawn;
        })"""
    )
    page.mouse.move(0, 0)
    if part:
        shown.screenshot(path=path)
    else:
        page.screenshot(path=path)


main()
