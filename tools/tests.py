"""`make test`: everything it needs, then the whole suite."""

import os
import subprocess

from tools import environment
from tools.environment import BIN, DEVELOPMENT, ROOT


def main() -> int:
    environment.ensure(DEVELOPMENT)
    # Playwright's server and Django's database meet in one thread.
    env = {**os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE": "true"}
    command = [str(BIN / "python"), "-m", "pytest", *os.environ.get("ARGS", "").split()]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
