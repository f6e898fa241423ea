"""How long the readers of other tools' files take for a million requests, and the most memory.

    python benchmarks/other_tools.py [--requests 1000000] [--only jmeter-csv ...]

Takes about four minutes. Each file is written first (k6 writes nine lines a request: its file is
one of a ninth of the requests, a million lines), then read and reported in a process of its own,
as `loadrunner report FILE` does. Seconds are of the clock and of the processor; the latter hardly
depend on who else uses the machine.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from runs.formats import detection, spool

GOAL_S: Final = 60.0
START_MS: Final = 1_732_352_400_000
STEPS: Final = ("/", "/orders", "/orders/{id}", "/cart", "/pay", "/login")
MIB: Final = 1 << 20
# (milliseconds since the start, duration in ms, whether it was answered as expected, its step)
Request = tuple[float, float, bool, str]


def requests(count: int) -> Iterator[Request]:
    chance = random.Random(1)
    for at in range(count):
        yield at * 0.6, chance.lognormvariate(3, 0.5), chance.random() > 0.01, STEPS[at % 6]


def stamp(ms: float) -> str:
    moment = datetime.fromtimestamp(START_MS / 1000, UTC) + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="microseconds")


def k6_lines(found: Iterator[Request]) -> Iterator[str]:
    for at, took, ok, step in found:
        tags = {"scenario": "default", "name": step, "method": "GET", "url": f"http://shop{step}",
                "status": "200" if ok else "500", "expected_response": str(ok).lower(),
                "group": "", "proto": "HTTP/1.1"}  # fmt: skip
        data = f'"data":{{"time":"{stamp(at + took)}","tags":{json.dumps(tags)},"value":'
        values = {"reqs": 1, "req_duration": took, "req_blocked": 0.002, "req_connecting": 0,
                  "req_tls_handshaking": 0, "req_sending": 0.01, "req_waiting": took - 0.02,
                  "req_receiving": 0.01, "req_failed": int(not ok)}  # fmt: skip
        for name, value in values.items():
            yield f'{{"metric":"http_{name}","type":"Point",{data}{value}}}}}\n'


def jmeter_csv(found: Iterator[Request]) -> Iterator[str]:
    yield "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,"
    yield "failureMessage,bytes,sentBytes,grpThreads,allThreads,URL,Latency,IdleTime,Connect\n"
    for at, took, ok, step in found:
        yield (
            f"{START_MS + int(at)},{int(took)},{step},{200 if ok else 500},OK,"
            f"Users 1-{int(at) % 99},text,{str(ok).lower()},,1200,110,100,100,http://shop{step},{int(took)},0,1\n"
        )


def jmeter_xml(found: Iterator[Request]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testResults version="1.2">\n'
    for at, took, ok, step in found:
        yield (
            f'<httpSample t="{int(took)}" lt="{int(took)}" ct="1" ts="{START_MS + int(at)}"'
            f' s="{str(ok).lower()}" lb="{step}" rc="{200 if ok else 500}" rm="OK"'
            f' tn="Users 1-{int(at) % 99}" dt="text" by="1200" sby="110" ng="1" na="1"/>\n'
        )
    yield "</testResults>\n"


def gatling_text(found: Iterator[Request]) -> Iterator[str]:
    yield f"RUN\tshop.A\ta\t{START_MS}\t \t3.9.5\nUSER\tBuyers\tSTART\t{START_MS}\n"
    for at, took, ok, step in found:
        end = "OK\t " if ok else "KO\tstatus.find.is(200), but actually found 500"
        yield f"REQUEST\t\t{step}\t{START_MS + int(at)}\t{START_MS + int(at + took)}\t{end}\n"


def vegeta_lines(found: Iterator[Request]) -> Iterator[str]:
    for at, took, ok, step in found:
        yield (
            f'{{"attack":"shop","seq":1,"code":{200 if ok else 500},"timestamp":"{stamp(at)}",'
            f'"latency":{int(took * 1e6)},"bytes_out":0,"bytes_in":1200,"error":"","body":null,'
            f'"method":"GET","url":"http://shop{step}","headers":null}}\n'
        )


def locust_requests(found: Iterator[Request]) -> Iterator[str]:
    yield "timestamp,request_type,name,response_time_ms,response_length,status_code,exception\n"
    for at, took, ok, step in found:
        error = "200," if ok else "500,HTTPError(500)"
        yield f"{(START_MS + at) / 1000:.6f},GET,{step},{took:.2f},1200,{error}\n"


FILES: Final[dict[str, tuple[int, Callable[[Iterator[Request]], Iterator[str]]]]] = {
    "k6-json": (9, k6_lines),
    "jmeter-csv": (1, jmeter_csv),
    "jmeter-xml": (1, jmeter_xml),
    "gatling-text": (1, gatling_text),
    "vegeta-json": (1, vegeta_lines),
    "locust-requests": (1, locust_requests),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="*", choices=FILES, default=list(FILES))
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        measure(options.read)
        return
    print(f"goal: {GOAL_S:.0f} s for each")
    with TemporaryDirectory() as folder:
        for name in options.only:
            lines_each, write = FILES[name]
            path = Path(folder) / name
            with path.open("w") as file:
                file.writelines(write(requests(options.requests // lines_each)))
            subprocess.run([sys.executable, __file__, "--read", str(path)], check=True)
            path.unlink()


def measure(path: Path) -> None:
    """Read and report one file in this process."""
    began, spent = time.perf_counter(), time.process_time()
    found = detection.read(path)
    read_s = time.perf_counter() - began
    found.report(spool.info_of(found.manifest("00000000-0000-0000-0000-000000000001")))
    took, cpu = time.perf_counter() - began, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB
    print(
        f"{path.name:16} {path.stat().st_size / 1e6:6.0f} MB  {found.count:9,} requests"
        f"  read {read_s:5.1f} s, with the report {took:5.1f} s (processor {cpu:5.1f} s)"
        f"  {peak:5.0f} MiB at the most",
        flush=True,
    )


if __name__ == "__main__":
    main()
