"""The machine that a benchmark runs on, and how busy others kept it meanwhile."""

import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_EVERY_S = 5.0
QUIET_BELOW = 1.0

GENERATOR_CORE = 0
SERVER_CORE = 1


def context() -> dict[str, object]:
    """What a reader needs to judge the figures by."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "measured_at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def describe(found: dict[str, object]) -> str:
    """The context as one line."""
    return (
        f"{found['cpu']}, {found['cores']} cores, Linux {found['kernel']}, "
        f"Python {found['python']}, load average {found['load_before']} before, "
        f"{found['measured_at']}"
    )


def wait_until_quiet(within_s: float, say: Callable[[str], None]) -> None:
    """Until the load average falls below 1, or for so long; says which it was."""
    deadline_s = time.monotonic() + within_s
    while within_s and os.getloadavg()[0] >= QUIET_BELOW:
        if time.monotonic() > deadline_s:
            say(f"The machine did not become quiet within {within_s:.0f} s; measuring anyway.")
            return
        time.sleep(_LOOK_EVERY_S)


def pinned(core: int | None, command: list[str]) -> list[str]:
    """The command held, with all its children, to one core (None: to none)."""
    return command if core is None else ["taskset", "-c", str(core), *command]


@dataclass(frozen=True)
class Usage:
    """CPU seconds since boot: of all cores, stolen by the hypervisor, and of our own processes."""

    at_s: float
    busy_s: float
    steal_s: float
    ours_s: float


def usage(servers_s: float = 0.0) -> Usage:
    """`servers_s` are the CPU seconds of servers that still run; ended children count already."""
    with Path("/proc/stat").open() as stat:
        # user nice system idle iowait irq softirq steal
        fields = [int(field) / _TICKS for field in stat.readline().split()[1:9]]
    ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    used_s = sum(one.ru_utime + one.ru_stime for one in ours)
    busy_s = sum(fields) - fields[3] - fields[4] - fields[7]
    return Usage(time.monotonic(), busy_s, fields[7], used_s + servers_s)


def taken_by_others(before: Usage, after: Usage) -> float:
    """Cores that were busy for somebody else, or stolen, on average between two readings."""
    ours_s = after.ours_s - before.ours_s
    all_s = after.busy_s - before.busy_s + after.steal_s - before.steal_s
    return max(0.0, (all_s - ours_s) / (after.at_s - before.at_s))


def cpu_s(pid: int) -> float:
    """CPU seconds of one running process; 0 where it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def children(pid: int) -> list[int]:
    """The processes that a process started and that still run."""
    try:
        found = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(child) for text in found for child in text.split()]


def memory_bytes(pid: int, field: str = "VmRSS") -> int:
    """A figure of /proc/PID/status; 0 where the process is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = [line for line in text.splitlines() if line.startswith(f"{field}:")]
    return int(lines[0].split()[1]) * 1024 if lines else 0


def say(text: str) -> None:
    """Progress goes to standard error, so that standard output is the result alone."""
    print(text, file=sys.stderr, flush=True)


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
