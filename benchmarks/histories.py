"""The history of a figure against run histories whose steps are known.

    python benchmarks/histories.py [--systems 300] [--months 20] [--seed 1000]

Histories of 20 to 300 runs with 0 to 3 steps of 2.5 to 8 times the noise (1 to 5 % of the level),
in three of ten with the heavy tails of Student's t of 4 degrees, in a quarter with neighbouring
runs correlated by 0.3, and 1.5 % of outliers. A step is found where a confirmed change lies within
two runs of it. `months`: fifty series without a step are looked at each day for thirty days, after
8 to 90 runs; every confirmed change that is new is a false alarm.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks import _shares
from benchmarks.simulators.system import Floats
from runs.analysis import history

MARGIN: Final = 2
SERIES: Final = 50
DAYS: Final = 30


def noise(rng: np.random.Generator, runs: int) -> Floats:
    """In units of its own scatter."""
    has_tails = rng.uniform() < 0.3
    found = rng.standard_t(4, runs) / np.sqrt(2) if has_tails else rng.normal(size=runs)
    if rng.uniform() < 0.25:
        for at in range(1, runs):
            found[at] = 0.3 * found[at - 1] + np.sqrt(1 - 0.3**2) * found[at]
    outliers = rng.uniform(size=runs) < 0.015
    size = rng.choice([-1, 1], runs, p=[0.2, 0.8]) * rng.uniform(4, 10, runs)
    return np.asarray(found + outliers * size)


def stepped(rng: np.random.Generator) -> tuple[list[float], list[int]]:
    """A history, and where its levels begin: at least eight runs apart, five from either end."""
    runs = int(rng.integers(20, 301))
    steps = _places(rng, runs, min(int(rng.integers(0, 4)), runs // 15))
    level = np.zeros(runs)
    for at in steps:
        level[at:] += rng.choice([-1, 1]) * rng.uniform(2.5, 8)
    scatter = rng.uniform(0.01, 0.05)
    return list(100 * np.exp(scatter * (level + noise(rng, runs)))), steps


def _places(rng: np.random.Generator, runs: int, count: int) -> list[int]:
    while count:
        found = np.sort(rng.integers(5, runs - 4, count))
        if count == 1 or np.diff(found).min() >= 8:
            return [int(one) for one in found]
    return []


def hits(found: Sequence[int], true: Sequence[int]) -> int:
    """True steps that were found, each by a change of its own."""
    left, count = list(found), 0
    for step in true:
        near = [one for one in left if abs(one - step) <= MARGIN]
        if near:
            left.remove(min(near, key=lambda one: abs(one - step)))
            count += 1
    return count


def false_alarms(rng: np.random.Generator) -> tuple[int, int]:
    """New confirmed changes of a project in a month, and days on which a series is suspected."""
    confirmed = suspected = 0
    for _ in range(SERIES):
        before = int(rng.integers(8, 91))
        values = list(100 * np.exp(rng.uniform(0.01, 0.05) * noise(rng, before + DAYS)))
        known = [one.at for one in history.detect(values[:before]).confirmed]
        for day in range(1, DAYS + 1):
            found = history.detect(values[: before + day])
            suspected += bool(found.suspected)
            for one in found.confirmed:
                if all(abs(one.at - place) > MARGIN + 1 for place in known):
                    known.append(one.at)
                    confirmed += 1
    return confirmed, suspected


def outliers(systems: int, seed: int) -> tuple[list[bool], list[bool]]:
    """Of histories whose last run alone is off by 4 to 30 times the noise: suspected, confirmed."""
    told, confirmed = [], []
    for number in range(systems):
        rng = np.random.default_rng([seed, number, 2])
        scatter, runs = rng.uniform(0.01, 0.05), int(rng.integers(20, 120))
        values = list(100 * np.exp(scatter * rng.normal(size=runs)))
        values[-1] *= float(np.exp(rng.choice([-1, 1]) * rng.uniform(4, 30) * scatter))
        found = history.detect(values)
        told.append(any(one.at == runs - 1 for one in found.suspected))
        confirmed.append(any(one.at >= runs - 2 for one in found.confirmed))
    return told, confirmed


def lines(systems: int, months: int, seed: int) -> Iterator[str]:
    """The scores."""
    found = true = right = 0
    silent: list[bool] = []
    for number in range(systems):
        values, steps = stepped(np.random.default_rng([seed, number]))
        told = [one.at for one in history.detect(values).confirmed]
        found, true, right = found + len(told), true + len(steps), right + hits(told, steps)
        if not steps:
            silent.append(bool(told))
    precision, recall = right / max(found, 1), right / max(true, 1)
    low, high = _shares.wilson(right, (found + true) // 2)
    yield f"\nHistory: {true} steps in {systems} histories\n"
    yield f"precision {precision:.3f}, recall {recall:.3f}, F1 {2 * right / (found + true):.3f}" + (
        f" ({low:.3f}-{high:.3f})"
    )
    yield f"an alarm in histories without a step, %: {_shares.shown(silent)}"
    told_outliers, confirmed = outliers(systems, seed)
    yield (
        f"one outlier as the newest run: suspected, %: {_shares.shown(told_outliers)},"
        f" confirmed, %: {_shares.shown(confirmed)}"
    )
    counts = [false_alarms(np.random.default_rng([seed, month, 1])) for month in range(months)]
    per_month = [one for one, _ in counts]
    if months:
        mean = sum(per_month) / months
        spread = 1.96 * np.sqrt(max(sum(per_month), 1)) / months
        days = sum(days for _, days in counts) / (months * SERIES * DAYS)
        yield (
            f"false confirmed changes a month of {SERIES} series: {mean:.2f} (±{spread:.2f}),"
            f" at most {max(per_month)}; a series is suspected on {100 * days:.1f} % of the days"
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", type=int, default=300, help="histories, default 300")
    parser.add_argument("--months", type=int, default=20, help="default 20")
    parser.add_argument("--seed", type=int, default=1000, help="default 1000")
    given = parser.parse_args()
    for line in lines(given.systems, given.months, given.seed):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
