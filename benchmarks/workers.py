"""What a second worker brings, and that its samples stand on the same clock.

Sameness: the same open schedule with one worker and with two gives the same due times and
distinct trace ids. Speed-up, closed model, 64 users against nginx: everything (coordinator,
workers, nginx) on one core with one worker, then on both cores with two, the most that a machine
of two cores can show; and with nothing pinned at all.
Takes about 3 minutes.
"""

from functools import partial

from benchmarks import _delays, _machine, _nginx, _options, _runner
from benchmarks._goal import Goal
from benchmarks._machine import say
from benchmarks._process import BenchmarkError
from benchmarks._result import Result, Table
from benchmarks._runner import Run, Work
from benchmarks._spread import Spread, ratios, spread

USERS = 64
RATE = 4_000
_ONE_CORE, _ANY_CORE = 0, None

# Name, workers of loadrunner, workers of nginx, core of everything.
SETTINGS = (
    ("one worker, everything on one core", 1, 1, _ONE_CORE),
    ("two workers, everything on two cores", 2, 2, _ANY_CORE),
    ("one worker, nothing pinned", 1, 1, _ANY_CORE),
    ("two workers, nothing pinned", 2, 1, _ANY_CORE),
)


def main() -> int:
    options = _options.options_of(_options.parser(__doc__, rounds=5, seconds=5))
    _machine.wait_until_quiet(options.wait_quiet_s, say)
    result = Result("workers", options.calm)
    try:
        _sameness(result, options.rounds, options.port)
        _speed(result, options.rounds, options.seconds, options.port)
    except BenchmarkError as error:
        result.notes.append(f"Not measured: {error}.")
    result.show(as_json=options.as_json)
    return 0


# The same samples.


def _sameness(result: Result, rounds: int, port: int) -> None:
    seconds = 3.0
    faults: dict[str, list[float]] = {"due": [], "trace": [], "lost": []}
    delays: dict[int, list[float]] = {1: [], 2: []}
    with _nginx.running(port) as nginx:
        work = Work(nginx.base_url, _runner.at_rate(RATE, seconds), _runner.get(_nginx.PATH))
        for number in range(rounds):
            one, two = (_run(work, seconds, workers, _ANY_CORE) for workers in (1, 2))
            faults["due"].append(float(_differing(one, two)))
            faults["trace"].append(two.samples.height - two.samples["trace_id"].n_unique())
            faults["lost"].append(RATE * seconds - two.samples.height)
            for workers, run in ((1, one), (2, two)):
                times = _delays.dispatch_us(run.samples, 1.0)
                delays[workers].append(_delays.percentile(times, 0.99))
            say(f"round {number + 1}/{rounds}: sameness at {RATE:,}/s")
    names = {
        "due": "due times that differ from one worker's",
        "trace": "trace ids that stand twice",
        "lost": "samples lost",
    }
    for name, what in names.items():
        result.goals.append(Goal(what, spread(faults[name]), 0, "", form=".0f"))
    result.figures |= {f"sameness/{name}": spread(found) for name, found in faults.items()}
    rows = [[str(workers), _text(spread(found))] for workers, found in delays.items()]
    title = f"p99 of started - due at {RATE:,}/s, us"
    result.tables.append(Table(title, ("workers", "p99"), rows))


def _differing(one: Run, two: Run) -> int:
    """How many due times of two runs of one schedule differ, the journeys' numbers included."""
    mine, other = (
        run.samples.select("journey", "due_us").sort("due_us", "journey") for run in (one, two)
    )
    if mine.height != other.height:
        return abs(mine.height - other.height)
    return int((mine["due_us"] != other["due_us"]).sum()) + int(
        (mine["journey"] != other["journey"]).sum()
    )


# The speed-up.


def _speed(result: Result, rounds: int, seconds: float, port: int) -> None:
    found: dict[str, list[float]] = {name: [] for name, *_ in SETTINGS}
    for number in range(rounds):
        for name, workers, servers, core in SETTINGS:
            once = partial(_speed_round, seconds, port, workers, servers, core)
            found[name].append(result.calm.measure(once))
            say(f"round {number + 1}/{rounds}: {name} {found[name][-1]:,.0f}/s")
    rates = {name: one for name, values in found.items() if (one := spread(values))}
    names = [name for name, *_ in SETTINGS]
    for what, more, less in (
        ("two of everything on two cores / one on one core", names[1], names[0]),
        ("two workers / one, nothing pinned", names[3], names[2]),
    ):
        ratio = ratios(rates[more], rates[less])
        # No goal was set; a second worker must at least not cost anything.
        result.goals.append(Goal(f"speed-up: {what}", ratio, 1.0, "x", is_floor=True))
    rows = [[name, rate.text()] for name, rate in rates.items()]
    result.tables.append(Table("Closed model, POST", ("setting", "requests/s"), rows))
    result.figures |= dict(rates)


def _speed_round(seconds: float, port: int, workers: int, servers: int, core: int | None) -> float:
    """Requests/s."""
    with _nginx.running(port, core, servers) as nginx:
        load = _runner.closed(USERS, seconds)
        work = Work(nginx.base_url, load, _runner.post(_nginx.PATH))
        return _run(work, seconds, workers, core).answered_within(seconds) / seconds


def _run(work: Work, seconds: float, workers: int, core: int | None) -> Run:
    flags = ["--workers", str(workers), "--seed", "1"]
    return _runner.run(work, "workers", seconds, core, flags)


def _text(found: Spread | None) -> str:
    return found.text() if found else "-"


if __name__ == "__main__":
    raise SystemExit(main())
