"""The estimators against systems whose truth is known: how often right, and how far off.

    python benchmarks/estimators.py [--systems 100] [--seed 1000] [--jobs 1] [--kinds queue,cached]

A cell is a kind of system under a kind of profile. Each system is drawn from --seed and its
number alone, so that a cell can be made again; the constants of the estimator were set with
seeds 1, 31 and 32, so report other seeds. The kinds of simulators/unlike.py have profiles of their
own; two of them, `even` and `thrashing`, were looked at while the estimator was made, the others
are a hold-out. Those of simulators/afar.py were played once it was finished; later the rules for
nodes of unlike speed and for proxies were set with simulators/fronts.py. With those of
simulators/later.py nothing was ever set. `top` profiles go to 1.15 to 2.2 times the capacity, `low`
ones stay below .92 of it, where every 'reached' is a false claim. 'found' counts the runs whose top
load is 1.25 times the capacity or more. Shares come with
a Wilson interval, quantiles with a bootstrap one, 95 % both.

The other questions of the analysis have modules of their own, whose tables follow: comparing.py,
histories.py, modes.py, attribution.py and judging.py. --questions picks some.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks import attribution, comparing, histories, judging, modes
from benchmarks.simulators import afar, fronts, later, queues, tiers, unlike
from benchmarks.simulators.queues import Maker
from benchmarks.simulators.system import Floats, Simulated
from runs.analysis import saturation
from runs.analysis.saturation import Saturation

MAKERS: Final = {
    **queues.MAKERS,
    **tiers.MAKERS,
    **unlike.MAKERS,
    **afar.MAKERS,
    **fronts.MAKERS,
    **later.MAKERS,
}
PROFILES: Final = ("stairs", "spike", "short")
OWN_PROFILES: Final[tuple[tuple[Mapping[str, Maker], Sequence[str]], ...]] = tuple(
    (one.MAKERS, one.PROFILES) for one in (unlike, afar, fronts, later)
)
QUESTIONS: Final = ("saturation", "comparison", "history", "modes", "bottlenecks", "criteria")
TELLING: Final = 1.25


@dataclass(frozen=True)
class Outcome:
    """One system: the load's top and the answer, as ratios to the truth."""

    top: float
    verdict: str
    bound: str
    error: float | None
    covers: bool
    half_width: float
    scope_is_right: bool | None
    quota_is_right: bool | None
    took_s: float


@dataclass(frozen=True)
class Cell:
    kind: str
    profile: str
    top: Sequence[Outcome]
    low: Sequence[Outcome]


def outcome(kind: str, profile: str, reached: bool, seed: int, number: int) -> Outcome:
    """Draw system `number`, play it, and hold the answer against the truth."""
    rng = np.random.default_rng([seed, number, sum(map(ord, kind)), len(profile), reached])
    made = MAKERS[kind](rng, profile, reached)
    began = time.perf_counter()
    found = saturation.find(made.data)[0]
    return _held(made, found, time.perf_counter() - began)


def _held(made: Simulated, found: Saturation, took_s: float) -> Outcome:
    error, covers, half = None, False, 0.0
    if found.verdict == "reached" and found.capacity_jps is not None and found.ci_jps is not None:
        low, high = found.ci_jps
        error = found.capacity_jps / made.truth - 1
        covers = low <= made.truth <= high
        half = (high - low) / 2 / found.capacity_jps
    scope = quota = None
    if found.verdict == "reached" and made.scope is not None:
        scope = found.scope == made.scope
    if found.quota is not None and found.quota.requests is not None:
        quota = made.quota == (found.quota.requests, found.quota.window_s)
    return Outcome(made.top, found.verdict, found.bound, error, covers, half, scope, quota, took_s)


def _job(task: tuple[str, str, bool, int, int]) -> Outcome:
    return outcome(*task)


def cells(
    kinds: Iterable[str], profiles: Sequence[str], systems: int, seed: int, jobs: int
) -> Iterator[Cell]:
    with multiprocessing.Pool(jobs) as pool:
        for kind in kinds:
            for profile in _profiles(kind, profiles):
                both = []
                for reached in (True, False):
                    tasks = [(kind, profile, reached, seed, i) for i in range(systems)]
                    both.append(pool.map(_job, tasks, chunksize=4))
                yield Cell(kind, profile, both[0], both[1])


def _profiles(kind: str, wanted: Sequence[str]) -> Sequence[str]:
    """Users who wait know stairs only; unlike systems have profiles of their own."""
    for makers, own in OWN_PROFILES:
        if kind in makers:
            return own
    return ("stairs",) if kind == "closed" else wanted


def wilson(hits: int, count: int) -> tuple[float, float]:
    if not count:
        return 0.0, 1.0
    z, share = 1.96, hits / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)


def bootstrap(values: Floats, statistic: Callable[[Floats], float]) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    drawn = [statistic(rng.choice(values, len(values))) for _ in range(500)]
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def _share(flags: Sequence[bool]) -> str:
    if not flags:
        return "-"
    low, high = wilson(sum(flags), len(flags))
    return f"{100 * sum(flags) / len(flags):.1f} ({100 * low:.0f}-{100 * high:.0f})"


def _quantile(values: Floats, q: float) -> str:
    if len(values) < 5:
        return "-"
    low, high = bootstrap(values, lambda drawn: float(np.quantile(drawn, q)))
    return f"{100 * np.quantile(values, q):.2f} ({100 * low:.2f}-{100 * high:.2f})"


HEAD: Final = (
    "kind", "profile", "systems", "found %", "median error %", "95 % error %", "covered %",
    "half-width %", "lower bound %", "false claims %",
)  # fmt: skip


def row(name: str, profile: str, top: Sequence[Outcome], low: Sequence[Outcome]) -> tuple[str, ...]:
    found = [one for one in top if one.error is not None]
    errors = np.array([abs(one.error) for one in found if one.error is not None])
    halves = np.array([one.half_width for one in found])
    telling = [one.verdict == "reached" for one in top if one.top >= TELLING]
    return (
        name, profile, str(len(top)), _share(telling), _quantile(errors, 0.5),
        _quantile(errors, 0.95), _share([one.covers for one in found]), _quantile(halves, 0.5),
        _share([one.bound == "lower" for one in found]),
        _share([one.verdict == "reached" for one in low]),
    )  # fmt: skip


def _told(title: str, flags: Sequence[bool | None]) -> str:
    known = [flag for flag in flags if flag is not None]
    return f"{title}: {_share(known)} of {len(known)}"


def others(questions: Sequence[str], systems: int, seed: int, jobs: int) -> Iterator[str]:
    """The tables of the other questions that are asked."""
    asked: dict[str, Callable[[], Iterable[str]]] = {
        "comparison": lambda: comparing.lines(systems, seed),
        "history": lambda: histories.lines(systems, max(systems // 10, 1), seed),
        "modes": lambda: modes.lines(systems, seed),
        "bottlenecks": lambda: attribution.lines(systems, seed, jobs),
        "criteria": lambda: (*judging.lines(systems, seed), *judging.lengthening(systems, seed)),
    }
    for question in questions:
        if question in asked:
            yield from asked[question]()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", type=int, default=100, help="in a cell, default 100")
    parser.add_argument("--seed", type=int, default=1000, help="default 1000")
    parser.add_argument("--jobs", type=int, default=1, help="processes, default 1")
    parser.add_argument("--kinds", default=",".join(MAKERS), help="default all")
    parser.add_argument("--profiles", default=",".join(PROFILES), help="default all")
    parser.add_argument("--questions", default=",".join(QUESTIONS), help="default all")
    given = parser.parse_args()
    questions = given.questions.split(",")
    if "saturation" in questions:
        _print_saturation(given)
    for line in others(questions, given.systems, given.seed, given.jobs):
        print(line, flush=True)
    return 0


def _print_saturation(given: argparse.Namespace) -> None:
    print("| " + " | ".join(HEAD) + " |")
    print("|" + " --- |" * len(HEAD))
    made: list[Cell] = []
    kinds, profiles = given.kinds.split(","), given.profiles.split(",")
    for cell in cells(kinds, profiles, given.systems, given.seed, given.jobs):
        made.append(cell)
        print(
            "| " + " | ".join(row(cell.kind, cell.profile, cell.top, cell.low)) + " |", flush=True
        )
    top = [one for cell in made for one in cell.top]
    low = [one for cell in made for one in cell.low]
    print("| " + " | ".join(row("all", "all", top, low)) + " |")
    print()
    print(_told("scope of a limit right, %", [one.scope_is_right for one in top]))
    print(_told("size and length of a quota right, %", [one.quota_is_right for one in top]))
    took = sorted(one.took_s for one in top)
    print(f"a run takes {1000 * took[len(took) // 2]:.0f} ms (median)")


if __name__ == "__main__":
    raise SystemExit(main())
