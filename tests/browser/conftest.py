"""A real browser on a real server, and the things that no page may do."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from runs.models import Action, Project, Run
from tests.portal_pages import documents, records

# Playwright's own event loop runs in the tests' thread; the ORM must not take fright at it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


# A module's, not the session's: Playwright's event loop must have ended before other tests run
# loops of their own in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without one the browser tests are skipped, and fail in CI."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        reason = "no Chromium found: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page, with what it did that it must not do."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go there and wait until every figure in sight is drawn."""
        self.page.goto(f"{self.address}{path}")
        self.settle()
        return self.page

    def settle(self) -> None:
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('[data-figure]')].every((area) => {
                const at = area.getBoundingClientRect();
                return !at.height || at.top > innerHeight || area.dataset.drawn;
            })"""
        )

    def draw_everything(self) -> None:
        """Make the window as high as the page, so that all its figures are in sight."""
        width = self.page.viewport_size["width"] if self.page.viewport_size else 1280
        for _ in range(2):
            height = self.page.evaluate("document.documentElement.scrollHeight")
            self.page.set_viewport_size({"width": width, "height": min(height, 16_000)})
            self.settle()

    def complaints(self) -> list[str]:
        """Console errors, exceptions, requests to elsewhere, and CSP violations so far."""
        found: list[str] = self.page.evaluate("window.violations")
        return self.faults + found


@dataclass(frozen=True)
class Scene:
    """What the database holds: two runs of a campaign, and the action between them."""

    project: Project
    before: Run
    after: Run
    action: Action
    coming: Run
    shared: str

    @property
    def pages(self) -> dict[str, str]:
        return {
            "projects": "/",
            "runs": f"/projects/{self.project.slug}/",
            "run": f"/runs/{self.before.pk}/",
            "trends": f"/projects/{self.project.slug}/trends/?statistic=capacity(billing)",
            "settings": f"/projects/{self.project.slug}/settings/",
            "audit": f"/projects/{self.project.slug}/audit/",
            "tokens": f"/projects/{self.project.slug}/tokens/",
            "deleted": f"/projects/{self.project.slug}/deleted/",
            "receiving": f"/runs/{self.coming.pk}/",
            "shared": self.shared,
            "compare": f"/compare/?runs={self.before.pk},{self.after.pk}&show=all",
            "actions": f"/projects/{self.project.slug}/actions/",
            "action": f"/actions/{self.action.pk}/",
            "help": "/help/",
            "glossary": "/help/glossary/",
            "nothing": "/projects/nothing/",
        }


@pytest.fixture
def scene(transactional_db: None) -> Scene:
    project = records.project()
    records.member(project, records.user(), "maintainer")
    failed = documents.judgement("fail", text="p95(billing/usage@stage_06) < 400ms")
    report = documents.report(verdict="fail", criteria=[documents.judgement(), failed])
    before = records.run(project, verdict="fail", report=report)
    records.file(before)
    faster = documents.saturation(capacity_jps=141.3, ci_jps=[138.0, 144.0])
    after = records.run(
        project, 40, branch="raise-db-pool", report=documents.report(saturation=[faster])
    )
    records.run(project, 50, processing="failed", report=None, headline={}, verdict="")
    action = records.action(project, before, state="verified")
    records.retest(action, before, "fail", 74.2)
    records.retest(action, after, "pass", 141.3)
    coming = records.run(project, 55, processing="receiving", report=None, headline={}, verdict="")
    return Scene(
        project, before, after, action, coming, records.surroundings(project, before, after)
    )


@pytest.fixture
def open_page(browser: Browser, live_server: Any, scene: Scene) -> Iterator[Any]:
    """Make a page of a given width and colour scheme; signed in unless told otherwise."""
    contexts = []

    def make(width: int = 1280, scheme: Any = "light", signed_in: bool = True) -> Watched:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.add_init_script(_WATCH)
        if signed_in:
            context.add_cookies([_session(live_server.url)])
        return _watched(context.new_page(), live_server.url)

    yield make
    for context in contexts:
        context.close()


def _session(address: str) -> Any:
    client = Client()
    assert client.login(username="ada", password=records.PASSWORD)
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": address}


def _watched(page: Page, address: str) -> Watched:
    watched = Watched(page, address)
    own = (address, "data:", "blob:")
    page.on(
        "console",
        lambda message: (
            watched.faults.append(f"console {message.type}: {message.text}")
            if message.type in ("error", "warning")
            else None
        ),
    )
    page.on("pageerror", lambda error: watched.faults.append(f"exception: {error}"))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(own) else watched.faults.append(f"to {request.url}")
        ),
    )
    return watched
