"""What the system knows of the generator's processes; Linux only, null elsewhere."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True)
class _Machine:
    """Jiffies of all cores since boot."""

    busy: int
    steal: int
    total: int


class Vitals:
    """Readings since the last one; call it about once a second for each process."""

    def __init__(self) -> None:
        self._cpu: dict[int, tuple[float, float]] = {}
        self._machine = _machine()
        self._shares: tuple[float | None, float | None] = (None, None)
        self._read_s = 0.0

    def of(self, pid: int) -> dict[str, float | int | None]:
        """The figures of one process, by the names of runs.formats.health."""
        machine, steal = self._machine_shares()
        return {
            "cpu_process": self._cpu_share(pid),
            "cpu_machine": machine,
            "cpu_steal": steal,
            "rss_bytes": _rss_bytes(pid),
            "descriptors": _descriptors(pid),
            "time_wait": _time_wait(),
        }

    def _cpu_share(self, pid: int) -> float | None:
        used_s = _cpu_s(pid)
        if used_s is None:
            return None
        now_s = time.monotonic()
        before_s, before_used_s = self._cpu.get(pid, (now_s, used_s))
        self._cpu[pid] = now_s, used_s
        return round((used_s - before_used_s) / (now_s - before_s), 3) if now_s > before_s else None

    def _machine_shares(self) -> tuple[float | None, float | None]:
        """Of the machine, read at most twice a second however many processes ask."""
        if time.monotonic() - self._read_s > 0.5:
            before, now = self._machine, _machine()
            if before is not None and now is not None and now.total > before.total:
                total = now.total - before.total
                busy = (now.busy - before.busy) / total
                self._shares = round(busy, 3), round((now.steal - before.steal) / total, 3)
            self._machine, self._read_s = now, time.monotonic()
        return self._shares


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def _machine() -> _Machine | None:
    text = _text(_PROC / "stat")
    if text is None:
        return None
    # user nice system idle iowait irq softirq steal
    fields = [int(field) for field in text.splitlines()[0].split()[1:9]]
    total = sum(fields)
    return _Machine(busy=total - fields[3] - fields[4], steal=fields[7], total=total)


def _cpu_s(pid: int) -> float | None:
    text = _text(_PROC / str(pid) / "stat")
    if text is None:
        return None
    # The name, in parentheses, may hold blanks.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def _rss_bytes(pid: int) -> int | None:
    text = _text(_PROC / str(pid) / "statm")
    return int(text.split()[1]) * _PAGE if text else None


def _descriptors(pid: int) -> int | None:
    try:
        return len(os.listdir(_PROC / str(pid) / "fd"))  # noqa: PTH208, no path each is needed
    except OSError:
        return None


def _time_wait() -> int | None:
    text = _text(_PROC / "net" / "sockstat")
    if text is None:
        return None
    words = text.split()
    return int(words[words.index("tw") + 1]) if "tw" in words else None
