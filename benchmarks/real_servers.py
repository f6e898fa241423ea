"""Saturation of real servers: what `loadrunner` reports against what each is known to give.

    python benchmarks/real_servers.py [--rounds 3] [--seconds 4] [--only gunicorn,nginx,database]

Each server is driven up a staircase of ten stages of --seconds, from .3 to 1.6 times what it
should give, and `loadrunner report` says where it saturates. The truth of a limit is the limit;
that of a queue is what wrk draws from the saturated server, since its own work comes on top of
the known service time. Goals: within 3 % of the truth, and the truth inside the interval.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _options, _peers, _real_servers
from benchmarks._machine import say
from benchmarks._process import BenchmarkError, output_of
from benchmarks._real_servers import Real
from benchmarks._runner import Work, command, get
from tools.environment import BIN, ROOT

SERVERS: Final[dict[str, Callable[[int], AbstractContextManager[Real]]]] = {
    "gunicorn": _real_servers.gunicorn,
    "nginx": _real_servers.nginx,
    "database": _real_servers.database,
}
STAGES: Final = 10
GOAL: Final = 0.03


@dataclass(frozen=True)
class Answer:
    """One server in one round; rates in requests/s."""

    server: Real
    truth: float
    capacity: float | None
    ci: tuple[float, float] | None
    verdict: str
    cause: str

    @property
    def error(self) -> float | None:
        return None if self.capacity is None else self.capacity / self.truth - 1

    @property
    def is_inside(self) -> bool:
        return self.ci is not None and self.ci[0] <= self.truth <= self.ci[1]

    def row(self) -> str:
        if self.capacity is None or self.ci is None or self.error is None:
            return f"| {self.server.name} | {self.truth:.1f} | {self.verdict} | - | - | no |"
        low, high = self.ci
        span = f"{low:.1f} to {high:.1f}"
        met = "yes" if abs(self.error) <= GOAL and self.is_inside else "NO"
        return (
            f"| {self.server.name} | {self.truth:.1f} | {self.capacity:.1f} | {span} |"
            f" {100 * self.error:+.1f} % | {met} |"
        )


def answer(server: Real, seconds: float, truth: float | None = None) -> Answer:
    """Drive a server up the staircase; without a truth its nominal capacity stands for it."""
    low, high = 0.3 * server.nominal, 1.6 * server.nominal
    stairs = (
        f"{{staircase: {{from: {low:g}, to: {high:g}, stages: {STAGES}, duration: {seconds:g}s}}}}"
    )
    work = Work(server.base_url, stairs, get("/"), "refusals: [429]")
    line, folder = command(work, f"real-{server.base_url.rsplit(':', 1)[1]}", None)
    output_of(line, STAGES * seconds + 120, cwd=ROOT, accepted=(0, 3, 4, 8))
    text = output_of([str(BIN / "loadrunner"), "report", str(folder), "--format", "json"], 60)
    shutil.rmtree(folder)
    point = json.loads(text)["saturation"][0]
    ci = point["ci_rps"]
    return Answer(
        server, truth or server.nominal, point["capacity_rps"], tuple(ci) if ci else None,
        point["verdict"], point["cause"],
    )  # fmt: skip


def drawn(server: Real, wrk: Path | None, seconds: float) -> float:
    """What a saturating peer gets out of the server: all of it, whatever the load."""
    if server.is_exact:
        return server.nominal
    if wrk is None:
        raise BenchmarkError("wrk says the truth here and is not installed (apt install wrk)")
    text = output_of(
        [str(wrk), "-t1", "-c64", f"-d{max(seconds, 2):g}s", "--timeout", "30s", server.base_url],
        seconds + 60,
    )
    found = re.search(r"Requests/sec:\s*([\d.]+)", text)
    if found is None:
        raise BenchmarkError(f"wrk said nothing of requests per second: {text[-200:]}")
    return float(found[1])


def main() -> int:
    parser = _options.parser(__doc__, rounds=3, seconds=4.0)
    parser.add_argument("--only", default=",".join(SERVERS), help="default all")
    options = _options.options_of(parser)
    wrk = _peers.find("wrk")["wrk"].program
    print("| server | truth/s | reported/s | 95 % interval | error | within 3 % and inside |")
    print("| --- | --- | --- | --- | --- | --- |")
    for i, name in enumerate(options.given.only.split(",")):
        try:
            _measured(name, options.port + i, wrk, options.rounds, options.seconds)
        except BenchmarkError as error:
            say(f"{name}: {error}")
    return 0


def _measured(name: str, port: int, wrk: Path | None, rounds: int, seconds: float) -> None:
    with SERVERS[name](port) as server:
        for _ in range(rounds):
            truth = drawn(server, wrk, 2 * seconds)
            print(answer(server, seconds, truth).row(), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
