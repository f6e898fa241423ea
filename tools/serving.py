"""`make serve`: the portal alone, on its database."""

import os
import subprocess
from contextlib import AbstractContextManager

from tools import environment
from tools.environment import BIN, ROOT, VAR
from tools.errors import ToolError
from tools.ports import port
from tools.processes import Server, ended_by_signals, running
from tools.steps import say, step


def main() -> int:
    number = port("PORT", 8000)
    environment.ensure()
    migrate()
    with ended_by_signals(), portal(number) as server:
        server.wait_until_up(f"http://127.0.0.1:{number}/healthz")
        say(f"The portal is up: http://127.0.0.1:{number}/ (Ctrl-C ends it)")
        say("A user: .venv/bin/python manage.py ensure_user --username you --password …")
        server.wait()
    return 0


def migrate() -> None:
    with step("Preparing the database"):
        manage("migrate", "--verbosity", "0")


def portal(number: int) -> AbstractContextManager[Server]:
    """gunicorn with threads: uploads stream, and the queue is worked in the same process."""
    command = [str(BIN / "gunicorn"), "portal.wsgi:application", "--worker-class", "gthread"]
    command += ["--workers", "1", "--threads", "16", "--bind", f"127.0.0.1:{number}"]
    # Without the flag gunicorn keeps a control socket in the user's home.
    command += ["--log-level", "warning", "--timeout", "120", "--no-control-socket"]
    return running("portal", command, {}, VAR / "portal.log")


def manage(*arguments: str) -> str:
    """The output of a manage.py command. Raises ToolError with its last line."""
    command = [str(BIN / "python"), "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise ToolError(f"manage.py {arguments[0]} failed: {' '.join(last)}")
    return done.stdout.strip()
