"""`make check` and `make fix`: lint, types, formatting."""

import subprocess

from tools import environment
from tools.environment import BIN, DEVELOPMENT, ROOT


def check() -> int:
    environment.ensure(DEVELOPMENT)
    commands = (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", "--strict", "."],
    )
    return max(_run(command) for command in commands)


def fix() -> int:
    environment.ensure(DEVELOPMENT)
    return max(
        _run(command) for command in (["ruff", "check", "--fix", "."], ["ruff", "format", "."])
    )


def _run(command: list[str]) -> int:
    print(f"$ {' '.join(command)}", flush=True)
    return subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, check=False).returncode
