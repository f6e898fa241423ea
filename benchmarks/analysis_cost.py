"""What the analysis of one large run costs: seconds of each part, and the most memory it takes.

    python benchmarks/analysis_cost.py [--samples 1000000] [--repeats 5]

Each part alone, then all of them together as a report is made. The best of the repeats is what
the code costs, the median what this machine gave; a part's processor time shows what it does on
more than one core. Memory is that of this process, before and at the most during the analysis.
"""

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._large_run import run_data
from runs.analysis import (
    bottlenecks,
    cells,
    columns,
    distribution,
    journeys,
    report,
    saturation,
    seconds,
    series,
    timeline,
    validity,
)
from runs.analysis.run_data import RunData

GOAL_S: Final = 1.0
MIB: Final = 1 << 20


def everything(data: RunData) -> None:
    """What a page of a run needs."""
    report.build(data)
    timeline.of(data)
    for scenario in data.plan.scenarios:
        saturation.curve(data, scenario)


PARTS: Final[dict[str, Callable[[RunData], Any]]] = {
    "columns": columns.of,
    "cells": cells.of,
    "journeys": lambda data: journeys.of(data.samples),
    "validity": validity.judge,
    "saturation": saturation.find,
    "series": series.rows,
    "journey rows": journeys.rows,
    "bottlenecks": lambda data: bottlenecks.find(data, saturation.find(data)),
    "timeline": timeline.of,
    "curves": lambda data: [saturation.curve(data, name) for name in data.plan.scenarios],
    "seconds": seconds.of,
    "histograms": seconds.histograms,
    "heatmap": distribution.heatmap,
    "distributions": lambda data: [distribution.of(data, *key) for key in columns.of(data).rows],
    "report": report.build,
    "all together": everything,
}


def main() -> int:
    options = _options()
    data = run_data(options.samples)
    print(f"{data.samples.height:,} samples, 48 series; best, median and processor seconds")
    before = _peak_bytes()
    _forget_peak()
    start = _peak_bytes()
    for name in options.parts or PARTS:
        took = [_timed(PARTS[name], data) for _ in range(options.repeats)]
        walls, busy = [wall for wall, _ in took], [cpu for _, cpu in took]
        figures = f"{min(walls):7.3f} {statistics.median(walls):7.3f} {min(busy):7.3f}"
        print(f"{name:14} {figures}  peak {_peak_bytes() / MIB:6,.0f} MiB")
    print(f"{before / MIB:,.0f} MiB to make the run, {start / MIB:,.0f} to hold it")
    print(f"goal: all together < {GOAL_S} s at 1 M")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    return parser.parse_args()


def _timed(part: Callable[[RunData], Any], data: RunData) -> tuple[float, float]:
    fresh = dataclasses.replace(data)  # knows nothing of what was derived before
    wall, busy = time.perf_counter(), time.process_time()
    part(fresh)
    return time.perf_counter() - wall, time.process_time() - busy


def _forget_peak() -> None:
    """The high-water mark starts anew from what is held now (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_bytes() -> int:
    """The high-water mark of this process's memory (Linux)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    sys.exit(main())
