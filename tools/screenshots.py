"""`make screenshots`: the pictures of README and docs, taken of the demo that runs now.

Start `make demo` in another terminal first; its addresses stand in var/demo.json.
"""

import json
import re
import shutil
import subprocess
from typing import Any

from tools import environment
from tools.environment import BIN, DEVELOPMENT, ROOT, VAR
from tools.errors import ToolError
from tools.steps import say

FOLDER = ROOT / "docs" / "img"
MOST_BYTES = 150_000
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_PAGES = {
    # name: the page, and which part of it; null is the window.
    "run": ("/runs/{before}/", None),
    "saturation": ("/runs/{before}/", "#saturation article"),
    "over-time": ("/runs/{before}/?scenario=billing", "#time .panel"),
    "runs": ("/projects/{project}/", None),
    "compare": ("/compare/?runs={before},{after}", None),
    "action": ("/actions/{action}/", None),
}


def main() -> int:
    environment.ensure(DEVELOPMENT)
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        raise ToolError("no Chromium was found; install it first (Debian: apt install chromium).")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, address, part in _wanted(_demo()):
        say(f"{name}: {address}")
        _taken(browser, name, address, part)
    return 0


def _demo() -> dict[str, Any]:
    path = VAR / "demo.json"
    if not path.exists():
        raise ToolError("var/demo.json is missing: start `make demo` first and leave it running.")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def _wanted(demo: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    before, after = demo["runs"][-2:]
    values = {"before": before, "after": after, "project": demo["project"]}
    values["action"] = demo["actions"][-1]
    return [(name, path.format(**values), part) for name, (path, part) in _PAGES.items()]


def _taken(browser: str, name: str, address: str, part: str | None) -> None:
    """In the checkout's own environment, which has the driver."""
    job = {"browser": browser, "demo": _demo(), "address": address, "part": part}
    job["path"] = str(FOLDER / f"{name}.png")
    command = [str(BIN / "python"), "-m", "tools._picture", json.dumps(job)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = re.sub(r"\s+", " ", done.stderr.strip())[-300:]
        raise ToolError(f"the picture '{name}' could not be taken: {last}")
    size = (FOLDER / f"{name}.png").stat().st_size
    if size > MOST_BYTES:
        raise ToolError(f"{name}.png takes {size} bytes; the most is {MOST_BYTES}.")
