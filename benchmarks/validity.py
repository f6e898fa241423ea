"""Is a run that may not be believed told of, and one that may left alone?

    python -m benchmarks.validity [--ways 1] [--healthy 20] [--seconds 3] [--kind WORD] [--fresh]

Forty-four ways of starving the generator (benchmarks/_starving.py), each so often, and healthy runs
beside them. Each run is short, so that it can be done in pieces: what was found is added to
var/bench/validity.jsonl, and the table is of all that stands there; --fresh begins anew. A run
counts as healthy only while others took less than --calm of a core, and is repeated up to three
times otherwise. The truth of p99 is what the server itself took, from request to answer.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import numpy as np

from benchmarks import _machine, _options
from benchmarks._goal import Goal
from benchmarks._machine import say
from benchmarks._options import Options
from benchmarks._process import output_of, serving
from benchmarks._result import Result, Table
from benchmarks._spread import spread
from benchmarks._starving import HEALTHY, Victim, Way, disk, ways
from tools.environment import BIN, ROOT, VAR

_FOUND = VAR / "bench" / "validity.jsonl"
# About 400 requests a second either way.
_RATE, _USERS = 400, 9
_UP_WITHIN_S = 30.0
_ENDED_WITHIN_S = 120.0
_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_IN_TRUTH = 0.02
_CAMPAIGN = """\
campaign: starved
target: {{base_url: "http://127.0.0.1:{port}", allow: [127.0.0.1], timeout: 3s}}
scenarios:
  flow:
    steps: [{{name: get, request: {{path: {path}}}}}]
    load: [{{phase: plateau, duration: {seconds:g}s, {load}}}]
"""


@dataclass(frozen=True)
class Found:
    """What came of one run. `p99_off` is the share by which p99 was off the server's own; None
    where either is unknown. `others` are the cores that others took meanwhile."""

    kind: str
    name: str
    verdict: str
    codes: list[str]
    p99_off: float | None
    others: float

    @property
    def is_flagged(self) -> bool:
        return self.verdict != "valid"


def main() -> int:
    parser = _options.parser(__doc__, rounds=1, seconds=3.0)
    parser.add_argument("--ways", type=int, default=1, help="runs of each way, default 1")
    parser.add_argument("--healthy", type=int, default=20, help="healthy runs, default 20")
    parser.add_argument("--kind", help="only the ways of this kind")
    parser.add_argument("--fresh", action="store_true", help="forget what was found before")
    options = _options.options_of(parser)
    given = options.given
    if given.fresh:
        _FOUND.unlink(missing_ok=True)
    with TemporaryDirectory(prefix="headroom-validity-") as name:
        _measure(options, Path(name))
    result = _result(options, _kept())
    result.show(as_json=options.as_json)
    return 0


def _measure(options: Options, scratch: Path) -> None:
    given = options.given
    if os.geteuid() == 0:
        chosen = [one for one in ways(scratch) if given.kind in (None, one.kind)]
        for way in [one for one in chosen for _ in range(0 if options.given.quick else given.ways)]:
            _keep(_run(way, options, scratch))
    else:
        say("Starving a generator takes root; only healthy runs are made.")
    for _ in range(2 if given.quick else given.healthy):
        _keep(options.calm.measure(lambda: _run(HEALTHY, options, scratch)))


def _keep(found: Found) -> None:
    _FOUND.parent.mkdir(parents=True, exist_ok=True)
    with _FOUND.open("a") as file:
        file.write(json.dumps(asdict(found)) + "\n")
    off = "-" if found.p99_off is None else f"{found.p99_off:+.1%}"
    say(f"  {found.kind}, {found.name}: {found.verdict} {found.codes}, p99 {off}")


def _kept() -> list[Found]:
    lines = _FOUND.read_text().splitlines() if _FOUND.exists() else []
    return [Found(**json.loads(line)) for line in lines]


def _run(way: Way, options: Options, scratch: Path) -> Found:
    before = _machine.usage()
    if way.ports is not None:
        report, took = _in_own_network(way, options, scratch)
    elif way.on_disk:
        with disk(scratch) as folder, _server(options.port, scratch):
            report, took = _report(way, options, scratch, folder / "spool"), _log(options.port)
    else:
        with _server(options.port, scratch):
            report, took = _report(way, options, scratch, scratch / "spool"), _log(options.port)
    others = _machine.taken_by_others(before, _machine.usage())
    shutil.rmtree(scratch / "spool", ignore_errors=True)
    row = report["series"][0] if report["series"] else {}
    validity = report["validity"]
    return Found(
        way.kind,
        way.name,
        validity["verdict"],
        [reason["code"] for reason in validity["reasons"]],
        _off(row.get("response_ms", {}).get("p99"), took),
        round(others, 3),
    )


def _off(measured_ms: float | None, took_ns: Sequence[int]) -> float | None:
    if measured_ms is None or not took_ns:
        return None
    ordered = np.sort(np.asarray(took_ns))
    truth_ms = float(ordered[int(np.ceil(len(ordered) * 0.99)) - 1]) / 1e6
    return measured_ms / truth_ms - 1


@contextmanager
def _server(port: int, scratch: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks._known_server", "--port", str(port)]
    pinned = _machine.pinned(_machine.SERVER_CORE, command)
    with serving(pinned, port, scratch / "server.log", cwd=ROOT):
        yield


def _log(port: int) -> list[int]:
    with urlopen(f"http://127.0.0.1:{port}/log") as answer:
        took: list[int] = json.loads(answer.read())
    return took


def _report(way: Way, options: Options, scratch: Path, out: Path) -> dict[str, Any]:
    """Make the run, starve it once its clock has started, and read what it says of itself."""
    file = scratch / "flow.yaml"
    load = f"users: {_USERS}" if way.with_users else f"rate: {_RATE}"
    file.write_text(
        _CAMPAIGN.format(port=options.port, path=way.path, seconds=options.seconds, load=load)
    )
    command = [str(BIN / "loadrunner"), "run", str(file), "--out", str(out), "--quiet"]
    line = _machine.pinned(_machine.GENERATOR_CORE, [*way.prefix, *command])
    process = subprocess.Popen(
        line,
        env={**os.environ, **dict(way.env)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    _wait_for(out / "manifest.json", process)
    with way.starving(Victim(process.pid), out):
        time.sleep(options.seconds)
    process.wait(_ENDED_WITHIN_S)
    told = output_of(
        [str(BIN / "loadrunner"), "report", str(out), "--format", "json"], 60.0, cwd=ROOT
    )
    report: dict[str, Any] = json.loads(told)
    return report


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + _UP_WITHIN_S
    while not path.exists() and process.poll() is None and time.monotonic() < deadline_s:
        time.sleep(0.02)


def _in_own_network(way: Way, options: Options, scratch: Path) -> tuple[dict[str, Any], list[int]]:
    """The same in a network namespace that has few ports to connect from."""
    inside = (
        "import json, sys; from pathlib import Path; from benchmarks import validity;"
        f"print(json.dumps(validity.inside({way.name!r}, {options.port}, {options.seconds},"
        f" {str(scratch)!r})))"
    )
    setup = (
        f"ip link set lo up; echo '32768 {32768 + (way.ports or 0)}' > {_PORT_RANGE}; exec \"$@\""
    )
    command = ["unshare", "-n", "sh", "-c", setup, "sh", sys.executable, "-c", inside]
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    report, took = json.loads(done.stdout)
    return report, took


def inside(name: str, port: int, seconds: float, scratch: str) -> tuple[dict[str, Any], list[int]]:
    """A run of a way, called in a process of its own."""
    parser = _options.parser(None, rounds=1, seconds=seconds)
    sys.argv = ["validity", "--port", str(port), "--seconds", str(seconds)]
    options, folder = _options.options_of(parser), Path(scratch)
    (way,) = [one for one in ways(folder) if one.name == name]
    with _server(port, folder):
        report = _report(way, options, folder, folder / "spool")
        # The run's ports rest in TIME_WAIT: the server's book needs one of its own.
        _PORT_RANGE.write_text("32768 60999")
        return report, _log(port)


def _result(options: Options, found: Sequence[Found]) -> Result:
    starved = [one for one in found if one.kind != HEALTHY.kind]
    healthy = [
        one for one in found if one.kind == HEALTHY.kind and one.others <= options.calm.limit
    ]
    believed = [one for one in found if not one.is_flagged and one.p99_off is not None]
    result = Result("Validity: is what may not be believed told of?", options.calm)
    result.goals += [
        Goal(
            f"starved runs that are flagged ({len(starved)})",
            spread(_share(starved)),
            0.95,
            is_floor=True,
            form=".1%",
        ),
        Goal(f"healthy runs that are ({len(healthy)})", spread(_share(healthy)), 0.01, form=".1%"),
        Goal(
            f"p99 off the truth where valid ({len(believed)})",
            spread([max(abs(one.p99_off or 0.0) for one in believed)] if believed else []),
            _IN_TRUTH,
            form=".2%",
        ),
    ]
    kinds = list(dict.fromkeys(one.kind for one in found))
    result.tables.append(
        Table(
            "By kind",
            ("kind", "ways", "runs", "flagged", "invalid", "worst p99 where valid"),
            [_row([one for one in found if one.kind == kind]) for kind in kinds],
        )
    )
    missed = [one for one in starved if not one.is_flagged]
    result.notes += [f"Not flagged: {one.kind}, {one.name} (p99 {one.p99_off})" for one in missed]
    result.figures = {"runs": [asdict(one) for one in found]}
    return result


def _row(found: Sequence[Found]) -> tuple[str, ...]:
    offs = [abs(one.p99_off) for one in found if not one.is_flagged and one.p99_off is not None]
    return (
        found[0].kind,
        str(len({one.name for one in found})),
        str(len(found)),
        str(sum(one.is_flagged for one in found)),
        str(sum(one.verdict == "invalid" for one in found)),
        f"{max(offs):.2%}" if offs else "-",
    )


def _share(found: Sequence[Found]) -> list[float]:
    """The share that is flagged; nothing where there is none."""
    return [sum(one.is_flagged for one in found) / len(found)] if found else []


if __name__ == "__main__":
    sys.exit(main())
