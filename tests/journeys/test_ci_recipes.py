"""The recipes of docs/ci.md: their shell lines run, as a CI system would run them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.loadrunner.processes import ROOT, target
from tests.portals import Portal

pytestmark = pytest.mark.journey
# What stands for the outside: a package installer, a container host, the team's git server.
STAND_INS = {
    "pip": 'test "$1" = install && test -f "$2/pyproject.toml"',
    "docker": "true",
    "git": f'test "$1" = clone && ln -sfn "{ROOT}" "${{@: -1}}"',
}
# The nightly campaign is the example's; what is run here is as long as its smoke.
SHORTER = ("loadrunner run load/critical-flows.yaml --quiet", "--smoke --quiet")


def documents() -> list[Any]:
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]


def scripts() -> Iterator[tuple[str, str]]:
    """The shell of each job, its steps joined, as (name, script)."""
    github, gitlab = documents()
    for name, job in github["jobs"].items():
        yield f"github-{name}", "\n".join(step["run"] for step in job["steps"] if "run" in step)
    before = gitlab[".load"]["before_script"]
    for name in ("smoke", "nightly"):
        yield f"gitlab-{name}", "\n".join([*before, *gitlab[name]["script"]])


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with target() as url:
        yield url


@pytest.mark.parametrize("name", [name for name, _ in scripts()])
def test_a_job_of_the_recipes_runs(name: str, service: str, portal: Portal, tmp_path: Path) -> None:
    script = dict(scripts())[name]
    if "nightly" in name:
        assert SHORTER[0] in script
        script = script.replace("critical-flows.yaml --quiet", f"critical-flows.yaml {SHORTER[1]}")
    _short_campaign(tmp_path / "load")
    if name.startswith("github"):
        (tmp_path / "headroom").symlink_to(ROOT)
    summary = tmp_path / "summary.md"
    environ = {
        **os.environ,
        "PATH": f"{_stand_ins(tmp_path)}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TARGET_URL": service,
        "HEADROOM_URL": portal.address,
        "HEADROOM_TOKEN": portal.token,
        "HEADROOM_GIT": "https://git.example/headroom.git",
        "GITHUB_HEAD_REF": "a-change",
        "GITHUB_REF_NAME": "main",
        "GITHUB_STEP_SUMMARY": str(summary),
        "CI_COMMIT_REF_NAME": "main",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    # A machine that is busy may make a run that is not valid; that is the job's own answer.
    assert done.returncode in (0, 4), (done.stdout, done.stderr)
    assert "Uploaded: run " in done.stdout
    assert (tmp_path / "results" / "load.xml").read_text().startswith("<?xml")
    if name.startswith("github") and done.returncode == 0:
        assert "critical-flows" in summary.read_text(encoding="utf-8")


def _short_campaign(folder: Path) -> None:
    """The example, its smoke quicker and denser."""
    shutil.copytree(ROOT / "examples", folder)
    file = folder / "critical-flows.yaml"
    text, usual = file.read_text(encoding="utf-8"), "duration: 10s\n  rate: 3\n"
    assert usual in text
    file.write_text(text.replace(usual, "duration: 3s\n  rate: 10\n"), encoding="utf-8")


def _stand_ins(folder: Path) -> Path:
    made = folder / "bin"
    made.mkdir()
    for name, body in STAND_INS.items():
        file = made / name
        file.write_text(f"#!/usr/bin/env bash\n{body}\n", encoding="utf-8")
        file.chmod(0o755)
    return made


def test_the_recipes_gate_on_both_a_change_and_a_night() -> None:
    github, gitlab = documents()
    # YAML reads a bare `on` as true.
    assert set(github[True]) == {"pull_request", "schedule", "workflow_dispatch"}
    assert {"smoke", "nightly"} <= set(github["jobs"]) & set(gitlab)
    for name, script in scripts():
        assert "--wait" in script, name
        assert "--junit" in script, name
