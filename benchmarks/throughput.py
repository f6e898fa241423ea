"""How many requests a second one core can send: loadrunner beside wrk, hey, autocannon, Locust.

Closed model, 32 connections, keep-alive: POST of about 300 bytes with an Authorization header and
a checked status, against nginx. All processes of the generator share core 0 (loadrunner's
coordinator, which writes every sample to disk, included); nginx has core 1.
Takes about 6 minutes.
"""

import json
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import _machine, _nginx, _options, _peers, _runner
from benchmarks._contest import Contestant, Scores, hold
from benchmarks._goal import Goal
from benchmarks._nginx import Nginx
from benchmarks._peers import Peer
from benchmarks._process import BenchmarkError, output_of
from benchmarks._result import Result, Table
from benchmarks._runner import TOKEN, Work
from benchmarks._spread import Spread, ratios
from tools.environment import VAR

Measure = Callable[[Path, str, float], float]
"""Program, address, seconds of load -> requests/s."""

CONNECTIONS = 32
OURS, EXTRACTING = "loadrunner", "loadrunner, extracting"
BODY = json.dumps({"order": "order-NUMBER", "note": _runner.NOTE})
_FIXED = BODY.replace("NUMBER", "1234567")
_AUTHORIZATION = f"Bearer {TOKEN}"
_FLOORS = {"Locust": 8.0, "hey": 2.0, "autocannon": 1.0, "wrk": 0.6}
_SPARE_S = 60.0
_LOOKS_AT_MOST = 400

_WRK_HEAD = """
wrk.method = "POST"
wrk.headers["Authorization"] = "{authorization}"
wrk.headers["Content-Type"] = "application/json"
"""
_WRK_FIXED = "wrk.body = [[{body}]]\n"
_WRK_TEMPLATE = """
local number = 0
local before, after = [[{before}]], [[{after}]]
request = function()
    number = number + 1
    return wrk.format(nil, nil, nil, before .. number .. after)
end
"""


def main() -> int:
    options = _options.options_of(_options.parser(__doc__, rounds=5, seconds=6))
    peers = _peers.find("wrk", "hey", "autocannon", "locust")
    _machine.wait_until_quiet(options.wait_quiet_s, _machine.say)
    result = Result("throughput", options.calm)
    try:
        with _nginx.running(options.port) as nginx:
            contestants = _contestants(nginx, peers, options.seconds)
            scores = hold(contestants, options.rounds, options.calm, nginx)
        _tell(result, contestants, scores)
    except BenchmarkError as error:
        result.notes.append(f"Not measured: {error}.")
    missing = [peer for peer in peers.values() if peer.program is None]
    result.notes += [f"{peer.name}: {peer.version}." for peer in missing]
    result.show(as_json=options.as_json)
    return 0


# The contestants.


def _contestants(nginx: Nginx, peers: dict[str, Peer], seconds: float) -> list[Contestant]:
    extract = "extract: {order_id: $.id}"
    ours = "a number of its own in each body, every sample written to disk"
    own = [
        Contestant(OURS, ours, partial(_loadrunner, nginx, seconds, "")),
        Contestant(
            EXTRACTING, "the same, $.id extracted", partial(_loadrunner, nginx, seconds, extract)
        ),
    ]
    theirs: list[tuple[str, str, str, Measure]] = [
        ("wrk", "wrk", "body fixed", partial(_wrk, script=_wrk_script("fixed", _WRK_FIXED))),
        ("wrk", "wrk, templating", "body by a Lua script", partial(_wrk, script=_wrk_template())),
        ("hey", "hey", "body fixed; it has no variables", _hey),
        ("autocannon", "autocannon", "body fixed", _autocannon),
        ("autocannon", "autocannon, templating", "an id in each body (-I)", _autocannon_with_ids),
        ("locust", "Locust", "FastHttpUser, a number in each body", _locust),
    ]
    return own + [
        Contestant(
            name, f"{note}; {peers[tool].version}", partial(measure, program, nginx.url, seconds)
        )
        for tool, name, note, measure in theirs
        if (program := peers[tool].program) is not None
    ]


def _loadrunner(nginx: Nginx, seconds: float, more: str) -> float:
    load = _runner.closed(CONNECTIONS, seconds)
    work = Work(nginx.base_url, load, _runner.post(_nginx.PATH), more)
    before = nginx.requests()
    run = _runner.run(work, "throughput", seconds)
    # Beside the run's own requests: the pre-flight, and the questions of those who look on.
    more_than_kept = nginx.requests() - before - run.samples.height
    if not 0 <= more_than_kept <= _LOOKS_AT_MOST:
        _machine.say(f"nginx counted {more_than_kept:+} requests beside those in the spool")
    return run.answered_within(seconds) / seconds


def _wrk_template() -> str:
    before, _, after = BODY.partition("NUMBER")
    return _wrk_script("template", _WRK_TEMPLATE.format(before=before, after=after))


def _wrk_script(name: str, ending: str) -> str:
    path = VAR / "bench" / f"wrk-{name}.lua"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = _WRK_HEAD.format(authorization=_AUTHORIZATION)
    path.write_text(head + ending.replace("{body}", _FIXED))
    return str(path)


def _wrk(program: Path, url: str, seconds: float, script: str) -> float:
    flags = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", script, url]
    said = pinned_output([str(program), *flags], seconds)
    if "Non-2xx" in said:
        raise BenchmarkError("nginx did not answer 200 to wrk")
    return figure(r"Requests/sec:\s+([\d.]+)", said)


def _hey(program: Path, url: str, seconds: float) -> float:
    flags = ["-z", f"{seconds:.0f}s", "-c", str(CONNECTIONS), "-cpus", "1", "-m", "POST"]
    flags += ["-T", "application/json", "-H", f"Authorization: {_AUTHORIZATION}", "-d", _FIXED]
    return figure(r"Requests/sec:\s+([\d.]+)", pinned_output([str(program), *flags, url], seconds))


def _autocannon(program: Path, url: str, seconds: float, body: str = _FIXED) -> float:
    flags = ["-c", str(CONNECTIONS), "-d", f"{seconds:.0f}", "-m", "POST", "-b", body, "--json"]
    flags += ["-H", f"Authorization={_AUTHORIZATION}", "-H", "Content-Type=application/json"]
    flags += ["-I"] if "[<id>]" in body else []
    found = json.loads(pinned_output([str(program), *flags, url], seconds))
    return float(found["2xx"]) / float(found["duration"])


def _autocannon_with_ids(program: Path, url: str, seconds: float) -> float:
    return _autocannon(program, url, seconds, BODY.replace("NUMBER", "[<id>]"))


def _locust(program: Path, url: str, seconds: float) -> float:
    host, _, path = url.removeprefix("http://").partition("/")
    users = str(CONNECTIONS)
    flags = ["-f", str(Path(__file__).parent / "_locustfile.py"), "--headless", "--only-summary"]
    flags += ["-u", users, "-r", users, "-t", f"{seconds:.0f}s", "--host", f"http://{host}"]
    env = {"POST_BODY": BODY, "AUTHORIZATION": _AUTHORIZATION, "URL_PATH": f"/{path}"}
    said = pinned_output([str(program), *flags, "--json"], seconds, env)
    (entry,) = json.loads(said[said.index("[") :])
    if entry["num_failures"]:
        raise BenchmarkError(f"{entry['num_failures']} of Locust's requests failed")
    lasted_s = float(entry["last_request_timestamp"]) - float(entry["start_time"])
    return float(entry["num_requests"]) / lasted_s


def pinned_output(command: list[str], seconds: float, env: dict[str, str] | None = None) -> str:
    one_core = {**os.environ, "GOMAXPROCS": "1", **(env or {})}
    line = _machine.pinned(_machine.GENERATOR_CORE, command)
    return output_of(line, seconds + _SPARE_S, env=one_core)


def figure(pattern: str, said: str) -> float:
    found = re.search(pattern, said)
    if found is None:
        raise BenchmarkError(f"no {pattern} in what the tool printed")
    return float(found[1])


# What came of it.


def _tell(result: Result, contestants: list[Contestant], scores: Scores) -> None:
    for unit, of in (("", scores.rates), (" by CPU second", scores.by_cpu)):
        for peer, floor in _FLOORS.items():
            result.goals.append(_goal(f"loadrunner / {peer}{unit}", of, OURS, peer, floor))
        what = f"field extracted / not{unit}"
        result.goals.append(_goal(what, of, EXTRACTING, OURS, 0.85))
        result.figures |= {f"{name}{unit}": spread for name, spread in of.items()}
    headings = ("generator", "requests/s", "by CPU second", "its core", "server", "what it does")
    rows = [_row(one, scores) for one in contestants]
    result.tables.append(Table("Rates", headings, rows))
    result.notes += _cautions(scores)


def _goal(what: str, of: dict[str, Spread], mine: str, other: str, floor: float) -> Goal:
    ratio = ratios(of[mine], of[other]) if mine in of and other in of else None
    return Goal(what, ratio, floor, "x", is_floor=True)


def _row(one: Contestant, scores: Scores) -> list[str]:
    shares = (scores.generator.get(one.name), scores.server.get(one.name))
    busy = [f"{share.median:.0%} busy" if share else "-" for share in shares]
    by_cpu = scores.by_cpu.get(one.name)
    return [
        one.name,
        scores.rates[one.name].text(),
        by_cpu.text() if by_cpu else "-",
        *busy,
        one.note,
    ]


def _cautions(scores: Scores) -> list[str]:
    """By what the rates are to be read."""
    found = []
    full = [name for name, busy in scores.server.items() if busy.median > _FULL]
    if full:
        found.append(
            f"The server's core was full with {', '.join(full)}: that rate is nginx's own limit, "
            "and the tool could do more. Requests by CPU second say how much."
        )
    starved = [name for name, busy in scores.generator.items() if busy.median < _STARVED]
    if starved and len(starved) > len(full):
        found.append(
            f"Less than {_STARVED:.0%} of its core was left to, or taken by, "
            f"{', '.join(starved)}: read the requests by CPU second, not the rates."
        )
    return found


_FULL = 0.95
_STARVED = 0.8


if __name__ == "__main__":
    raise SystemExit(main())
