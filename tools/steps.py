"""Says what is being done, for as long as it takes."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_VAR = Path(__file__).resolve().parent.parent / "var"


@contextmanager
def step(what: str) -> Iterator[Path]:
    """Announce a step, keep saying that it goes on, and how long it took. Yields a log file."""
    _VAR.mkdir(exist_ok=True)
    done = threading.Event()
    started_s = time.monotonic()
    ticker = threading.Thread(target=_tick, args=(what, done, started_s), daemon=True)
    ticker.start()
    try:
        yield _VAR / "setup.log"
    finally:
        done.set()
        ticker.join()
    _say(f"{what}: {time.monotonic() - started_s:.0f} s", end="\n")


def say(text: str) -> None:
    print(text, flush=True)


def _tick(what: str, done: threading.Event, started_s: float) -> None:
    is_terminal = sys.stdout.isatty()
    _say(f"{what} ...", end="" if is_terminal else "\n")
    while not done.wait(1.0 if is_terminal else 10.0):
        elapsed = f"{what} ... {time.monotonic() - started_s:.0f} s"
        _say(elapsed, end="" if is_terminal else "\n")


def _say(text: str, end: str) -> None:
    # In a terminal one line is written over and over.
    start = "\r\x1b[K" if sys.stdout.isatty() else ""
    print(f"{start}{text}", end=end, flush=True)
