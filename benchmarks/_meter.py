"""What a request costs the generator: requests by CPU second, whoever else uses the machine.

A rate depends on what others leave of a core; the CPU time that a request takes does so far less.
The server's own counter and the CPU clocks of the generator's processes are read together four
times a second, and only the stretch counts in which the load was on: no tool's start-up and no
tool's report is in the figure.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from benchmarks import _machine
from benchmarks._nginx import Nginx

_EVERY_S = 0.25
# The load is on where the server's counter grows at half of its best rate at least.
_IS_ON = 0.5


@dataclass(frozen=True)
class Look:
    """At one moment: requests served, CPU seconds of the generator's processes and the server's."""

    at_s: float
    requests: int
    generator_s: float
    server_s: float


@dataclass(frozen=True)
class Cost:
    """Requests by CPU second of the generator; how busy the server and the generator were, in
    cores."""

    requests_by_cpu_s: float
    server_cores: float
    generator_cores: float


class Meter:
    """Looks on while the block runs; all children of this process but the server's are taken for
    the generator."""

    def __init__(self, nginx: Nginx) -> None:
        self._nginx = nginx
        self._looks: list[Look] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Meter":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def cost(self) -> Cost | None:
        """None where the load was too short to tell."""
        steps = list(zip(self._looks, self._looks[1:], strict=False))
        best = max((_rate(a, b) for a, b in steps), default=0.0)
        on = [step for step in steps if best and _rate(*step) >= _IS_ON * best]
        if len(on) < 4:
            return None
        # The first and the last are cut by the load's own edges.
        first, last = on[1][0], on[-2][1]
        lasted_s, used_s = last.at_s - first.at_s, last.generator_s - first.generator_s
        if used_s <= 0:
            return None
        return Cost(
            (last.requests - first.requests) / used_s,
            (last.server_s - first.server_s) / lasted_s,
            used_s / lasted_s,
        )

    def _watch(self) -> None:
        while not self._is_over.wait(_EVERY_S):
            # Its own questions are among the requests that nginx counts.
            served = self._nginx.requests() - len(self._looks)
            cpu_s = sum(map(_machine.cpu_s, self._generator()))
            self._looks.append(Look(time.monotonic(), served, cpu_s, self._nginx.cpu_s()))

    def _generator(self) -> list[int]:
        found = [pid for pid in _machine.children(os.getpid()) if pid != self._nginx.pid]
        for pid in found:  # grows on the way: children of children
            found.extend(_machine.children(pid))
        return found


def measured(nginx: Nginx, what: Callable[[], float]) -> tuple[float, Cost | None]:
    """What the callable says, and what a request cost meanwhile."""
    with Meter(nginx) as meter:
        said = what()
    return said, meter.cost()


def _rate(a: Look, b: Look) -> float:
    return (b.requests - a.requests) / (b.at_s - a.at_s)
