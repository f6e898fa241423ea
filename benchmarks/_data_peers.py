"""What other programs take for the same data: DuckDB's exact quantiles, Taurus reading a JTL.

Both come from PyPI into a virtual environment of their own, var/bench/data, and measure themselves:
loading Python and the program counts for neither.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks._machine import say
from tools.environment import VAR

_FOLDER: Final = VAR / "bench" / "data"
_PYTHON: Final = _FOLDER / "bin" / "python"
_DUCKDB: Final = """
import sys, time
import duckdb
ranks = [0.5, 0.9, 0.95, 0.99, 0.999]
query = f'''
    SELECT scenario, step, phase, quantile_disc(ended_us - due_us, {ranks}), count(*)
    FROM read_parquet(?) WHERE outcome = 'ok' GROUP BY ALL'''
started_s = time.perf_counter()
rows = duckdb.execute(query, [sys.argv[1]]).fetchall()
print(time.perf_counter() - started_s, len(rows))
"""
# As Taurus itself reads what JMeter writes, second by second, with its usual percentiles.
_TAURUS: Final = """
import logging, sys, time
from bzt.modules.aggregator import ConsolidatingAggregator
from bzt.modules.jmeter import JTLReader
logging.disable(logging.CRITICAL)
reader = JTLReader(sys.argv[1], logging.getLogger(""))
reader.track_percentiles = [50.0, 90.0, 95.0, 99.0, 99.9]
started_s, requests = time.perf_counter(), 0
for point in reader.datapoints(final_pass=True):
    requests += point["current"][""]["throughput"]
print(time.perf_counter() - started_s, requests)
"""


def duckdb_s(parquet: Path) -> float | None:
    """Seconds for five exact quantiles of each series; None where DuckDB cannot be had."""
    return _measured(_DUCKDB, parquet)


def taurus_s(jtl: Path) -> float | None:
    """Seconds to read a JTL and sum it up; None where Taurus cannot be had."""
    return _measured(_TAURUS, jtl)


def _measured(script: str, path: Path) -> float | None:
    if not _PYTHON.exists():
        say("Installing DuckDB and Taurus (PyPI) into var/bench/data ...")
        pip = [str(_PYTHON), "-m", "pip", "install", "-q", "duckdb", "bzt", "setuptools<81"]
        for command in ([sys.executable, "-m", "venv", str(_FOLDER)], pip):
            subprocess.run(command, stdin=subprocess.DEVNULL, check=False)
    done = subprocess.run(
        [str(_PYTHON), "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        say(done.stderr.strip()[-300:])
        return None
    took_s, count = done.stdout.split()[-2:]
    say(f"  {took_s} s, {count} rows or requests")
    return float(took_s)
