"""Criteria by interval against figures that are known: coverage, wrong and open verdicts.

    python benchmarks/judging.py [--systems 300] [--seed 1000]

Systems are the queues of benchmarks/comparing.py. The truth is the figure of a run of 4,000 s; each
run that is judged lasts 60 to 120 s and has noise of its own (3 % between runs). Limits stand 10 %
and 3 % to either side of the truth. `repeats` is what `run --repeat N --until-decided` does: it
stops at the first verdict, and after three repeats of the first run at the latest. The second
table spends the same four run lengths in one long run and in four repeats.
"""

import argparse
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks import _shares
from benchmarks.comparing import System, drawn_system
from benchmarks.simulators.system import SCENARIO
from runs.analysis import criteria
from runs.analysis.criteria import Bench, Figures, Measures, Remembered, Repeats
from runs.analysis.criteria.catalogue import Catalogue, Cell
from runs.analysis.criteria.measurement import Measurement
from runs.analysis.criteria.statistic import STATISTICS, Statistic
from runs.analysis.plan import Plan

BETWEEN_RUNS: Final = 0.03
MOST_RUNS: Final = 4  # one, and three repeats
TRUE_FOR_S: Final = 4000.0
NAMES: Final = ("p50", "p95", "p99", "mean")
DISTANCES: Final = (0.10, 0.03)
CELL: Final = Cell(SCENARIO, "only", "plateau")


@dataclass(frozen=True)
class Scaled:
    """A run whose times are all multiplied by one factor."""

    run: Measures
    factor: float

    @property
    def plan(self) -> Plan:
        return self.run.plan

    @property
    def catalogue(self) -> Catalogue:
        return self.run.catalogue

    def of_cell(self, statistic: Statistic, cell: Cell) -> Measurement:
        found = self.run.of_cell(statistic, cell)
        value, low, high = (
            None if one is None else one * self.factor
            for one in (found.estimate.value, found.estimate.low, found.estimate.high)
        )
        return replace(found, estimate=replace(found.estimate, value=value, low=low, high=high))

    def of_scenario(self, statistic: Statistic, scenario: str) -> Measurement:
        return self.run.of_scenario(statistic, scenario)

    def of_metric(self, statistic: Statistic, metric: str, phase: str | None) -> Measurement:
        return self.run.of_metric(statistic, metric, phase)

    def offered_rate(self, cell: Cell) -> float | None:
        return self.run.offered_rate(cell)


@dataclass(frozen=True)
class Judged:
    """One criterion on one system. `verdicts` are those after one run, two and so on."""

    name: str
    covers: bool
    distance: float
    is_true: bool
    verdicts: tuple[str, ...]

    @property
    def until_decided(self) -> str:
        decided = (one for one in self.verdicts if one != "inconclusive")
        return next(decided, "inconclusive")


def judged(number: int, seed: int) -> Iterator[Judged]:
    rng = np.random.default_rng([seed, number])
    system = drawn_system(rng)
    truth = _run(system, rng, TRUE_FOR_S)
    runs = [
        Scaled(_run(system, rng), float(np.exp(BETWEEN_RUNS * rng.normal())))
        for _ in range(MOST_RUNS)
    ]
    for name in NAMES:
        true = truth.of_cell(STATISTICS[name], CELL).estimate.value
        found = runs[0].of_cell(STATISTICS[name], CELL).estimate
        if true is None or found.low is None or found.high is None:
            continue
        covers = found.low <= true <= found.high
        for distance in DISTANCES:
            for limit, is_true in ((true * (1 + distance), True), (true / (1 + distance), False)):
                text = f"{name}({CELL}) < {limit:.9f}ms"
                yield Judged(name, covers, distance, is_true, tuple(_verdicts(runs, text)))


def _run(system: System, rng: np.random.Generator, seconds: float | None = None) -> Measures:
    return Remembered(Figures(system.run(rng, seconds), ()))


def _verdicts(runs: Sequence[Measures], text: str) -> Iterator[str]:
    criterion = criteria.parse(text)
    for look in range(1, len(runs) + 1):
        bench = Bench(Repeats(runs[:look]), None, "interval")
        yield bench.judge(criterion).verdict


def lines(systems: int, seed: int) -> Iterable[str]:
    """The table of scores."""
    found = [one for number in range(systems) for one in judged(number, seed)]
    yield "\nCriteria by interval, 3 % of noise between runs, %:\n"
    rows = [
        _row(name, distance, [o for o in found if o.name == name and o.distance == distance])
        for name in NAMES
        for distance in DISTANCES
    ]
    yield _shares.table(HEAD, rows)


HEAD: Final = (
    "figure", "limit off by", "covered", "wrong, one run", "open, one run", "wrong, repeats",
    "open, repeats", "runs taken",
)  # fmt: skip


def _row(name: str, distance: float, mine: Sequence[Judged]) -> list[str]:
    wrong = [
        ("fail" if one.is_true else "pass", one.verdicts[0], one.until_decided) for one in mine
    ]
    taken = [
        next((at for at, v in enumerate(one.verdicts, 1) if v != "inconclusive"), MOST_RUNS)
        for one in mine
    ]
    return [
        name,
        f"{100 * distance:.0f}",
        _shares.shown([one.covers for one in mine[::2]]),
        _shares.shown([first == bad for bad, first, _ in wrong]),
        _shares.shown([first == "inconclusive" for _, first, _ in wrong]),
        _shares.shown([last == bad for bad, _, last in wrong]),
        _shares.shown([last == "inconclusive" for _, _, last in wrong]),
        f"{sum(taken) / max(len(taken), 1):.1f}",
    ]


DESIGNS: Final = ("one run", "one run of four times its length", "four runs")


@dataclass(frozen=True)
class Spent:
    """A design on one system: how far the figure is off, half of its interval (both in the
    logarithm), and whether a criterion 10 % away was left open."""

    design: str
    name: str
    error: float
    half: float
    is_open: bool


def spent(number: int, seed: int) -> Iterator[Spent]:
    rng = np.random.default_rng([seed, number, 9])
    system = drawn_system(rng)
    truth = _run(system, rng, TRUE_FOR_S)
    factors = np.exp(BETWEEN_RUNS * rng.normal(size=MOST_RUNS)).tolist()
    short = [Scaled(_run(system, rng), factor) for factor in factors]
    long = Scaled(_run(system, rng, MOST_RUNS * system.seconds), factors[0])
    for design, runs in zip(DESIGNS, (short[:1], [long], short), strict=True):
        together = Repeats(runs)
        for name in ("p50", "p95", "p99"):
            true = truth.of_cell(STATISTICS[name], CELL).estimate.value or 1.0
            found = together.of_cell(STATISTICS[name], CELL).estimate
            if not (found.value and found.low and found.high):
                continue
            text = f"{name}({CELL}) < {true * 1.1:.9f}ms"
            verdict = Bench(together, None, "interval").judge(criteria.parse(text)).verdict
            half = math.log(found.high / found.low) / 2
            error = math.log(found.value / true)
            yield Spent(design, name, error, half, verdict == "inconclusive")


def lengthening(systems: int, seed: int) -> Iterable[str]:
    found = [one for number in range(systems) for one in spent(number, seed)]
    yield "\nThe same time in one run and in four, 3 % of noise between runs, %:\n"
    rows = []
    for name in ("p50", "p95", "p99"):
        for design in DESIGNS:
            mine = [one for one in found if (one.name, one.design) == (name, design)]
            rms = math.sqrt(sum(one.error**2 for one in mine) / len(mine))
            half = float(np.median([one.half for one in mine]))
            still_open = _shares.shown([one.is_open for one in mine])
            rows.append([name, design, f"{100 * rms:.1f}", f"{100 * half:.1f}", still_open])
    yield _shares.table(
        ("figure", "design", "root mean square error", "half-width (median)", "open at 10 %"), rows
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", type=int, default=300, help="default 300")
    parser.add_argument("--seed", type=int, default=1000, help="default 1000")
    given = parser.parse_args()
    for line in (*lines(given.systems, given.seed), *lengthening(given.systems, given.seed)):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
