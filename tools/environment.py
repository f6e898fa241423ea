"""The checkout's own virtual environment: made once, renewed when a requirement changes."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.errors import ToolError
from tools.steps import step

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
VAR = ROOT / "var"

BASE = ("requirements.txt",)
DEVELOPMENT = ("requirements-dev.txt",)
_INGREDIENTS = ("pyproject.toml", "requirements.txt", "requirements-postgresql.txt")


def ensure(requirements: tuple[str, ...] = BASE) -> None:
    """Make `.venv` hold the requirements and the `loadrunner` command. Quick when it does."""
    stamp = VENV / f"headroom-{requirements[0]}.stamp"
    recipe = _recipe(requirements)
    if stamp.exists() and stamp.read_text() == recipe:
        return
    VAR.mkdir(exist_ok=True)
    if not (BIN / "python").exists():
        _create()
    with step("Installing packages (about half a minute the first time)") as log:
        _install(requirements, log)
    stamp.write_text(recipe)


def _recipe(requirements: tuple[str, ...]) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for name in sorted({*_INGREDIENTS, *requirements}):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _create() -> None:
    if shutil.which("uv"):
        command = ["uv", "venv", "--quiet", "--python", sys.executable, str(VENV)]
    elif importlib.util.find_spec("ensurepip") is None:
        raise ToolError(
            "this Python has no venv module; install it first (Debian: apt install python3-venv)."
        )
    else:
        command = [sys.executable, "-m", "venv", str(VENV)]
    with step("Making the virtual environment .venv") as log:
        _call(command, log)


def _install(requirements: tuple[str, ...], log: Path) -> None:
    wanted = [argument for name in requirements for argument in ("-r", name)]
    if shutil.which("uv"):
        installer = ["uv", "pip", "install", "--quiet", "--python", str(BIN / "python")]
    else:
        installer = [str(BIN / "python"), "-m", "pip", "install", "--no-input"]
        installer += ["--disable-pip-version-check"]
    _call([*installer, *wanted], log)
    _call([*installer, "--no-deps", "--editable", "."], log)


def _call(command: list[str], log: Path) -> None:
    with log.open("ab") as output:
        done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=False)
    if done.returncode:
        shown = os.path.relpath(log, ROOT)
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        raise ToolError(f"`{command[0]}` failed: {' '.join(last)} (the whole log: {shown})")
