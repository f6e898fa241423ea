"""Processes that a benchmark starts: servers beside it, tools that it waits for."""

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_STOP_WITHIN_S = 10.0
_UP_WITHIN_S = 15.0


class BenchmarkError(Exception):
    """Something that a benchmark needs is not there; the text says what."""


@contextmanager
def serving(
    command: Sequence[str], port: int, log: Path, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that listens on a port of this machine, ended with the block."""
    _check_free(port)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd
        )
    try:
        _wait_until_up(process, port, log)
        yield process
    finally:
        _stop(process)


def output_of(
    command: Sequence[str],
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    accepted: Sequence[int] = (0,),
) -> str:
    """Standard output of a command. Raises BenchmarkError with the end of what it complained of."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, env=env, cwd=cwd, check=False
    )
    if done.returncode not in accepted:
        complaint = " ".join(done.stderr.strip().splitlines()[-3:])
        raise BenchmarkError(
            f"`{' '.join(command[:6])} …` ended with {done.returncode}: {complaint}"
        )
    return done.stdout


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise BenchmarkError(f"port {port} is taken; name another with --port")


def _wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline_s = time.monotonic() + _UP_WITHIN_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    last = " ".join(log.read_text(errors="replace").strip().splitlines()[-2:])
    raise BenchmarkError(f"the server on port {port} did not come up: {last}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
