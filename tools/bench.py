"""`make bench`: the benchmarks, one after the other; `ARGS="throughput --quick"` chooses.

Names choose benchmarks (all, where there are none). Flags go to those that are named, else to
those that share the common ones. The soak is left to the end and to the background, unless it is
asked for by name or is to be quick.
"""

import ast
import os
import shlex
import subprocess
from pathlib import Path

from tools import environment
from tools.environment import BIN, DEVELOPMENT, ROOT, VAR
from tools.errors import ToolError
from tools.steps import say

_FOLDER = ROOT / "benchmarks"
_IN_BACKGROUND = ("soak",)


def main() -> int:
    words = shlex.split(os.environ.get("ARGS", ""))
    # A number behind a flag is the flag's own.
    names = [word for word in words if not word.startswith("-") and not _is_number(word)]
    flags = [word for word in words if word not in names]
    scripts = _chosen(names)
    environment.ensure(DEVELOPMENT)
    later = [one for one in scripts if not names and _is_long(one) and "--quick" not in flags]
    now = [one for one in scripts if one not in later]
    failures = [_run(script, _taken(script, flags, names)) for script in now]
    for script in later:
        _start(script, flags)
    return max(failures, default=0)


def _chosen(names: list[str]) -> list[Path]:
    found = {path.stem: path for path in sorted(_FOLDER.glob("*.py")) if path.name[0] != "_"}
    for name in names:
        if name not in found:
            raise ToolError(f"there is no benchmark {name}; there are {', '.join(found)}.")
    return [found[name] for name in names or found]


def _is_number(word: str) -> bool:
    return word.replace(".", "", 1).isdigit()


def _is_long(script: Path) -> bool:
    return script.stem in _IN_BACKGROUND


def _command(script: Path, flags: list[str]) -> list[str]:
    return [str(BIN / "python"), "-m", f"benchmarks.{script.stem}", *flags]


def _taken(script: Path, flags: list[str], names: list[str]) -> list[str]:
    """The flags that a benchmark understands; where it is named, the user knows."""
    return flags if names or "_options" in script.read_text(encoding="utf-8") else []


def _run(script: Path, flags: list[str]) -> int:
    say(f"\n### {script.stem}: {_about(script)}")
    return subprocess.run(_command(script, flags), cwd=ROOT, check=False).returncode


def _start(script: Path, flags: list[str]) -> None:
    """In the background, where it goes on when this is over."""
    log = VAR / "bench" / f"{script.stem}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        subprocess.Popen(
            _command(script, flags),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    shown = log.relative_to(ROOT)
    say(f"\n### {script.stem}: {_about(script)}\nIt goes on in the background; see {shown}.")


def _about(script: Path) -> str:
    """The first line of what a benchmark says of itself, and how long it takes."""
    doc = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    lines = doc.splitlines()
    times = [line.partition(";")[0] for line in lines if line.startswith("Takes ")]
    return " ".join(lines[:1] + times)
