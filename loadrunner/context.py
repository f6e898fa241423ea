"""What a run knows of where it was made: the machine, and the state of the code."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from loadrunner import ceiling
from loadrunner.engine.timer import is_exact
from runs.formats.manifest import GitEntry


@dataclass(frozen=True)
class Context:
    host: dict[str, object]
    git: GitEntry | None


def of(folder: Path) -> Context:
    """Of a run whose campaign lies in this folder. Git may take its time: ask before the clock
    of the run starts."""
    return Context(host(), git(folder))


def host() -> dict[str, object]:
    """The generator's machine; no name of it, since a spool travels. `ceiling_rps` is what its
    last selfcheck found, `timer` what its arrivals are kept by."""
    known = ceiling.remembered()
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory_bytes": _memory_bytes(),
        "timer": "timerfd" if is_exact() else "loop",
        "ceiling_rps": known.ceiling_rps if known is not None else None,
    }


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def git(folder: Path) -> GitEntry | None:
    """The commit and branch that the folder is on, or None outside a checkout."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return GitEntry(
        commit=commit,
        branch=_git(folder, "rev-parse", "--abbrev-ref", "HEAD"),
        dirty=bool(_git(folder, "status", "--porcelain", "--untracked-files=no")),
    )


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
