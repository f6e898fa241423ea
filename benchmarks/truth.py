"""How near the reported times are to the truth: against a server whose service times are known.

First at 1,000 requests/s with answers after 1, 5 and 20 ms and a mix of them; then against a
server that stands still for 1 s in every 10 s, with Locust, hey and wrk beside. Generator on core
0, server on core 1. The server says what it really took, so that its error and the generator's
are told apart; times of loadrunner count from the due time.
Takes about 15 minutes.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
import polars as pl

from benchmarks import _delays, _machine, _options, _peers, _runner, _slow_tools
from benchmarks._delays import Micros, percentile
from benchmarks._goal import Goal
from benchmarks._machine import say
from benchmarks._peers import Peer
from benchmarks._process import BenchmarkError, serving
from benchmarks._result import Result, Table
from benchmarks._runner import Work
from benchmarks._spread import Spread, spread
from benchmarks._truth_server import PATTERN_MS, finish_ns, is_frozen
from tools.environment import ROOT, VAR

OURS = "loadrunner"
RATE = 1_000
SERVICES_MS: dict[str, tuple[int, ...]] = {
    "/1ms": (1,),
    "/5ms": (5,),
    "/20ms": (20,),
    "/mix": PATTERN_MS,
}
STALL_PATH, STALL_MS = "/5ms", 5
SLOW_US = 100_000.0
_WARM_UP_S = 1.0
_LOG = VAR / "bench" / "truth.npy"


def main() -> int:
    parser = _options.parser(__doc__, rounds=5, seconds=6)
    parser.add_argument("--stall-rounds", type=int, help="default: as --rounds")
    parser.add_argument("--only", choices=("known", "stall"), help="one of the two parts")
    options = _options.options_of(parser)
    stall_rounds = 1 if options.given.quick else options.given.stall_rounds or options.rounds
    _machine.wait_until_quiet(options.wait_quiet_s, say)
    result = Result("truth", options.calm)
    try:
        if options.given.only != "stall":
            _known(result, options.rounds, max(3.0, options.seconds), options.port)
        if options.given.only != "known":
            _stall(result, stall_rounds, 10.0 if options.given.quick else 30.0, options.port)
    except BenchmarkError as error:
        result.notes.append(f"Not measured: {error}.")
    result.show(as_json=options.as_json)
    return 0


@contextmanager
def _server(port: int, *flags: str) -> Iterator[str]:
    """The truth server; its address. When it is over, what it took stands in `_LOG`."""
    _LOG.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks._truth_server", "--port", str(port)]
    command += ["--log", str(_LOG), *flags]
    pinned = _machine.pinned(_machine.SERVER_CORE, command)
    with serving(pinned, port, VAR / "bench" / "truth-server.log", cwd=ROOT):
        yield f"http://127.0.0.1:{port}"


# Known service times.


@dataclass(frozen=True)
class Known:
    """One run. Errors are measured - meant, in microseconds; `server` is the server's own, `own`
    what is left of each request's error without it, `dispatch` the part of that before sending."""

    p50: float
    p99: float
    server_p50: float
    server_p99: float
    own_p50: float
    own_p99: float
    dispatch_p50: float
    dispatch_p99: float


def _known(result: Result, rounds: int, seconds: float, port: int) -> None:
    found: dict[str, list[Known]] = {path: [] for path in SERVICES_MS}
    for number in range(rounds):
        for path, runs in found.items():
            runs.append(result.calm.measure(partial(_known_round, path, seconds, port)))
            one = runs[-1]
            say(f"round {number + 1}/{rounds}: {path} p50 {one.p50:+.0f} us, p99 {one.p99:+.0f} us")
    for path, runs in found.items():
        for name, q, floor_us in (("p50", 0.5, 50.0), ("p99", 0.99, 150.0)):
            truth_us = _meant(path, q)
            limit_us = max(floor_us, 0.005 * truth_us)
            error = spread(abs(float(getattr(one, name))) for one in runs)
            what = f"{path[1:]}: {name} off {truth_us / 1000:g} ms by"
            result.goals.append(Goal(what, error, limit_us, "us", form=",.0f"))
    names = tuple(one.name for one in fields(Known))
    rows = [[path[1:], *(_median(runs, name) for name in names)] for path, runs in found.items()]
    whose = ("", "server's own ", "loadrunner's own ", "dispatch ")
    headings = ("service", *(f"{part}{q}" for part in whose for q in ("p50", "p99")))
    title = f"Measured - meant at {RATE:,} requests/s, us"
    result.tables.append(Table(title, headings, rows))
    for path, runs in found.items():
        for name in names:
            result.figures[f"known{path}/{name}"] = _of(runs, name)


def _known_round(path: str, seconds: float, port: int) -> Known:
    with _server(port) as base_url:
        work = Work(base_url, _runner.at_rate(RATE, seconds), _runner.get(path))
        run = _runner.run(work, "truth", seconds)
    times = _delays.response_us(run.samples, _WARM_UP_S)
    taken = np.sort(np.load(_LOG)[:, 2] / 1000.0)
    own = _own_us(run.samples)
    dispatch = _delays.dispatch_us(run.samples, _WARM_UP_S)
    return Known(
        p50=percentile(times, 0.5) - _meant(path, 0.5),
        p99=percentile(times, 0.99) - _meant(path, 0.99),
        server_p50=percentile(taken, 0.5) - _meant(path, 0.5),
        server_p99=percentile(taken, 0.99) - _meant(path, 0.99),
        own_p50=percentile(own, 0.5),
        own_p99=percentile(own, 0.99),
        dispatch_p50=percentile(dispatch, 0.5),
        dispatch_p99=percentile(dispatch, 0.99),
    )


def _own_us(samples: pl.DataFrame) -> Micros:
    """Response time less what the server took for that very request, sorted."""
    trace, _, taken_ns = np.load(_LOG).T
    served = pl.DataFrame({"trace": trace, "taken_us": taken_ns / 1000.0})
    kept = samples.filter(pl.col("due_us") >= round(_WARM_UP_S * 1e6)).with_columns(
        trace=pl.col("trace_id").str.slice(16).str.to_integer(base=16, dtype=pl.Int64)
    )
    both = kept.join(served, on="trace")
    return np.sort((both["ended_us"] - both["due_us"] - both["taken_us"]).to_numpy())


def _meant(path: str, q: float) -> float:
    """The percentile of the service times as they are meant, in microseconds."""
    return percentile(np.sort(np.array(SERVICES_MS[path], dtype=np.float64)), q) * 1000


# The stall.


@dataclass(frozen=True)
class Stall:
    """What a tool says of a run; microseconds, and how many were slower than 100 ms."""

    p95: float
    p99: float
    p99_9: float
    slow: float
    count: float


FIGURES = ("p95", "p99", "p99_9", "slow")
Measure = Callable[[str], Micros]


def _stall(result: Result, rounds: int, seconds: float, port: int) -> None:
    truth = _of_times(analytic_us(seconds))
    measures = _stall_tools(result, seconds)
    found: dict[str, list[Stall]] = {name: [] for name in ("server", *measures)}
    for number in range(rounds):
        for name, measure in measures.items():
            said, served = result.calm.measure(partial(_stall_round, measure, port))
            found[name].append(said)
            if name == OURS:
                found["server"].append(served)
            say(f"round {number + 1}/{rounds}: stall, {name}: {_errors(found[name][-1], truth)}")
    for figure in FIGURES:
        off = spread(abs(_off(one, truth, figure)) for one in found[OURS])
        what = f"stall: {_NAMES[figure]} off by"
        result.goals.append(Goal(what, off, 1.0, "%", form=".2f"))
    result.tables.append(_stall_table(found, truth))
    for name, runs in found.items():
        for figure in (*FIGURES, "count"):
            result.figures[f"stall/{name}/{figure}"] = _of(runs, figure)


def _stall_round(measure: Measure, port: int) -> tuple[Stall, Stall]:
    """What the tool says, and what the server's own log says of the same requests."""
    with _server(port, "--freeze") as base_url:
        said = measure(base_url)
    return _of_times(said), _of_times(_served_us())


def analytic_us(seconds: float) -> Micros:
    """The response times of requests that are due every 1/RATE, from the due time. The seconds
    are whole periods, so that it does not matter when in a period a run begins."""
    gap_ns = 10**9 // RATE
    dues = range(gap_ns // 2, round(seconds * 1e9), gap_ns)
    service_ns = STALL_MS * 1_000_000
    taken_us, waiting = [], 0
    for due in dues:
        taken_us.append((finish_ns(due, service_ns, waiting) - due) / 1000)
        waiting = waiting + 1 if is_frozen(due) else 0
    return np.sort(np.array(taken_us))


def _stall_tools(result: Result, seconds: float) -> dict[str, Measure]:
    def ours(base_url: str) -> Micros:
        work = Work(base_url, _runner.at_rate(RATE, seconds), _runner.get(STALL_PATH))
        return _delays.response_us(_runner.run(work, "stall", seconds).samples)

    tools: dict[str, Measure] = {OURS: ours}
    peers = _peers.find("locust", "hey", "wrk")
    result.notes += [f"{peer.name}: {peer.version}." for peer in peers.values()]
    for name, peer in peers.items():
        if peer.program is not None:
            tools[name] = partial(_peer, peer, seconds=seconds)
    return tools


def _peer(peer: Peer, base_url: str, seconds: float) -> Micros:
    assert peer.program is not None
    given = (peer.program, base_url, STALL_PATH, RATE, seconds)
    if peer.name == "wrk":
        return _slow_tools.wrk(*given, STALL_MS)
    return (_slow_tools.locust if peer.name == "locust" else _slow_tools.hey)(*given)


def _served_us() -> Micros:
    """What the server took by its own log, which counts from when a request reached it."""
    return np.sort(np.load(_LOG)[:, 2] / 1000.0)


def _of_times(times_us: Micros) -> Stall:
    p95, p99, p99_9 = (percentile(times_us, q) for q in (0.95, 0.99, 0.999))
    return Stall(p95, p99, p99_9, float((times_us > SLOW_US).sum()), float(len(times_us)))


_NAMES = {"p95": "p95", "p99": "p99", "p99_9": "p99.9", "slow": "slow samples (> 100 ms)"}


def _off(one: Stall, truth: Stall, figure: str) -> float:
    """The relative error in percent."""
    wanted = float(getattr(truth, figure))
    return (float(getattr(one, figure)) - wanted) / wanted * 100


def _errors(one: Stall, truth: Stall) -> str:
    return ", ".join(f"{_NAMES[name]} {_off(one, truth, name):+.1f} %" for name in FIGURES)


def _stall_table(found: dict[str, list[Stall]], truth: Stall) -> Table:
    rows = [["analytic", *_stall_cells(truth)]]
    for name, runs in found.items():
        medians = Stall(*(_median_of(runs, figure) for figure in (*FIGURES, "count")))
        label = "the server's own log" if name == "server" else name
        rows.append([label, *_stall_cells(medians)])
        rows.append(["  off by", *(f"{_off(medians, truth, f):+.1f} %" for f in FIGURES), ""])
    headings = ("from the due time", "p95", "p99", "p99.9", "slower than 100 ms", "requests")
    return Table(f"1 s of stall in every 10 s, {RATE:,} requests/s wanted", headings, rows)


def _stall_cells(one: Stall) -> list[str]:
    times = [f"{value / 1000:,.1f} ms" for value in (one.p95, one.p99, one.p99_9)]
    return [*times, f"{one.slow:,.0f}", f"{one.count:,.0f}"]


# Both.


def _of(runs: list[Known] | list[Stall], name: str) -> Spread | None:
    return spread(float(getattr(one, name)) for one in runs)


def _median_of(runs: list[Stall], name: str) -> float:
    found = _of(runs, name)
    return found.median if found else float("nan")


def _median(runs: list[Known], name: str) -> str:
    found = _of(runs, name)
    return found.text("+,.0f") if found else "-"


if __name__ == "__main__":
    raise SystemExit(main())
