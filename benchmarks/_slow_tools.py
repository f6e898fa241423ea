"""The response times that other tools report at a set rate, each in the way that flatters it most.

Locust: constant_throughput for each user, response times from its own events. hey: -q for each
worker, response times from its CSV. wrk has no rate: as many connections as give that rate when
every answer takes the service time; its own histogram, which it corrects for stalls by itself.
"""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np

from benchmarks import _machine
from benchmarks._delays import Micros
from benchmarks._process import output_of
from tools.environment import VAR

_CLIENTS = 50
_SPARE_S = 60.0
_WRK_SCRIPT = """
done = function(summary, latency, requests)
    for i = 1, #latency do
        local value, count = latency(i)
        print("BIN " .. value .. " " .. count)
    end
end
"""


def locust(program: Path, base_url: str, path: str, rate: int, seconds: float) -> Micros:
    """Sorted response times in microseconds."""
    times = VAR / "bench" / "locust-times.json"
    times.unlink(missing_ok=True)
    script = str(Path(__file__).parent / "_locustfile.py")
    flags = ["-f", script, "--headless", "--only-summary", "--host", base_url]
    flags += ["-u", str(_CLIENTS), "-r", str(_CLIENTS), "-t", f"{seconds:.0f}s"]
    env = {"URL_PATH": path, "WAIT_S": str(_CLIENTS / rate), "TIMES_FILE": str(times)}
    _run([str(program), *flags, "--stop-timeout", "5"], seconds, env)
    return np.sort(np.array(json.loads(times.read_text())) * 1e6)


def hey(program: Path, base_url: str, path: str, rate: int, seconds: float) -> Micros:
    """The same of hey."""
    flags = ["-z", f"{seconds:.0f}s", "-c", str(_CLIENTS), "-q", f"{rate / _CLIENTS:g}"]
    said = _run([str(program), *flags, "-cpus", "1", "-o", "csv", base_url + path], seconds)
    rows = csv.DictReader(io.StringIO(said))
    return np.sort(np.array([float(row["response-time"]) * 1e6 for row in rows]))


def wrk(
    program: Path, base_url: str, path: str, rate: int, seconds: float, service_ms: float
) -> Micros:
    """The same of wrk, from the bins of its histogram."""
    script = VAR / "bench" / "wrk-histogram.lua"
    script.write_text(_WRK_SCRIPT)
    connections = max(1, round(rate * service_ms / 1000))
    flags = ["-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "10s", "-s", str(script)]
    said = _run([str(program), *flags, base_url + path], seconds)
    bins = [line.split()[1:] for line in said.splitlines() if line.startswith("BIN ")]
    values = [float(value) for value, _ in bins]
    return np.sort(np.repeat(values, [int(float(count)) for _, count in bins]))


def _run(command: list[str], seconds: float, env: dict[str, str] | None = None) -> str:
    pinned = _machine.pinned(_machine.GENERATOR_CORE, command)
    one_core = {**os.environ, "GOMAXPROCS": "1", **(env or {})}
    return output_of(pinned, seconds + _SPARE_S, env=one_core)
