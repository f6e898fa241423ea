"""Servers that a target starts, and ends again whatever happens."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tools.environment import ROOT
from tools.errors import ToolError

_STOP_WITHIN_S = 10.0


class Server:
    """One process in a group of its own, so that Ctrl-C reaches it through us alone."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_until_up(self, url: str, within_s: float = 60.0) -> None:
        """Raises ToolError when it ends or does not answer in time."""
        give_up_s = time.monotonic() + within_s
        while not _answers(url):
            if self._process.poll() is not None or time.monotonic() > give_up_s:
                last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
                raise ToolError(f"the {self.name} did not come up: {' '.join(last)} ({self._log})")
            time.sleep(0.1)

    def wait(self) -> None:
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end; after a while, insist."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def running(name: str, command: list[str], env: Mapping[str, str], log: Path) -> Iterator[Server]:
    server = Server(name, command, env, log)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and Ctrl-C end the block in order, so that every server is stopped."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
