"""`make demo` in a fresh clone, as a newcomer types it, twice; then a look in a real browser.

The longest test of the suite, some five minutes: it installs the packages anew and makes four
whole campaigns.
"""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.browser import browser_page
from tests.loadrunner.processes import ROOT, free_port

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1200)]


class Clone:
    """A fresh checkout with two ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
            "PORT": str(free_port()),
            "TARGET_PORT": str(free_port()),
        }
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
        _bring_changes(folder)

    @property
    def told(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "var" / "demo.json").read_text()))

    def demo(self, **env: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["make", "demo"],
            cwd=self.folder,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def get(self, path: str) -> Any:
        told = self.told
        request = urllib.request.Request(
            f"{told['portal']}/api/v1/{path}", headers={"authorization": f"Bearer {told['token']}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def _bring_changes(folder: Path) -> None:
    """The test judges the tree as it is, what is not committed yet included."""
    patch = subprocess.run(
        ["git", "diff", "HEAD", "--binary"], cwd=ROOT, capture_output=True, check=True
    )
    if patch.stdout:
        subprocess.run(["git", "apply"], cwd=folder, input=patch.stdout, check=True)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """After one whole `make demo EXIT=1`, with a second demo that is up."""
    clone = Clone(tmp_path_factory.mktemp("clone") / "headroom")
    first = clone.demo(EXIT="1")
    output, _ = first.communicate(timeout=400)
    assert first.returncode == 0, output
    assert len(clone.told["runs"]) == 2
    (clone.folder / "var" / "demo.json").unlink()
    second = clone.demo()
    try:
        _await_demo(clone, second)
        yield clone
    finally:
        second.send_signal(signal.SIGTERM)
        output, _ = second.communicate(timeout=60)
    assert _nobody_listens(clone.env["PORT"]), output
    assert _nobody_listens(clone.env["TARGET_PORT"]), output


def _await_demo(clone: Clone, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 400
    while not (clone.folder / "var" / "demo.json").exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.5)


def _nobody_listens(port: str) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)
    except OSError:
        return True
    return False


def _truth(clone: Clone, pool: str) -> dict[str, float]:
    """What the reference target says of itself, in journeys/s."""
    told = subprocess.run(
        [".venv/bin/loadrunner", "target", "--truth", "--format", "json", "--db-pool", pool],
        cwd=clone.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: flow["capacity_jps"] for name, flow in json.loads(told.stdout).items()}


def test_a_second_demo_shows_four_runs_and_none_is_invalid(clone: Clone) -> None:
    runs = clone.get("runs?project=demo")["items"]
    assert len(runs) == 4
    assert len(clone.told["runs"]) == 4
    assert {run["processing"] for run in runs} == {"ready"}
    assert "invalid" not in {run["validity"] for run in runs}


def test_saturation_is_where_the_target_says_that_it_is(clone: Clone) -> None:
    for run_id in clone.told["runs"]:
        report = clone.get(f"runs/{run_id}/report")
        truth = _truth(clone, report["run"]["labels"]["db_pool"])
        rows = {row["scenario"]: row for row in report["saturation"]}
        for flow, capacity in truth.items():
            _check(flow, rows[flow], capacity)


def _check(flow: str, row: dict[str, Any], capacity: float) -> None:
    if row["up_to_jps"] >= 1.15 * capacity:
        low, high = row["ci_jps"]
        assert row["verdict"] == "reached", flow
        assert low * 0.95 <= capacity <= high * 1.05, (flow, row["ci_jps"], capacity)
    elif row["up_to_jps"] <= 0.9 * capacity:
        assert row["verdict"] == "not_reached", flow


def test_causes_and_bottlenecks_are_named(clone: Clone) -> None:
    report = clone.get(f"runs/{clone.told['runs'][0]}/report")
    causes = {row["scenario"]: row["cause"] for row in report["saturation"]}
    assert causes["b2b"] in ("rate_limit", "quota")
    assert causes["billing"] == "queue"
    first = next(one for one in report["bottlenecks"] if one["scenario"] == "billing")
    assert (first["metric"], first["area"]) == ("db_pool_in_use", "database")


def test_the_second_run_has_verified_the_action(clone: Clone) -> None:
    (action,) = clone.told["actions"]
    assert clone.get(f"actions/{action}")["state"] == "verified"
    verdict = clone.get(f"runs/{clone.told['runs'][-1]}/verdict")
    assert [(one["id"], one["retest"]) for one in verdict["actions"]] == [(action, "pass")]


def test_throughput_stands_for_each_scenario_and_lists_are_never_null(clone: Clone) -> None:
    report = clone.get(f"runs/{clone.told['runs'][0]}/report")
    plateau = {
        row["scenario"]: row["throughput_rps"]
        for row in report["series"]
        if row["phase"] == "plateau" and row["step"] is None
    }
    assert plateau["chat"] == pytest.approx(60, rel=0.05)
    assert set(plateau) >= {"chat", "privacy_export", "privacy_delete"}
    (deleted,) = [
        row for row in report["series"] if row["step"] == "delete" and row["phase"] == "plateau"
    ]
    assert set(deleted["statuses"]) == {"200", "202", "404", "409"}
    assert deleted["error_rate"] == 0
    lists = ("series", "journeys", "saturation", "bottlenecks", "probes", "criteria")
    assert all(isinstance(report[name], list) for name in lists)


@pytest.mark.browser
def test_a_newcomer_signs_in_and_sees_saturation_and_the_verified_action(clone: Clone) -> None:
    told = clone.told
    with browser_page() as page:
        page.goto(told["portal"])
        page.fill("[name=username]", told["user"])
        page.fill("[name=password]", told["password"])
        page.keyboard.press("Enter")
        page.wait_for_url(f"{told['portal']}/")
        page.goto(f"{told['portal']}/runs/{told['runs'][0]}/")
        assert "Billing saturates at" in page.inner_text("h1")
        # Charts are drawn when they come into view.
        page.locator("[data-figure]").first.scroll_into_view_if_needed()
        page.locator("[data-figure] .main-svg").first.wait_for()
        page.goto(f"{told['portal']}/actions/{told['actions'][0]}/")
        assert "verified" in page.inner_text("main").lower()
