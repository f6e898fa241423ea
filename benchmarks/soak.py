"""Ten minutes at 10,000 requests/s: is memory flat, is every sample kept, does the spool grow?

Open model: GET against nginx, generator on core 0, nginx on core 1. Memory is the resident set of
each process of the generator: from the run's own health rows while it sends, from the system
afterwards, when the report is computed.
Takes about 11 minutes (--minutes says how long); `make bench` runs it in the background.
"""

import shutil
import subprocess
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import _machine, _nginx, _options, _runner
from benchmarks._goal import Goal
from benchmarks._machine import say
from benchmarks._nginx import Nginx
from benchmarks._process import BenchmarkError
from benchmarks._result import Result, Table
from benchmarks._runner import Work
from benchmarks._spread import Spread, spread
from runs.formats import manifest as manifests
from runs.formats import segment, spool
from runs.formats.health import COORDINATOR
from runs.formats.health import SCHEMA as HEALTH
from runs.formats.samples import SCHEMA as SAMPLES
from tools.environment import ROOT, VAR

_LOOK_EVERY_S = 2.0
_SAY_EVERY_S = 60.0
_REPORT_WITHIN_S = 900.0
_MB = 1e6
# The first of it fills buffers and loads code.
_SETTLED_S = 20.0


@dataclass
class Watched:
    """Looks at a run from outside, every two seconds of it."""

    seconds: list[float] = field(default_factory=list)
    spool_bytes: list[int] = field(default_factory=list)
    peak_bytes: int = 0
    ended_after_s: float = 0.0


def main() -> int:
    parser = _options.parser(__doc__, rounds=1, seconds=600)
    parser.add_argument("--minutes", type=float, help="instead of --seconds")
    parser.add_argument("--rate", type=int, default=10_000, help="requests/s, default 10,000")
    options = _options.options_of(parser)
    asked_s = options.given.minutes * 60 if options.given.minutes else options.seconds
    seconds = 20.0 if options.given.quick else asked_s
    _machine.wait_until_quiet(options.wait_quiet_s, say)
    result = Result("soak", options.calm)
    try:
        with _nginx.running(options.port) as nginx:
            before, answered = _machine.usage(nginx.cpu_s()), nginx.requests()
            folder, watched = _soak(nginx, options.given.rate, seconds)
            served = nginx.requests() - answered - 2  # its question, and the pre-flight
            options.calm.others.append(
                _machine.taken_by_others(before, _machine.usage(nginx.cpu_s()))
            )
        _tell(result, folder, watched, round(options.given.rate * seconds), served)
        shutil.rmtree(folder)
    except BenchmarkError as error:
        result.notes.append(f"Not measured: {error}.")
    result.show(as_json=options.as_json)
    return 0


def _soak(nginx: Nginx, rate: int, seconds: float) -> tuple[Path, Watched]:
    load = _runner.at_rate(rate, seconds)
    work = Work(nginx.base_url, load, _runner.get(_nginx.PATH))
    line, folder = _runner.command(work, "soak", _machine.GENERATOR_CORE)
    with (VAR / "bench" / "soak.log").open("wb") as log:
        process = subprocess.Popen(line, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=log)
        try:
            watched = _watch(process, folder, seconds)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    if not (folder / spool.MANIFEST).exists():
        raise BenchmarkError("the run left no manifest (see var/bench/soak.log)")
    return folder, watched


def _watch(process: "subprocess.Popen[bytes]", folder: Path, seconds: float) -> Watched:
    watched, started_s, said_s = Watched(), time.monotonic(), 0.0
    while process.poll() is None:
        elapsed_s = time.monotonic() - started_s
        if elapsed_s > seconds + _REPORT_WITHIN_S:
            raise BenchmarkError(f"the run did not end within {elapsed_s:.0f} s")
        watched.seconds.append(elapsed_s)
        watched.spool_bytes.append(_size(folder))
        peak = _machine.memory_bytes(process.pid, "VmHWM")
        watched.peak_bytes = max(watched.peak_bytes, peak)
        if elapsed_s - said_s >= _SAY_EVERY_S:
            said_s = elapsed_s
            say(f"soak: {elapsed_s:.0f} s, spool {watched.spool_bytes[-1] / _MB:.0f} MB")
        time.sleep(_LOOK_EVERY_S)
    watched.ended_after_s = time.monotonic() - started_s
    return watched


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("samples-*"))


# What came of it.


@dataclass(frozen=True)
class Kept:
    """What stands in the segments: lines, distinct trace ids, outcomes, and dispatch delays."""

    lines: int
    distinct: int
    dropped: int
    ok: int
    delays_us: "np.ndarray[tuple[int], np.dtype[np.float64]]"


def _tell(result: Result, folder: Path, watched: Watched, due: int, served: int) -> None:
    manifest = manifests.parse((folder / spool.MANIFEST).read_bytes())
    kept, listed = _kept(folder), sum(one.samples for one in manifest.segments)
    health, _ = segment.read(folder / spool.HEALTH, segment.Layout(HEALTH))
    worker = _memory(health.filter(pl.col("worker") != COORDINATOR))
    coordinator = _memory(health.filter(pl.col("worker") == COORDINATOR))
    ended_ns = manifest.ended_at_ns or manifest.started_at_ns
    load_s = (ended_ns - manifest.started_at_ns) / 1e9
    report_s = watched.ended_after_s - load_s
    result.goals += [
        _goal("samples lost, of those due", due - kept.lines, 0, "samples"),
        _goal("memory while sending, both processes", worker.most + coordinator.most, 200, "MB"),
        _goal("growth a minute, worker", worker.growth, 1.0, "MB"),
        _goal("growth a minute, coordinator", coordinator.growth, 1.0, "MB"),
        Goal("share of looks that saw the spool grow", _grew(watched, load_s), 0.95, "", True),
    ]
    rows: list[tuple[str, str]] = [
        ("due", f"{due:,}"),
        ("lines in the segments", f"{kept.lines:,} ({listed:,} by the manifest)"),
        ("distinct trace ids", f"{kept.distinct:,}"),
        ("answered as expected, dropped", f"{kept.ok:,}, {kept.dropped:,}"),
        ("requests that nginx counted", f"{served:,}"),
        ("started - due: p50, p99, p99.9", _delays_text(kept)),
        ("worker's memory", worker.text()),
        ("coordinator's memory", coordinator.text()),
        ("coordinator's peak, report included", f"{watched.peak_bytes / _MB:,.0f} MB"),
        ("from the end of the load to the exit", f"{report_s:.1f} s (start-up included)"),
        ("spool", f"{_size(folder) / _MB:,.0f} MB in {len(manifest.segments)} segments"),
    ]
    result.tables.append(Table(f"{due:,} requests in {load_s:.0f} s", ("what", "figure"), rows))
    result.figures = dict(rows)
    result.figures["spool_bytes_every_2_s"] = watched.spool_bytes


@dataclass(frozen=True)
class Memory:
    """Megabytes over a run, its first seconds left out; growth by a straight line, a minute."""

    first: float
    last: float
    most: float
    growth: float

    def text(self) -> str:
        return (
            f"{self.first:.1f} MB at first, {self.last:.1f} MB at last, {self.most:.1f} MB at most,"
            f" {self.growth:+.2f} MB a minute"
        )


def _memory(rows: pl.DataFrame) -> Memory:
    seconds, megabytes = (rows["t_us"] / 1e6).to_numpy(), (rows["rss_bytes"] / _MB).to_numpy()
    settled = seconds >= min(_SETTLED_S, seconds.max() / 2)
    slope = np.polyfit(seconds[settled], megabytes[settled], 1)[0] if settled.sum() > 2 else 0.0
    kept = megabytes[settled]
    return Memory(kept[0], kept[-1], megabytes.max(), float(slope) * 60)


def _grew(watched: Watched, load_s: float) -> Spread | None:
    sizes = [
        size
        for second, size in zip(watched.seconds, watched.spool_bytes, strict=True)
        if 3.0 < second < load_s
    ]
    pairs = list(pairwise(sizes))
    return spread([sum(after > before for before, after in pairs) / len(pairs)] if pairs else [])


def _kept(folder: Path) -> Kept:
    """Segment by segment, since ten minutes of samples are not held in memory at once."""
    parts = []
    for path in sorted(folder.glob(spool.SAMPLES)):
        frame, notes = segment.read(path, segment.Layout(SAMPLES))
        for note in notes:
            say(note)
        parts.append(frame.select("trace_id", "outcome", "due_us", "started_us"))
    ids = [part["trace_id"].str.slice(16).str.to_integer(base=16).to_numpy() for part in parts]
    delays = [(part["started_us"] - part["due_us"]).to_numpy() for part in parts]
    return Kept(
        lines=sum(part.height for part in parts),
        distinct=len(np.unique(np.concatenate(ids))),
        dropped=sum(int((part["outcome"] == "dropped").sum()) for part in parts),
        ok=sum(int((part["outcome"] == "ok").sum()) for part in parts),
        delays_us=np.sort(np.concatenate(delays)),
    )


def _delays_text(kept: Kept) -> str:
    count = len(kept.delays_us)
    at = [kept.delays_us[min(count - 1, int(np.ceil(count * q)) - 1)] for q in (0.5, 0.99, 0.999)]
    return ", ".join(f"{one:,.0f}" for one in at) + " us"


def _goal(what: str, figure: float, limit: float, unit: str) -> Goal:
    return Goal(what, spread([figure]), limit, unit)


if __name__ == "__main__":
    raise SystemExit(main())
