"""The portal's door and warehouse: how fast runs come in, what that costs, and how far it scales.

    python benchmarks/warehouse.py [--samples 1000000] [--rounds 3] [--only PART…]

conversion  a spool to Parquet, against bare polars `scan_ndjson -> sink_parquet` of plain NDJSON
ingest      POST of the run to its report, over HTTP through gunicorn, against the same bare job;
            and the most memory that the server took
taurus      Taurus reading the same run as a JTL, against POST to its report
figures     the report's rows of the run, against reading its columns plus one sort; beside it
            DuckDB's exact quantiles of the same file
crowd       8 runs of 200,000 samples uploaded at the same time, on SQLite and on PostgreSQL
pages       every page and API answer on 10,000 runs and 1,000 actions, against 10 runs

Ratios are taken round by round, since what disturbs a round disturbs both sides of it. The bare
conversion reads the same columns and sends them through the same compression.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import httpx
import numpy as np
import polars as pl
import zstandard

from benchmarks import _addresses, _data_peers, _large_run, _machine
from benchmarks._calm import Calm
from benchmarks._goal import Goal
from benchmarks._result import Result, Table
from benchmarks._spread import ratios, spread
from runs.analysis import series
from runs.analysis.run_data import RunData
from runs.formats import export, health, samples, spool
from runs.formats.compact import Compact
from runs.formats.manifest import Manifest
from runs.store import LocalFolder
from tests.builders import phase, steady, write_spool
from tests.portals import ROOT, Portal, prepare, send
from tools import postgresql

CROWD: Final = 8
CROWD_SAMPLES: Final = 200_000
MANY_RUNS, MANY_ACTIONS = 10_000, 1_000
FEW_RUNS, FEW_ACTIONS = 10, 10
ASKED: Final = 40
MOST_PAGE_MS, MOST_CALL_MS = 150, 100
MIB: Final = 1 << 20


def main() -> int:
    options = _options()
    result = Result("warehouse", Calm(math.inf))
    with tempfile.TemporaryDirectory(prefix="headroom-warehouse-") as name:
        folder = Path(name)
        for part in options.only or PARTS:
            _machine.say(f"{part} …")
            PARTS[part](result, folder, options)
    result.show(as_json=options.json)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), metavar="PART")
    return parser.parse_args()


# --- how fast runs come in


def _conversion(result: Result, folder: Path, options: argparse.Namespace) -> None:
    large = _large_spool(folder, options.samples)
    bare, ours = list[float](), list[float]()
    bare_cpu, our_cpu = list[float](), list[float]()
    for _ in range(options.rounds):
        _clocked(partial(_bare, folder), bare, bare_cpu)
        _clocked(partial(_converted, large, folder), ours, our_cpu)
    told = f"{options.samples:,} samples: spool to Parquet / bare polars"
    result.goals.append(Goal(told, _ratio(ours, bare), 1.3))
    result.notes.append(
        f"Conversion: {min(ours):.2f} s and {min(our_cpu):.2f} CPU seconds at best, bare polars "
        f"{min(bare):.2f} s and {min(bare_cpu):.2f}."
    )
    result.figures |= {"bare_s": bare, "converted_s": ours}
    result.figures |= {"bare_cpu_s": bare_cpu, "converted_cpu_s": our_cpu}


def _clocked(job: Callable[[], object], walls: list[float], busy: list[float]) -> None:
    """Seconds on the clock, and of all cores: the latter hardly depend on who else is busy."""
    started_s = time.process_time()
    walls.append(_timed(job))
    busy.append(time.process_time() - started_s)


def _ingest(result: Result, folder: Path, options: argparse.Namespace) -> None:
    large = _large_spool(folder, options.samples)
    bare, ours, peak = [], [], 0
    with started(folder / "ingest") as portal:
        for _ in range(options.rounds):
            bare.append(_timed(lambda: _bare(folder)))
            _rename(large)
            ours.append(_timed(lambda: _sent(portal, large)))
            peak = max(peak, _peak_bytes(portal))
    what = f"{options.samples:,} samples"
    result.goals += [
        Goal(f"{what}: POST to report ready / bare polars", _ratio(ours, bare), 1.6),
        Goal(f"{what}: most memory of the server", spread([peak / MIB]), 1024, "MiB", form=".0f"),
    ]
    result.notes.append(f"POST to report ready: {min(ours):.2f} s at best.")
    result.figures |= {"post_to_ready_s": ours, "server_peak_bytes": peak}


def _taurus(result: Result, folder: Path, options: argparse.Namespace) -> None:
    large = _large_spool(folder, options.samples)
    path = folder / "large.jtl"
    every = pl.scan_ndjson(folder / "large.ndjson", schema=dict(samples.SCHEMA))
    with path.open("w") as file:
        file.writelines(export.jtl(every, _large_run.STARTED_AT_NS))
    theirs, ours = list[float](), list[float]()
    with started(folder / "taurus") as portal:
        for _ in range(options.rounds):
            took_s = _data_peers.taurus_s(path)
            if took_s is None:
                result.notes.append("Taurus is not installed, so it does not stand beside.")
                return
            theirs.append(took_s)
            _rename(large)
            ours.append(_timed(lambda: _sent(portal, large)))
    told = f"{options.samples:,} samples: Taurus reading them as JTL / POST to report ready"
    result.goals.append(Goal(told, _ratio(theirs, ours), 10, is_floor=True))
    result.notes.append(f"Taurus: {min(theirs):.1f} s at best, POST to ready {min(ours):.2f} s.")
    result.figures |= {"taurus_s": theirs, "beside_taurus_s": ours}


def _figures(result: Result, folder: Path, options: argparse.Namespace) -> None:
    large = _large_spool(folder, options.samples)
    _converted(large, folder)
    path = LocalFolder(folder).table(uuid.UUID(int=1), "ours")
    plan = spool.read_manifest(large)
    floor, ours = list[float](), list[float]()
    floor_cpu, our_cpu = list[float](), list[float]()
    for _ in range(options.rounds):
        _clocked(partial(_read_and_sorted, path), floor, floor_cpu)
        _clocked(partial(_rows_of, path, plan), ours, our_cpu)
    told = f"{options.samples:,} samples: figures of 48 series / reading the columns and one sort"
    result.goals.append(Goal(told, _ratio(ours, floor), 2.5))
    peer = [one for _ in range(options.rounds) if (one := _data_peers.duckdb_s(path))]
    beside = f"{min(peer):.2f} s" if peer else "not installed"
    result.notes.append(
        f"Figures: {min(ours):.2f} s and {min(our_cpu):.2f} CPU seconds at best, the floor"
        f" {min(floor):.2f} and {min(floor_cpu):.2f}; DuckDB's exact quantiles alone: {beside}."
    )
    result.figures |= {"figures_s": ours, "figures_floor_s": floor, "duckdb_s": peer}
    result.figures |= {"figures_cpu_s": our_cpu, "figures_floor_cpu_s": floor_cpu}


def _read_and_sorted(path: Path) -> None:
    frame = pl.read_parquet(path, columns=_FIGURES)
    np.sort((frame["ended_us"] - frame["due_us"]).to_numpy())


# What the rows of the report are made of.
_FIGURES: Final = [
    *("scenario", "step", "phase", "attempt", "status", "outcome"),
    *("due_us", "due_by", "started_us", "ended_us", "first_token_us"),
]


def _rows_of(path: Path, manifest: Manifest) -> None:
    data = RunData(
        info=spool.info_of(manifest),
        plan=manifest.plan(),
        samples=pl.read_parquet(path, columns=_FIGURES),
        readings=pl.DataFrame(schema=spool.READINGS_SCHEMA),
        health=health.empty(),
    )
    series.rows(data)


def _large_spool(folder: Path, count: int) -> Path:
    """The spool, and beside it the same samples as plain NDJSON; made once."""
    large = folder / "large"
    if not large.exists():
        data = _large_run.run_data(count)
        _large_run.write_spool(data, large)
        with (folder / "large.ndjson").open("wb") as plain:
            for path in sorted(large.glob("samples-*")):
                with path.open("rb") as packed:
                    zstandard.ZstdDecompressor().copy_stream(packed, plain)
    return large


def _bare(folder: Path) -> None:
    frame = pl.scan_ndjson(folder / "large.ndjson", schema=dict(samples.SCHEMA))
    frame.sink_parquet(folder / "bare.parquet", compression="zstd")


def _converted(large: Path, folder: Path) -> None:
    """As the portal's worker does it: read piece by piece, with what the analysis needs kept."""
    kept = Compact()
    parts = kept.seeing(spool.Reading(large).samples())
    LocalFolder(folder).stream_table(uuid.UUID(int=1), "ours", samples.CODED, parts)
    kept.frame()


def _rename(folder: Path) -> None:
    """A run of its own, of the same samples."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "run_id": str(uuid.uuid4())}))


def _sent(portal: Portal, folder: Path) -> None:
    with portal.client() as client:
        run_id = send(client, folder)
        _await_ready(client, run_id)
        client.get(f"runs/{run_id}/report").raise_for_status()


def _await_ready(client: httpx.Client, run_id: str) -> None:
    verdict: dict[str, Any] = {"processing": "received"}
    while verdict["processing"] not in ("ready", "failed"):
        verdict = client.get(f"runs/{run_id}/verdict", params={"wait": 120}, timeout=180).json()
    assert verdict["processing"] == "ready", verdict


def _peak_bytes(portal: Portal) -> int:
    """Of gunicorn and its worker process together."""
    assert portal.process is not None
    every = [portal.process.pid, *_served_by(portal)]
    return sum(_machine.memory_bytes(pid, "VmHWM") for pid in every)


def _served_by(portal: Portal) -> list[int]:
    assert portal.process is not None
    return _machine.children(portal.process.pid)


# --- many at the same time


def _crowd(result: Result, folder: Path, _options: argparse.Namespace) -> None:
    spools = [_crowd_spool(folder / f"crowd-{at}") for at in range(CROWD)]
    result.goals.append(_crowd_goal("SQLite", folder / "crowd-sqlite", spools))
    if postgresql.binaries() is None:
        result.notes.append("PostgreSQL is not installed: the crowd was sent to SQLite only.")
        return
    with postgresql.cluster() as url:
        os.environ["DATABASE_URL"] = url
        try:
            result.goals.append(_crowd_goal("PostgreSQL", folder / "crowd-postgresql", spools))
        finally:
            del os.environ["DATABASE_URL"]


def _crowd_spool(folder: Path) -> Path:
    data = _large_run.run_data(CROWD_SAMPLES)
    _large_run.write_spool(data, folder)
    _rename(folder)
    return folder


def _crowd_goal(database: str, folder: Path, spools: Sequence[Path]) -> Goal:
    with started(folder) as portal, ThreadPoolExecutor(CROWD) as pool:
        started_s = time.perf_counter()
        lost = sum(pool.map(lambda one: _lost(portal, one), spools))
        took_s = time.perf_counter() - started_s
    told = f"{CROWD} x {CROWD_SAMPLES:,} samples at once, {database}, all ready in {took_s:.1f} s"
    return Goal(f"{told}: lost", spread([lost]), 0, "samples", form=".0f")


def _lost(portal: Portal, folder: Path) -> int:
    manifest = json.loads((folder / "manifest.json").read_text())
    with portal.client() as client:
        run_id = send(client, folder)
        _await_ready(client, run_id)
        kept = int(client.get(f"runs/{run_id}").json()["samples"])
    return abs(sum(int(one["samples"]) for one in manifest["segments"]) - kept)


# --- many to look through


def _pages(result: Result, folder: Path, _options: argparse.Namespace) -> None:
    few = _answers(folder / "few", FEW_RUNS, FEW_ACTIONS)
    many = _answers(folder / "many", MANY_RUNS, MANY_ACTIONS)
    growth = {name: many[name].p95_ms / few[name].p95_ms for name in many}
    size = f"{MANY_RUNS:,} runs, {MANY_ACTIONS:,} actions"
    for kind, most_ms in (("page", MOST_PAGE_MS), ("api", MOST_CALL_MS)):
        mine = {name: one for name, one in many.items() if name.startswith(kind)}
        slowest = max(mine, key=lambda name: mine[name].p95_ms)
        steepest = max(mine, key=lambda name: growth[name])
        what = f"{size}: slowest p95 of {len(mine)} ({slowest})"
        value = spread([mine[slowest].p95_ms])
        result.goals.append(Goal(what, value, most_ms, "ms", form=".0f"))
        what = f"{size}: p95 at most against {FEW_RUNS} ({steepest})"
        result.goals.append(Goal(what, spread([growth[steepest]]), 3))
    rows = [[name, *few[name].cells(), *many[name].cells(), f"{growth[name]:.1f}"] for name in many]
    title = f"{ASKED} answers, one after the other: p50, p95 and mean CPU of the server, in ms"
    headings = ("answer", f"{FEW_RUNS} runs", "p95", "CPU", size, "p95", "CPU", "p95 ratio")
    result.tables.append(Table(title, headings, rows))
    result.figures |= {"pages_few": _plain(few), "pages_many": _plain(many)}


@dataclass(frozen=True)
class Answer:
    """How long a client waits for it, and what it costs the server."""

    p50_ms: float
    p95_ms: float
    cpu_ms: float

    def cells(self) -> tuple[str, ...]:
        return tuple(f"{one:.1f}" for one in (self.p50_ms, self.p95_ms, self.cpu_ms))


def _plain(answers: Mapping[str, Answer]) -> dict[str, dict[str, float]]:
    return {name: asdict(answer) for name, answer in answers.items()}


def _answers(folder: Path, runs: int, actions: int) -> dict[str, Answer]:
    """Each page and call, on a portal of so many runs."""
    with started(folder) as portal:
        run_id, live = filled(portal, folder, runs, actions)
        with portal.client() as api, _browser(portal) as browser:
            known = _addresses.known(api, run_id, live)
            pages = {name: (browser, path) for name, path in _addresses.pages(known)}
            calls = {name: (api, path) for name, path in _addresses.calls(api, known)}
            return {name: _asked(portal, *one) for name, one in (pages | calls).items()}


def filled(portal: Portal, folder: Path, runs: int, actions: int) -> tuple[str, str]:
    """A run with files and one that is still coming in, among so many copies of the first."""
    run_id = _one_run(portal, folder)
    subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "_fill.py", str(runs), str(actions)],
        env={**portal.environ, "DJANGO_SETTINGS_MODULE": "portal.settings"},
        check=True,
    )
    return run_id, _one_coming(portal, folder)


def _one_run(portal: Portal, folder: Path) -> str:
    """A run of two scenarios, two minutes and four phases: what a team's usual one looks like."""
    names, loads = ("ramp_up", "plateau", "higher", "spike"), (20, 40, 60, 80)
    lines, phases = [], []
    for scenario in ("billing", "chat"):
        for at, (name, load) in enumerate(zip(names, loads, strict=True)):
            same = {"scenario": scenario, "phase": name}
            lines += steady(load, 30, start_s=30 * at, **same)
            phases.append(phase(30, load, start_s=30 * at, scenario=scenario, name=name))
    with portal.client() as client:
        run_id = send(client, write_spool(folder / "one", lines, phases=phases, seconds=120))
        _await_ready(client, run_id)
    return run_id


def _one_coming(portal: Portal, folder: Path) -> str:
    """The same run once more, all of whose files are there while it is not complete."""
    _rename(folder / "one")
    with portal.client() as client:
        return send(client, folder / "one", complete=False)


def _asked(portal: Portal, client: httpx.Client, path: str) -> Answer:
    for _ in range(3):
        client.get(path).raise_for_status()
    busy_s = _server_cpu_s(portal)
    took = [_timed(lambda: client.get(path).raise_for_status()) for _ in range(ASKED)]
    busy_s = _server_cpu_s(portal) - busy_s
    p50_s, p95_s = (np.sort(took)[math.ceil(q * ASKED) - 1] for q in (0.5, 0.95))
    return Answer(*(float(one) * 1000 for one in (p50_s, p95_s, busy_s / ASKED)))


def _server_cpu_s(portal: Portal) -> float:
    return sum(_machine.cpu_s(pid) for pid in _served_by(portal))


@contextmanager
def _browser(portal: Portal) -> Iterator[httpx.Client]:
    """A client that has signed in by the form."""
    with httpx.Client(base_url=portal.address, timeout=60) as client:
        form = client.get("/accounts/login/").text
        match = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert match is not None
        client.post(
            "/accounts/login/",
            data={
                "username": portal.user,
                "password": portal.password,
                "csrfmiddlewaretoken": match.group(1),
            },
        )
        yield client


@contextmanager
def started(folder: Path) -> Iterator[Portal]:
    folder.mkdir()
    portal = prepare(folder, HEADROOM_WEBHOOK_PRIVATE="on")
    portal.start()
    try:
        yield portal
    finally:
        portal.remove()


def _timed(job: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    job()
    return time.perf_counter() - started_s


def _ratio(ours: list[float], theirs: list[float]) -> Any:
    mine, other = spread(ours), spread(theirs)
    return ratios(mine, other) if mine and other else None


PARTS: Final[dict[str, Callable[[Result, Path, argparse.Namespace], None]]] = {
    "conversion": _conversion,
    "ingest": _ingest,
    "taurus": _taurus,
    "figures": _figures,
    "crowd": _crowd,
    "pages": _pages,
}

if __name__ == "__main__":
    sys.exit(main())
