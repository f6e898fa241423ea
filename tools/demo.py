"""`make demo`: the main job, end to end, against a real service on this machine.

The example campaign runs against the reference target; its database pool is then doubled, as a
tuning action says, and the second run judges that action by itself.
"""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import environment
from tools.environment import BIN, ROOT, VAR
from tools.errors import ToolError
from tools.portal_api import PortalApi
from tools.ports import port
from tools.processes import Server, ended_by_signals, running
from tools.serving import manage, migrate, portal
from tools.steps import say

PROJECT = "demo"
CAMPAIGN = ROOT / "examples" / "critical-flows.yaml"
USER = "demo"
POOL_BEFORE, POOL_AFTER = 4, 8
ACTION_TITLE = "Raise the database pool from 4 to 8 connections"
# What `loadrunner run --portal` may end with when it has done its work: passed, a criterion
# failed, not valid, inconclusive.
_VERDICTS = (0, 3, 4, 8)


@dataclass(frozen=True)
class Demo:
    """Where the two servers are, and with what one signs in."""

    portal_url: str
    target_port: int
    password: str
    token: str

    @property
    def api(self) -> PortalApi:
        return PortalApi(self.portal_url, self.token)


def main() -> int:
    portal_port, target_port = port("PORT", 8000), port("TARGET_PORT", 8900)
    if portal_port == target_port:
        raise ToolError("PORT and TARGET_PORT are the same; name two different ones.")
    (VAR / "demo.json").unlink(missing_ok=True)
    environment.ensure()
    migrate()
    with ended_by_signals(), portal(portal_port) as server:
        demo = _admit(f"http://127.0.0.1:{portal_port}", target_port)
        server.wait_until_up(f"{demo.portal_url}/healthz")
        _play(demo)
        _tell(demo)
        if not os.environ.get("EXIT"):
            say("The portal stays up; Ctrl-C ends it.")
            server.wait()
    return 0


def _admit(portal_url: str, target_port: int) -> Demo:
    """A user with a password of its own, and a token that may do what the demo does."""
    password = secrets.token_urlsafe(12)
    manage("ensure_user", "--username", USER, "--password", password, "--staff")
    token = manage("token", "create", "--name", "make demo", "--scope", "admin")
    return Demo(portal_url, target_port, password, token.split()[-1])


def _play(demo: Demo) -> None:
    with _target(demo, POOL_BEFORE):
        _campaign(demo, "before", POOL_BEFORE)
    action = _action(demo)
    with _target(demo, POOL_AFTER):
        implement(demo.api, action)
        _campaign(demo, "after", POOL_AFTER)


def implement(api: PortalApi, action: dict[str, Any]) -> None:
    """Unless it is already: a demo whose second run judged nothing leaves the action so."""
    if action["state"] != "implemented":
        api.patch(f"actions/{action['id']}", {"state": "implemented"})


@contextmanager
def _target(demo: Demo, pool: int) -> Iterator[Server]:
    command = [str(BIN / "loadrunner"), "target", "--port", str(demo.target_port)]
    command += ["--db-pool", str(pool)]
    say(f"The reference target, with a database pool of {pool}: port {demo.target_port}")
    with running("reference target", command, {}, VAR / "target.log") as server:
        server.wait_until_up(f"http://127.0.0.1:{demo.target_port}/healthz")
        yield server


def _campaign(demo: Demo, tuning: str, pool: int) -> None:
    """Run, upload, and wait for the portal's verdict; the output goes to the terminal."""
    command = [str(BIN / "loadrunner"), "run", str(CAMPAIGN), "--allow-destructive"]
    command += ["--set", f"TARGET_URL=http://127.0.0.1:{demo.target_port}"]
    command += ["--label", "environment=demo", "--label", f"tuning={tuning}"]
    command += ["--label", f"db_pool={pool}", "--out", str(_folder(tuning))]
    command += ["--portal", demo.portal_url, "--project", PROJECT, "--wait"]
    env = {**os.environ, "HEADROOM_TOKEN": demo.token}
    status = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
    if status not in _VERDICTS:
        raise ToolError(f"the campaign '{tuning}' ended with status {status}; see above.")


def _folder(tuning: str) -> Path:
    """A new spool folder each time."""
    return VAR / "spools" / f"{tuning}-{secrets.token_hex(4)}"


def _action(demo: Demo) -> dict[str, Any]:
    """The one tuning action of the demo; a second demo finds it and tunes again."""
    known = demo.api.get(f"projects/{PROJECT}/actions")["items"]
    for action in known:
        if action["title"] == ACTION_TITLE:
            return dict(action)
    evidence = _runs(demo)[-1]
    return dict(demo.api.post(f"projects/{PROJECT}/actions", _proposal(evidence)))


def _proposal(evidence: str) -> dict[str, Any]:
    return {
        "title": ACTION_TITLE,
        "description": "Billing waits for a database connection: all of the pool are in use from "
        "the saturation point on, while the database itself has room.",
        "kind": "quick_win",
        "area": "database",
        "impact": "high",
        "effort": "low",
        "risk": "low",
        "expected_gain": "capacity of billing +80 %",
        "owner": USER,
        "campaign": "critical-flows",
        "state": "accepted",
        "evidence": [evidence],
        "baseline": evidence,
        "criteria": [
            {"text": "p95(billing/usage@stage_06) < 400ms", "by": "interval"},
            {"text": "capacity(billing) >= 1.3 * baseline", "by": "interval"},
        ],
    }


def _runs(demo: Demo) -> list[str]:
    """The ids of the project's runs, the oldest first."""
    items = demo.api.get(f"runs?project={PROJECT}&per_page=100")["items"]
    return [item["id"] for item in sorted(items, key=lambda item: item["started_at"])]


def _tell(demo: Demo) -> None:
    """Print where to look, then write it down, last of all."""
    actions = demo.api.get(f"projects/{PROJECT}/actions")["items"]
    runs = _runs(demo)
    say(f"\nPortal     {demo.portal_url}/")
    say(f"Sign in    {USER} / {demo.password}")
    say(f"Token      {demo.token}")
    for run in runs[-2:]:
        say(f"Run        {demo.portal_url}/runs/{run}/")
    for action in actions:
        say(f"Action     {demo.portal_url}/actions/{action['id']}/  ({action['state']})")
    _write(demo, runs, [action["id"] for action in actions])


def _write(demo: Demo, runs: list[str], actions: list[int]) -> None:
    document = {
        "portal": demo.portal_url,
        "user": USER,
        "password": demo.password,
        "token": demo.token,
        "project": PROJECT,
        "runs": runs,
        "actions": actions,
    }
    draft = VAR / "demo.json.part"
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(document, indent=2) + "\n")
    draft.rename(VAR / "demo.json")
