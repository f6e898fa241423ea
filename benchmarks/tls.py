"""The same over TLS: loadrunner beside wrk and hey, one core each, one certificate for all.

Closed model, 32 connections, GET of a small answer, nginx with an ECDSA certificate on the other
core. Once with connections that stay open, once with a new connection for each request, where
loadrunner resumes the session before it. loadrunner verifies the certificate; wrk and hey do not.
Takes about 4 minutes.
"""

import subprocess
from functools import partial
from pathlib import Path

from benchmarks import _machine, _nginx, _options, _peers, _runner
from benchmarks._contest import Contestant, Scores, hold
from benchmarks._goal import Goal
from benchmarks._nginx import Certificate, Nginx
from benchmarks._process import BenchmarkError
from benchmarks._result import Result, Table
from benchmarks._runner import Work
from benchmarks._spread import ratios
from benchmarks.throughput import CONNECTIONS, figure, pinned_output
from tools.environment import VAR

OURS = "loadrunner"
_FOLDER = VAR / "bench" / "tls"
_KEPT, _NEW = "connections kept", "a new connection each"


def main() -> int:
    options = _options.options_of(_options.parser(__doc__, rounds=5, seconds=6))
    peers = _peers.find("wrk", "hey")
    _machine.wait_until_quiet(options.wait_quiet_s, _machine.say)
    result = Result("tls", options.calm)
    try:
        certificate = _certificate()
        with _nginx.running(options.port, certificate=certificate) as nginx:
            for way in (_KEPT, _NEW):
                contestants = _contestants(nginx, certificate, peers, options.seconds, way)
                scores = hold(contestants, options.rounds, options.calm, nginx)
                _tell(result, way, scores)
    except BenchmarkError as error:
        result.notes.append(f"Not measured: {error}.")
    result.notes += [f"{peer.name}: {peer.version}." for peer in peers.values()]
    result.show(as_json=options.as_json)
    return 0


def _certificate() -> Certificate:
    _FOLDER.mkdir(parents=True, exist_ok=True)
    made = Certificate(_FOLDER / "certificate.pem", _FOLDER / "key.pem")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30"
    command += f" -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout {made.key}"
    command += f" -out {made.file}"
    done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"openssl made no certificate: {done.stderr.strip()[-200:]}")
    return made


def _contestants(
    nginx: Nginx,
    certificate: Certificate,
    peers: dict[str, _peers.Peer],
    seconds: float,
    way: str,
) -> list[Contestant]:
    path = _nginx.PATH if way == _KEPT else _nginx.ONCE
    found = [Contestant(OURS, way, partial(_loadrunner, nginx, certificate, seconds, path))]
    for name, measure in (("wrk", _wrk), ("hey", _hey)):
        program = peers[name].program
        if program is not None:
            one = partial(measure, program, nginx.base_url + path, seconds)
            found.append(Contestant(name, way, one))
    return found


def _loadrunner(nginx: Nginx, certificate: Certificate, seconds: float, path: str) -> float:
    load, request = _runner.closed(CONNECTIONS, seconds), _runner.get(path)
    trust = f', tls: {{ca: "{certificate.file}"}}'
    run = _runner.run(Work(nginx.base_url, load, request, target=trust), "tls", seconds)
    return run.answered_within(seconds) / seconds


def _wrk(program: Path, url: str, seconds: float) -> float:
    flags = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", url]
    return figure(r"Requests/sec:\s+([\d.]+)", pinned_output([str(program), *flags], seconds))


def _hey(program: Path, url: str, seconds: float) -> float:
    flags = ["-z", f"{seconds:.0f}s", "-c", str(CONNECTIONS), "-cpus", "1", url]
    return figure(r"Requests/sec:\s+([\d.]+)", pinned_output([str(program), *flags], seconds))


def _tell(result: Result, way: str, scores: Scores) -> None:
    for unit, of in (("", scores.rates), (" by CPU second", scores.by_cpu)):
        for peer, floor in (("wrk", 0.6), ("hey", 1.0)):
            ratio = ratios(of[OURS], of[peer]) if OURS in of and peer in of else None
            what = f"{way}: {OURS} / {peer}{unit}"
            result.goals.append(Goal(what, ratio, floor, "x", is_floor=True))
        result.figures |= {f"{way}/{name}{unit}": spread for name, spread in of.items()}
    rows = [
        [name, rate.text(), by_cpu.text() if (by_cpu := scores.by_cpu.get(name)) else "-"]
        for name, rate in scores.rates.items()
    ]
    result.tables.append(Table(way, ("generator", "requests/s", "by CPU second"), rows))


if __name__ == "__main__":
    raise SystemExit(main())
