"""The comparison of runs against runs whose difference is known: false alarms and power.

    python benchmarks/comparing.py [--systems 300] [--seed 1000]

Each system is a queue with 1 to 32 servers under a steady load, with bursts of slowness that
last seconds, measured for 60 to 120 s. All its runs are simulated; then each run's times are
multiplied by its own noise between runs (1 to 10 %, as given) and the new side's by the effect.
Error rates, the throughput of an overloaded phase and capacities are drawn beside it with the same
noise. `false` counts rows whose interval leaves out 1 though nothing changed; `told` those whose
interval leaves out 1 on the right side where something did; `called` those that are called better
or worse on a page of six rows (by 5 % at least, and Benjamini and Hochberg over the page).
"""

import argparse
import heapq
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks import _shares
from benchmarks.simulators.system import SCENARIO, Floats, run_of
from runs.analysis import comparison, series
from runs.analysis.comparison import Noise, Row
from runs.analysis.plan import Phase
from runs.analysis.report import FORMAT, Report
from runs.analysis.run_data import RunData, RunInfo
from runs.analysis.saturation import Saturation
from runs.analysis.series import Series
from runs.analysis.validity import Validity

NOISES: Final = (0.01, 0.03, 0.06, 0.10)
STATISTICS: Final = ("p50", "p95", "p99", "error_rate", "throughput", "capacity")
MOST_RUNS_A_SIDE: Final = 3
HISTORY: Final = (5, 4)  # groups of repeats, and runs in each
RATE_OF_ERRORS: Final = 0.02


@dataclass(frozen=True)
class Drawn:
    """One run as it is without noise between runs: its row, and what its other figures would be."""

    row: Series
    failures: int
    capacity_error: float


@dataclass(frozen=True)
class Tried:
    """What became of one row of one comparison."""

    statistic: str
    is_told: bool
    is_called: bool


@dataclass(frozen=True)
class System:
    """A queue with its load; `swing` is how much its speed wanders within a run."""

    servers: int
    service_s: float
    rate: float
    scatter: float
    seconds: float
    swing: float

    def run(self, rng: np.random.Generator, seconds: float | None = None) -> RunData:
        seconds = seconds or self.seconds
        due = np.sort(rng.uniform(0, seconds, rng.poisson(self.rate * seconds)))
        slow = np.exp(self.swing * _wandering(rng, int(seconds) + 1))[due.astype(np.int64)]
        work = np.exp(self.scatter * rng.normal(size=len(due)) - self.scatter**2 / 2)
        ended = _ended(due, self.service_s * work * slow, self.servers)
        end_us = int(seconds * 1e6)
        phase = Phase(SCENARIO, "plateau", 0, end_us, rate_from=self.rate, rate_to=self.rate)
        return run_of((phase,), due=due, ended=ended, outcome=["ok"] * len(due))


def drawn_system(rng: np.random.Generator) -> System:
    servers, busy, rate = int(rng.integers(1, 33)), rng.uniform(0.3, 0.75), rng.uniform(20, 150)
    return System(
        servers=servers,
        service_s=busy * servers / rate,
        rate=rate,
        scatter=rng.uniform(0.2, 1.0),
        seconds=rng.uniform(60, 120),
        swing=rng.uniform(0, 0.05),
    )


def _ended(due: Floats, took: Floats, servers: int) -> Floats:
    """When each leaves a queue that serves in the order of arrival."""
    free = [0.0] * servers
    ended = np.empty(len(due))
    for at, (start, work) in enumerate(zip(due.tolist(), took.tolist(), strict=True)):
        end = max(start, heapq.heappop(free)) + work
        heapq.heappush(free, end)
        ended[at] = end
    return ended


def _drawn(system: System, rng: np.random.Generator) -> Drawn:
    (row,) = (one for one in series.rows(system.run(rng)) if not one.pooled)
    # Failures come in bursts of three or four.
    failures = int(rng.negative_binomial(RATE_OF_ERRORS * row.count / 3, 0.25))
    return Drawn(row, failures, float(0.012 * rng.normal()))


def _wandering(rng: np.random.Generator, seconds: int) -> Floats:
    """Autoregressive noise of unit scatter, with a memory of five seconds."""
    memory = np.exp(-1 / 5)
    steps = rng.normal(size=seconds) * np.sqrt(1 - memory**2)
    found = np.empty(seconds)
    level = float(rng.normal())
    for at, step in enumerate(steps):
        level = memory * level + step
        found[at] = level
    return found


def report(drawn: Drawn, slower: float) -> Report:
    """The run with its times multiplied: errors rise and what it can take falls by as much."""
    row = drawn.row
    rate = (row.offered_rps or 0.0) / slower
    failed = min(round(drawn.failures * slower), row.count)
    scaled = replace(
        row,
        response_ms=_scaled(row.response_ms, slower),
        outcomes={**row.outcomes, "server_error": failed, "ok": row.count - failed},
        throughput_rps=rate,
        offered_rps=2 * (row.offered_rps or 0.0),  # it is overloaded: the service sets the rate
    )
    capacity = rate * float(np.exp(drawn.capacity_error))
    return Report(
        format=FORMAT,
        run=RunInfo("run", "campaign", None, None),
        validity=Validity("valid", ()),
        series=(scaled,),
        journeys=(),
        saturation=(_capacity(capacity),),
        bottlenecks=(),
        probes=(),
        criteria=(),
        verdict="none",
    )


def _scaled(times: Any, slower: float) -> Any:
    names = ("p50", "p90", "p95", "p99", "p99_9")
    known = {name: getattr(times, name) for name in names}
    return replace(
        times,
        **{name: None if one is None else one * slower for name, one in known.items()},
        ci={
            name: None if ci is None else tuple(one and one * slower for one in ci)
            for name, ci in times.ci.items()
        },
    )


def _capacity(value: float) -> Saturation:
    low, high = value * 0.977, value * 1.023
    return Saturation(
        SCENARIO, "reached", "exact", value, (low, high), value, (low, high), 2 * value,
        None, None, None, "queue", "unknown", None, None, "", "",
    )  # fmt: skip


def library(systems: int, seed: int) -> list[list[Drawn]]:
    """For each system, runs for both sides and for a history of repeats."""
    runs = 2 * MOST_RUNS_A_SIDE
    found = []
    for number in range(systems):
        rng = np.random.default_rng([seed, number])
        system = drawn_system(rng)
        found.append([_drawn(system, rng) for _ in range(runs)])
    return found


def trials(
    systems: Sequence[Sequence[Drawn]], sides: tuple[int, int], noise: float, effect: float,
    learned: bool, seed: int,
) -> Iterator[Tried]:  # fmt: skip
    rng = np.random.default_rng([seed, int(1000 * noise), int(1000 * effect), learned])
    for number, drawn in enumerate(systems):
        history = _history(systems, number, noise, rng) if learned else Noise()
        old, new = drawn[: sides[0]], drawn[MOST_RUNS_A_SIDE : MOST_RUNS_A_SIDE + sides[1]]
        groups = [
            [report(one, factor * float(np.exp(noise * rng.normal()))) for one in side]
            for side, factor in ((old, 1.0), (new, 1 + effect))
        ]
        yield from (_tried(row) for row in comparison.compare_groups(groups, history).rows)


def _history(
    systems: Sequence[Sequence[Drawn]], number: int, noise: float, rng: np.random.Generator
) -> Noise:
    """What repeats of other systems of the project teach."""
    groups, runs = HISTORY
    mine = [systems[(number + at) % len(systems)] for at in range(1, groups + 1)]
    return comparison.learn(
        [report(one, float(np.exp(noise * rng.normal()))) for one in drawn[:runs]] for drawn in mine
    )


def _tried(row: Row) -> Tried:
    (change,) = row.changes
    low, high = (change and change.ci) or (None, None)
    is_told = (low is not None and low > 1) or (high is not None and high < 1)
    return Tried(
        row.statistic, is_told, change is not None and change.verdict in ("better", "worse")
    )


HEAD: Final = (
    "figure", "noise %", "false", "called falsely", "told at +10 %", "told at +20 %",
    "called at +10 %", "called at +20 %",
)  # fmt: skip
DESIGNS: Final = (((3, 3), False), ((3, 3), True), ((3, 1), True), ((1, 1), True), ((1, 1), False))


def lines(systems: int, seed: int) -> Iterable[str]:
    """The tables of scores."""
    drawn = library(systems, seed)
    for sides, learned in DESIGNS:
        source = "learned from repeats" if learned else "nothing known before"
        yield f"\n{sides[0]} runs against {sides[1]}, noise between runs {source}, %:\n"
        yield _shares.table(
            HEAD,
            [row for noise in NOISES for row in _rows(drawn, sides, noise, learned, seed)],
        )


def _rows(
    drawn: Sequence[Sequence[Drawn]], sides: tuple[int, int], noise: float, learned: bool, seed: int
) -> Iterator[list[str]]:
    found = {
        effect: list(trials(drawn, sides, noise, effect, learned, seed))
        for effect in (0.0, 0.1, 0.2)
    }
    for statistic in STATISTICS:
        mine = {
            effect: [one for one in tried if one.statistic == statistic]
            for effect, tried in found.items()
        }
        yield [
            statistic,
            f"{100 * noise:.0f}",
            _shares.shown([one.is_told for one in mine[0.0]]),
            _shares.shown([one.is_called for one in mine[0.0]]),
            *(_shares.shown([one.is_told for one in mine[effect]]) for effect in (0.1, 0.2)),
            *(_shares.shown([one.is_called for one in mine[effect]]) for effect in (0.1, 0.2)),
        ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", type=int, default=300, help="default 300")
    parser.add_argument("--seed", type=int, default=1000, help="default 1000")
    given = parser.parse_args()
    for line in lines(given.systems, given.seed):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
