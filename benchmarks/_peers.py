"""The other tools: where they come from, and how each is made to do the same work.

wrk and hey are Debian's, Locust is PyPI's and autocannon npm's newest. They are installed into
var/bench/, or for Debian's packages by apt-get where this is run by root.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks._machine import say
from tools.environment import VAR

_FOLDER = VAR / "bench"
_LOCUST = _FOLDER / "locust"
_NPM = _FOLDER / "npm"


@dataclass(frozen=True)
class Peer:
    """A tool that can be called: `program` is None where it cannot be had, and `version` says
    which one it is, or why there is none."""

    name: str
    program: Path | None
    version: str


def find(*names: str) -> dict[str, Peer]:
    """The tools asked for, installed where that is possible."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    finders: dict[str, Callable[[], Peer]] = {
        "wrk": lambda: _of_debian("wrk"),
        "hey": lambda: _of_debian("hey"),
        "autocannon": _autocannon,
        "locust": _locust,
    }
    return {name: finders[name]() for name in names}


def _of_debian(name: str) -> Peer:
    if shutil.which(name) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"Installing {name} (Debian) ...")
        _try(["apt-get", "install", "-y", "-q", "--no-install-recommends", name])
    found = shutil.which(name)
    if found is None:
        return Peer(name, None, f"not installed (Debian: apt install {name})")
    asked = ["dpkg-query", "-W", "-f", "${Version}", name]
    return Peer(name, Path(found), f"Debian {_said(asked) or 'version unknown'}")


def _locust() -> Peer:
    program = _LOCUST / "bin" / "locust"
    if not program.exists():
        say("Installing Locust (PyPI) into var/bench/locust ...")
        _try([sys.executable, "-m", "venv", str(_LOCUST)])
        _try([str(_LOCUST / "bin" / "python"), "-m", "pip", "install", "-q", "locust"])
    if not program.exists():
        return Peer("locust", None, "not installed (see var/bench/install.log)")
    return Peer("locust", program, (_said([str(program), "--version"]) or "").split(" from ")[0])


def _autocannon() -> Peer:
    program = _NPM / "node_modules" / ".bin" / "autocannon"
    if not program.exists() and shutil.which("npm"):
        say("Installing autocannon (npm) into var/bench/npm ...")
        _try(["npm", "install", "--prefix", str(_NPM), "--no-fund", "--no-audit", "autocannon"])
    if not program.exists():
        return Peer("autocannon", None, "not installed (it needs npm: apt install npm)")
    node = _said(["node", "--version"]) or "?"
    version = (_said([str(program), "--version"]) or "").splitlines()[:1]
    return Peer("autocannon", program, f"{' '.join(version)}, node {node}")


def _try(command: list[str]) -> None:
    """Install, or leave the complaint in a log: a tool that is missing is said in the result."""
    with (_FOLDER / "install.log").open("ab") as log:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)


def _said(command: list[str]) -> str | None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
