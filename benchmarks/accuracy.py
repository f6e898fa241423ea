"""How exactly requests leave when they are due, from 1,000 to 50,000 requests/s on one core.

Open model: GET against nginx, generator on core 0, nginx on core 1. The figures are
started - due of the samples on disk, the first second left out (it opens the connections);
`whole` counts it in.
Takes about 5 minutes.
"""

import math
from dataclasses import dataclass
from functools import partial

from benchmarks import _delays, _machine, _nginx, _options, _runner
from benchmarks._goal import Goal
from benchmarks._machine import say
from benchmarks._nginx import Nginx
from benchmarks._process import BenchmarkError
from benchmarks._result import Result, Table
from benchmarks._runner import Work
from benchmarks._spread import Spread, spread

STEADY = (1_000, 2_000, 4_000, 8_000)
FAST = (20_000, 50_000)
_WARM_UP_S = 1.0
_HELD = 0.999


@dataclass(frozen=True)
class Round:
    """One run at one rate, delays in microseconds; `reached` is the share of the due requests
    that were answered as expected no later than a second after the end."""

    p50: float
    p99: float
    p99_9: float
    greatest: float
    whole_p99: float
    reached: float
    worker_cpu: float


def main() -> int:
    options = _options.options_of(_options.parser(__doc__, rounds=5, seconds=6))
    _machine.wait_until_quiet(options.wait_quiet_s, say)
    result = Result("accuracy", options.calm)
    found: dict[int, list[Round]] = {rate: [] for rate in STEADY + FAST}
    try:
        with _nginx.running(options.port) as nginx:
            for number in range(options.rounds):
                for rate, rounds in found.items():
                    once = partial(_round, nginx, rate, max(2.0, options.seconds))
                    rounds.append(options.calm.measure(once, nginx.cpu_s))
                    say(f"round {number + 1}/{options.rounds}: {rate:,}/s {_short(rounds[-1])}")
    except BenchmarkError as error:
        result.notes.append(f"Not measured: {error}.")
    _tell(result, found)
    result.show(as_json=options.as_json)
    return 0


def _round(nginx: Nginx, rate: int, seconds: float) -> Round:
    load = _runner.at_rate(rate, seconds)
    work = Work(nginx.base_url, load, _runner.get(_nginx.PATH))
    run = _runner.run(work, f"accuracy-{rate}", seconds)
    delays = _delays.dispatch_us(run.samples, _WARM_UP_S)
    whole = _delays.dispatch_us(run.samples)
    busy = run.health.filter(worker=0)["cpu_process"].mean()
    return Round(
        p50=_delays.percentile(delays, 0.5),
        p99=_delays.percentile(delays, 0.99),
        p99_9=_delays.percentile(delays, 0.999),
        greatest=_delays.percentile(delays, 1.0),
        whole_p99=_delays.percentile(whole, 0.99),
        reached=run.answered_within(seconds + 1) / math.ceil(rate * seconds),
        worker_cpu=float(busy) if isinstance(busy, float) else math.nan,
    )


def _short(one: Round) -> str:
    return f"p50 {one.p50:.0f} us, p99 {one.p99:.0f} us, {one.reached:.1%} reached"


def _tell(result: Result, found: dict[int, list[Round]]) -> None:
    for rate in STEADY:
        result.goals.append(_goal(f"{rate:,}/s: p50 of started - due", found[rate], "p50", 50))
        result.goals.append(_goal(f"{rate:,}/s: p99 of started - due", found[rate], "p99", 150))
    for rate in FAST:
        reached = _of(found[rate], "reached")
        result.goals.append(Goal(f"{rate:,}/s: held", reached, _HELD, "", True, ".4f"))
        result.goals.append(_goal(f"{rate:,}/s: p99.9", found[rate], "p99_9", 1000))
    names = ("p50", "p99", "p99_9", "greatest", "whole_p99")
    rows = [[f"{rate:,}", *_cells(rounds, names)] for rate, rounds in found.items()]
    headings = ("requests/s", "p50", "p99", "p99.9", "greatest", "p99 whole", "reached", "worker")
    result.tables.append(Table("started - due, us", headings, rows))
    result.figures = {
        f"{rate}/{name}": _of(rounds, name)
        for rate, rounds in found.items()
        for name in (*names, "reached", "worker_cpu")
    }


def _cells(rounds: list[Round], names: tuple[str, ...]) -> list[str]:
    reached, busy = _of(rounds, "reached"), _of(rounds, "worker_cpu")
    shown = [one.text() if (one := _of(rounds, name)) else "-" for name in names]
    shown.append(f"{reached.median:.2%}" if reached else "-")
    return [*shown, f"{busy.median:.0%} busy" if busy else "-"]


def _goal(what: str, rounds: list[Round], name: str, limit_us: float) -> Goal:
    return Goal(what, _of(rounds, name), limit_us, "us", form=",.0f")


def _of(rounds: list[Round], name: str) -> Spread | None:
    return spread(float(getattr(one, name)) for one in rounds)


if __name__ == "__main__":
    raise SystemExit(main())
