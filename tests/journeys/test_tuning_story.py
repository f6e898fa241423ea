"""The loop that a team goes through, over the real command, API and browser.

A run saturates on the database pool; the plan says so; the proposal is accepted; a run after
another change fails it; the pool is raised and the next run verifies it; a later run with the old
pool regresses it; a run whose generator was starved changes nothing; the report tells the story.
"""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browser import browser_page
from tests.loadrunner.processes import LOADRUNNER, target, wait_until
from tests.portals import Portal

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.timeout(1500)]
# A machine that is busy with other things makes runs that may not be believed. Such a run changes
# nothing, so that it can simply be made again; the story itself holds that promise.
TRIES = 8
STAGES, STAGE_S = 8, 1.5
CAMPAIGN = """\
campaign: story
version: 1
target: {{base_url: "${{TARGET_URL}}", allow: [127.0.0.1]}}
identities:
  members:
    login:
      method: POST
      path: /v1/auth/login
      json: {{email: "load-${{index}}@example.test", password: load-test-password}}
    token: $.access_token
    count: 5
  ops: {{bearer: demo-ops-token}}
setup: [{{name: reset, request: {{method: POST, path: /v1/ops/reset}}, identity: ops}}]
scenarios:
  billing:
    identity: members
    steps: [{{name: usage, request: {{method: GET, path: /v1/billing/usage}}, expect: [200]}}]
    load: [{{staircase: {{from: 20, to: 104, stages: {stages}, duration: {seconds}s}}}}]
  quota:
    identity: members
    steps: [{{name: left, request: {{method: GET, path: /v1/billing/quota}}, expect: [200]}}]
    load: [{{phase: plateau, duration: 6s, rate: 2}}]
probes:
  operations:
    path: /v1/ops/monitoring/operational-summary
    identity: ops
    every: 500ms
    metrics:
      db_pool_in_use:
        {{json: $.database.pool.in_use, ceiling: $.database.pool.size, area: database}}
      cpu: {{json: $.process.cpu, ceiling: 1.0, area: cpu}}
"""


@dataclass
class Story:
    """The portal, and a target that is started anew with other settings for each run."""

    portal: Portal
    folder: Path
    number: int = 0

    def run(self, *settings: str, flags: tuple[str, ...] = ()) -> dict[str, Any]:
        """A run against a target of these settings, made again until it may be believed; the
        portal's verdict on it."""
        for _ in range(TRIES):
            code, run_id = self.once(*settings, flags=flags)
            with self.portal.client() as client:
                found: dict[str, Any] = client.get(f"runs/{run_id}/verdict?wait=60").json()
            found["exit"] = code
            if found["validity"] != "invalid":
                return found
        raise AssertionError(f"No run of {TRIES} was valid: {found}")

    def once(self, *settings: str, flags: tuple[str, ...] = ()) -> tuple[int, str]:
        """The exit code and the id of one run."""
        with target("--seed", str(self.number + 1), *settings) as address:
            done = subprocess.run(
                self.command(address, *flags),
                env=self.environ,
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
        name = f"run-{self.number}"
        again = sorted(self.folder.glob(f"{name}-*"), key=lambda one: int(one.name.split("-")[2]))
        spools = [one / "manifest.json" for one in (self.folder / name, *again)]
        assert spools[-1].exists(), done.stderr
        return done.returncode, json.loads(spools[-1].read_text())["run_id"]

    def starved(self, *settings: str) -> str:
        """A run whose generator stands still for a third of it; its id."""
        with target(*settings) as address:
            process = subprocess.Popen(
                self.command(address),
                env=self.environ,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            spool = self.folder / f"run-{self.number}"
            wait_until(lambda: (spool / "manifest.json").exists(), within_s=60)
            os.killpg(process.pid, signal.SIGSTOP)
            threading.Event().wait(4)
            os.killpg(process.pid, signal.SIGCONT)
            process.communicate(timeout=180)
        return str(json.loads((spool / "manifest.json").read_text())["run_id"])

    def command(self, address: str, *flags: str) -> list[str]:
        self.number += 1
        words = [LOADRUNNER, "run", self.folder / "story.yaml", "--quiet", "--wait"]
        words += ["--portal", self.portal.address, "--project", "story"]
        words += ["--set", f"TARGET_URL={address}"]
        words += ["--out", self.folder / f"run-{self.number}", *flags]
        return [str(word) for word in words]

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "HEADROOM_TOKEN": self.portal.token}


@pytest.fixture
def story(portal: Portal, tmp_path: Path) -> Story:
    text = CAMPAIGN.format(stages=STAGES, seconds=STAGE_S)
    (tmp_path / "story.yaml").write_text(text, encoding="utf-8")
    return Story(portal, tmp_path)


@pytest.fixture
def page(portal: Portal) -> Iterator[Page]:
    with browser_page() as page:
        page.goto(f"{portal.address}/accounts/login/")
        page.locator("input[name=username]").fill(portal.user)
        page.locator("input[name=password]").fill(portal.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{portal.address}/")
        yield page


def test_the_story_of_an_action(story: Story, page: Page) -> None:
    portal = story.portal
    first = story.run("--db-pool", "2")

    page.goto(f"{portal.address}/runs/{first['run']}/plan/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        "Raise the database pool from 2 to 4"
    )
    page.get_by_role("button", name="Accept").first.click()
    expect(page.get_by_role("status")).to_contain_text("is accepted")
    expect(page.get_by_text("It needs a baseline.")).to_be_visible()
    number = int(page.url.rstrip("/").rsplit("/", 1)[1])

    with portal.client() as client:
        fresh = story.run("--db-pool", "2")
        action = _action(client, number)
        assert action["state"] == "accepted"
        assert action["baseline_advice"] == ""

        # Another change: the pool is as it was.
        _implement(client, number)
        other = story.run("--db-pool", "2", "--llm-pool", "16")
        assert _state(client, number) == "failed", other
        touched = _touched(other, number)
        assert touched["retest"] == "fail"
        assert "capacity(billing) >= " in touched["reason"]
        figures = client.get(f"actions/{number}/events").json()[-1]["figures"]
        assert any(one["verdict"] == "fail" and one["measured"] for one in figures)

        # The pool is raised, and the command runs what the action needs.
        _implement(client, number)
        good = story.run("--db-pool", "4", flags=("--retest", action["ref"]))
        assert (good["exit"], _state(client, number)) == (0, "verified"), good
        scenarios = client.get(f"runs/{good['run']}").json()["scenarios"]
        assert "quota" not in scenarios

        bad = story.run("--db-pool", "2", flags=("--retest", action["ref"]))
        assert (bad["exit"], _state(client, number)) == (3, "regressed"), bad

        events = client.get(f"actions/{number}/events").json()
        starved = story.starved("--db-pool", "2")
        verdict = client.get(f"runs/{starved}/verdict?wait=60").json()
        assert verdict["validity"] == "invalid"
        assert _touched(verdict, number)["retest"] == "not_applicable"
        assert _state(client, number) == "regressed"
        assert client.get(f"actions/{number}/events").json() == events

        runs = ",".join(one["run"] for one in (first, fresh, other, good, bad))
        report = client.get("projects/story/campaign-report", params={"runs": runs}).text

    for words in ("failed", "verified", "regressed", "Raise the database pool from 2 to 4"):
        assert words in report
    moves = [event["to_state"] for event in events if event["to_state"]]
    assert moves == [
        *("accepted", "implemented", "failed"),
        *("implemented", "verified", "regressed"),
    ]
    page.goto(f"{portal.address}/projects/story/ledger/")
    expect(page.get_by_text("the plan (database_pool)").first).to_be_visible()


def _action(client: httpx.Client, number: int) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"actions/{number}").json()
    return found


def _state(client: httpx.Client, number: int) -> str:
    return str(_action(client, number)["state"])


def _implement(client: httpx.Client, number: int) -> None:
    moved = client.patch(f"actions/{number}", json={"state": "implemented"})
    assert moved.status_code == 200, moved.text


def _touched(verdict: dict[str, Any], number: int) -> dict[str, Any]:
    return next(one for one in verdict["actions"] if one["id"] == number)
