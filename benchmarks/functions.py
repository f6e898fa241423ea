"""What a journey in Python costs beside declared steps: requests by CPU second of one core.

Closed model, 32 connections, keep-alive: the POST of benchmarks.throughput against nginx, once as a
declared step and once as a function, each also with a field of the answer read. Takes about two
minutes.
"""

from dataclasses import dataclass
from functools import partial

from benchmarks import _machine, _nginx, _options, _runner
from benchmarks._contest import Contestant, hold
from benchmarks._goal import Goal
from benchmarks._nginx import Nginx
from benchmarks._process import BenchmarkError
from benchmarks._result import Result, Table
from benchmarks._runner import Work
from benchmarks._spread import ratios
from tools.environment import VAR

CONNECTIONS = 32
FLOOR = 0.4
DECLARED, EXTRACTING = "declared step", "declared step, $.id extracted"
FUNCTION, READING = "function", "function that reads json()"
_FILE = VAR / "bench" / "spools" / "functions.py"
_FUNCTIONS = f"""
NOTE = {_runner.NOTE!r}


async def order(session):
    await session.post({_nginx.PATH!r}, json={{"order": f"order-{{session.number}}", "note": NOTE}})


async def order_read(session):
    body = {{"order": f"order-{{session.number}}", "note": NOTE}}
    answer = await session.post({_nginx.PATH!r}, json=body)
    assert answer.json()["id"]
"""


@dataclass(frozen=True)
class FunctionWork(Work):
    """The same load, its requests made by a function."""

    function: str = "order"

    def text(self) -> str:
        declared = super().text()
        before, _, rest = declared.partition("    steps:")
        journey = f"    journey: {_FILE.name}:{self.function}\n    steps: [create]\n"
        return before + journey + rest[rest.index("    load:") :]


def main() -> int:
    options = _options.options_of(_options.parser(__doc__, rounds=5, seconds=4))
    _machine.wait_until_quiet(options.wait_quiet_s, _machine.say)
    result = Result("functions", options.calm)
    _FILE.parent.mkdir(parents=True, exist_ok=True)
    _FILE.write_text(_FUNCTIONS)
    try:
        with _nginx.running(options.port) as nginx:
            _tell(result, nginx, options)
    except BenchmarkError as error:
        result.notes.append(f"Not measured: {error}.")
    result.show(as_json=options.as_json)
    return 0


def _tell(result: Result, nginx: Nginx, options: _options.Options) -> None:
    load = _runner.closed(CONNECTIONS, options.seconds)
    post = _runner.post(_nginx.PATH)
    works: dict[str, Work] = {
        DECLARED: Work(nginx.base_url, load, post),
        EXTRACTING: Work(nginx.base_url, load, post, "extract: {order_id: $.id}"),
        FUNCTION: FunctionWork(nginx.base_url, load, post),
        READING: FunctionWork(nginx.base_url, load, post, function="order_read"),
    }
    contestants = [
        Contestant(name, "", partial(_rate, work, options.seconds)) for name, work in works.items()
    ]
    scores = hold(contestants, options.rounds, options.calm, nginx)
    for mine, other in ((FUNCTION, DECLARED), (READING, EXTRACTING)):
        for unit, of in (("", scores.rates), (" by CPU second", scores.by_cpu)):
            if mine in of and other in of:
                ratio = ratios(of[mine], of[other])
                result.goals.append(Goal(f"{mine} / {other}{unit}", ratio, FLOOR, "x", True))
    by_cpu = {name: spread.text() for name, spread in scores.by_cpu.items()}
    rows = [[name, scores.rates[name].text(), by_cpu.get(name, "-")] for name in works]
    result.tables.append(Table("Rates", ("journey", "requests/s", "by CPU second"), rows))


def _rate(work: Work, seconds: float) -> float:
    return _runner.run(work, "functions", seconds).answered_within(seconds) / seconds


if __name__ == "__main__":
    raise SystemExit(main())
