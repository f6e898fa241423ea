"""`make test`: everything it needs, then the whole suite; the portal's part on PostgreSQL too."""

import os
import subprocess

from tools import environment, postgresql
from tools.environment import BIN, DEVELOPMENT, ROOT
from tools.steps import say

# What touches the database; the rest would only be the same again.
_ON_POSTGRESQL = ["tests/portal", "tests/portal_pages"]


def main() -> int:
    environment.ensure(DEVELOPMENT)
    arguments = os.environ.get("ARGS", "").split()
    status = _pytest(arguments)
    if not _wants_postgresql():
        say("Skipped: the portal's tests on PostgreSQL. TEST_POSTGRESQL=1 runs them too.")
        return status
    with postgresql.cluster() as url:
        say("\nThe portal's tests again, on PostgreSQL")
        again = _pytest(arguments or _ON_POSTGRESQL, DATABASE_URL=url)
    return max(status, again)


def _wants_postgresql() -> bool:
    return os.environ.get("TEST_POSTGRESQL") == "1" or os.environ.get("CI") == "true"


def _pytest(arguments: list[str], **environ: str) -> int:
    # Playwright's server and Django's database meet in one thread.
    env = {**os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE": "true", **environ}
    command = [str(BIN / "python"), "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
