"""Forty-four ways in which a generator is denied what it needs. Linux; most of them take root."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks import _machine

_CGROUP = Path("/sys/fs/cgroup")
_DISK_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Victim:
    """The processes of one run: the coordinator first, then its workers."""

    coordinator: int

    @property
    def workers(self) -> list[int]:
        return [
            child
            for child in _machine.children(self.coordinator)
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]

    @property
    def all(self) -> list[int]:
        return [self.coordinator, *self.workers]


Starving = Callable[[Victim, Path], AbstractContextManager[None]]
"""Begins when the clock of the run starts, ends with the block; the path is the spool's folder."""


@contextmanager
def _nothing(_victim: Victim, _out: Path) -> Iterator[None]:
    yield


@dataclass(frozen=True)
class Way:
    """`prefix` goes before the command, `env` into its environment. `path` is what is asked for.
    In a network of its own where `ports` says how many it may connect from."""

    kind: str
    name: str
    starving: Starving = _nothing
    prefix: Sequence[str] = ()
    env: tuple[tuple[str, str], ...] = ()
    path: str = "/mix"
    ports: int | None = None
    on_disk: bool = False
    with_users: bool = False


HEALTHY = Way("healthy", "healthy")


def ways(scratch: Path) -> list[Way]:
    """All of them; `scratch` is a folder for what they need."""
    return [
        *(
            Way("cpu quota", f"{share:.0%} of a core by {period_ms} ms", _quota(share, period_ms))
            for share, period_ms in (
                *((0.02, 100), (0.04, 100), (0.03, 250), (0.02, 500), (0.03, 500)),
                *((0.02, 1000), (0.03, 1000)),
            )
        ),
        *(
            Way("stopped by turns", f"{stop} of {of} ms", _turns(stop, of, everybody=True))
            for stop, of in ((60, 100), (120, 200), (150, 500), (250, 1000), (80, 400))
        ),
        *(
            Way("worker stopped by turns", f"{stop} of {of} ms", _turns(stop, of, everybody=False))
            for stop, of in ((40, 100), (100, 500), (200, 1000))
        ),
        *(
            Way("stopped once", f"for {length} ms{who}", _once(length, everybody=who == ""))
            for length, who in (
                *((200, ""), (400, ""), (1000, ""), (400, ", the worker"), (1500, ", the worker")),
            )
        ),
        *(
            Way("busy neighbour", f"real-time, {busy} of {of} ms", _neighbour(scratch, busy, of))
            for busy, of in ((60, 100), (100, 400), (40, 80), (200, 600), (80, 200))
        ),
        *(
            Way("descriptors", f"{limit} at most", prefix=_few_files(limit), path="/slow")
            for limit in (40, 60, 80, 100)
        ),
        *(
            Way("ports", f"{count} to connect from", path="/slow", ports=count)
            for count in (20, 40, 80, 120)
        ),
        *(
            Way(
                "slow disk", f"stands still {stop} of {of} ms", _frozen_disk(stop, of), on_disk=True
            )
            for stop, of in ((1500, 1600), (1800, 2000), (2500, 2600))
        ),
        *(
            Way("blocked loop", f"{block} of {of} ms", env=_blocking(scratch, block, of))
            for block, of in ((40, 200), (100, 500), (25, 50), (300, 1500))
        ),
        *(
            Way("users", f"and {name}", starving, env=env, with_users=True)
            for name, starving, env in (
                ("1% of a core by 500 ms", _quota(0.01, 500), ()),
                ("stopped 100 of 500 ms", _turns(100, 500, everybody=True), ()),
                ("a real-time neighbour, 100 of 400 ms", _neighbour(scratch, 100, 400), ()),
                ("a loop blocked 100 of 500 ms", _nothing, _blocking(scratch, 100, 500)),
            )
        ),
    ]


def _quota(share: float, period_ms: int) -> Starving:
    @contextmanager
    def starving(victim: Victim, _out: Path) -> Iterator[None]:
        is_v2 = (_CGROUP / "cgroup.controllers").exists()
        group = (_CGROUP if is_v2 else _CGROUP / "cpu") / f"headroom-starved-{os.getpid()}"
        group.mkdir()
        quota, period = str(round(share * period_ms * 1000)), str(period_ms * 1000)
        try:
            if is_v2:
                (group / "cpu.max").write_text(f"{quota} {period}")
            else:
                (group / "cpu.cfs_period_us").write_text(period)
                (group / "cpu.cfs_quota_us").write_text(quota)
            for pid in victim.all:
                with suppress(ProcessLookupError):
                    (group / "cgroup.procs").write_text(str(pid))
            yield
        finally:
            _leave(group)

    return starving


def _leave(group: Path) -> None:
    """Set its processes free, and take the group away."""
    for pid in (group / "cgroup.procs").read_text().split():
        with suppress(ProcessLookupError):  # it has ended meanwhile
            (group.parent / "cgroup.procs").write_text(pid)
    group.rmdir()


def _turns(stop_ms: int, of_ms: int, *, everybody: bool) -> Starving:
    return _in_thread(lambda victim, is_over: _stopped(victim, stop_ms, of_ms, everybody, is_over))


def _stopped(
    victim: Victim, stop_ms: int, of_ms: int, everybody: bool, is_over: threading.Event
) -> None:
    pids = victim.all if everybody else victim.workers
    while not is_over.wait((of_ms - stop_ms) / 1000):
        _signal(pids, signal.SIGSTOP)
        time.sleep(stop_ms / 1000)
        _signal(pids, signal.SIGCONT)


def _once(length_ms: int, *, everybody: bool) -> Starving:
    def stop(victim: Victim, is_over: threading.Event) -> None:
        pids = victim.all if everybody else victim.workers
        is_over.wait(0.8)
        _signal(pids, signal.SIGSTOP)
        time.sleep(length_ms / 1000)
        _signal(pids, signal.SIGCONT)

    return _in_thread(stop)


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _in_thread(act: Callable[[Victim, threading.Event], None]) -> Starving:
    @contextmanager
    def starving(victim: Victim, _out: Path) -> Iterator[None]:
        is_over = threading.Event()
        thread = threading.Thread(target=act, args=(victim, is_over))
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    return starving


_SPIN = """
import time
while True:
    until = time.monotonic() + {busy} / 1000
    while time.monotonic() < until:
        pass
    time.sleep(({of} - {busy}) / 1000)
"""


def _neighbour(_scratch: Path, busy_ms: int, of_ms: int) -> Starving:
    """On the generator's core, and before it in the queue."""

    @contextmanager
    def starving(_victim: Victim, _out: Path) -> Iterator[None]:
        script = _SPIN.format(busy=busy_ms, of=of_ms)
        command = ["chrt", "-r", "50", sys.executable, "-c", script]
        process = subprocess.Popen(_machine.pinned(_machine.GENERATOR_CORE, command))
        try:
            yield
        finally:
            process.kill()
            process.wait()

    return starving


def _few_files(limit: int) -> list[str]:
    """The worker needs some 20 of them for itself."""
    return ["prlimit", f"--nofile={limit}:{limit}"]


def _frozen_disk(stop_ms: int, of_ms: int) -> Starving:
    """A file system that takes nothing for a while, and then all of it."""

    @contextmanager
    def starving(_victim: Victim, out: Path) -> Iterator[None]:
        mounted, is_over = out.parent, threading.Event()

        def freeze() -> None:
            while not is_over.wait((of_ms - stop_ms) / 1000):
                subprocess.run(["fsfreeze", "-f", str(mounted)], check=True)
                is_over.wait(stop_ms / 1000)
                subprocess.run(["fsfreeze", "-u", str(mounted)], check=True)

        thread = threading.Thread(target=freeze)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    return starving


@contextmanager
def disk(scratch: Path) -> Iterator[Path]:
    """A file system of its own, on a loop device."""
    image, folder = scratch / "disk.img", scratch / "disk"
    image.write_bytes(bytes(_DISK_BYTES))
    folder.mkdir(exist_ok=True)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        image.unlink()


# Runs in every Python that starts with it on its path, and blocks the loops of workers: the
# handler of the signal runs in the loop's own thread.
_SITE = """
import signal, sys, time
def _block(*_):
    signal.setitimer(signal.ITIMER_REAL, ({of} - {block}) / 1000)
    until = time.monotonic() + {block} / 1000
    while time.monotonic() < until:
        pass
if any("spawn_main" in word for word in sys.orig_argv):
    signal.signal(signal.SIGALRM, _block)
    signal.setitimer(signal.ITIMER_REAL, 2.0)
"""


def _blocking(scratch: Path, block_ms: int, of_ms: int) -> tuple[tuple[str, str], ...]:
    folder = scratch / f"block-{block_ms}-{of_ms}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(_SITE.format(block=block_ms, of=of_ms))
    return (("PYTHONPATH", str(folder)),)
