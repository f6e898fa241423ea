"""How many humps a mixture of response times has, against mixtures that are known.

python benchmarks/modes.py [--systems 60] [--seed 1000]
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks import _shares
from benchmarks.simulators.system import Floats
from runs.analysis import distribution

Draw = Callable[[np.random.Generator, int], Floats]


def mixed(*parts: tuple[float, float], scatter: float = 0.3) -> Draw:
    """Lognormal humps: share and milliseconds of each."""

    def draw(rng: np.random.Generator, count: int) -> Floats:
        shares, places = zip(*parts, strict=True)
        middles = rng.choice(places, count, p=shares)
        return np.asarray(middles * np.exp(scatter * rng.normal(size=count)))

    return draw


# Name, humps, samples, and what draws them.
SHAPES: Final[Mapping[str, tuple[int, int, Draw]]] = {
    "lognormal, narrow": (1, 2000, mixed((1.0, 50.0))),
    "lognormal, wide": (1, 2000, mixed((1.0, 50.0), scatter=1.0)),
    "exponential": (1, 5000, lambda rng, count: rng.exponential(50, count)),
    "gamma": (1, 500, lambda rng, count: rng.gamma(2, 50, count)),
    "uniform": (1, 3000, lambda rng, count: rng.uniform(10, 90, count)),
    "Pareto": (1, 5000, lambda rng, count: 10 * (1 + rng.pareto(1.5, count))),
    "90 and 10 %, 20 times the time": (2, 2000, mixed((0.9, 2.0), (0.1, 40.0))),
    "50 and 50 %, 3 times": (2, 2000, mixed((0.5, 20.0), (0.5, 60.0))),
    "97 and 3 %, 100 times": (2, 2000, mixed((0.97, 2.0), (0.03, 200.0), scatter=0.05)),
    "three humps": (3, 3000, mixed((0.5, 2.0), (0.3, 20.0), (0.2, 200.0), scatter=0.2)),
}


def lines(systems: int, seed: int) -> Iterator[str]:
    """The table of scores."""
    rows = []
    for at, (name, (humps, count, draw)) in enumerate(SHAPES.items()):
        right = []
        for number in range(systems):
            times = draw(np.random.default_rng([seed, at, number]), count)
            found = distribution.modes(np.maximum((times * 1000).astype(np.int64), 1))
            right.append(len(found) == humps)
        rows.append([name, str(humps), f"{count:,}", _shares.shown(right)])
    yield "\nModes of mixtures, %:\n"
    yield _shares.table(("times", "humps", "samples", "found as many"), rows)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", type=int, default=60, help="of each shape, default 60")
    parser.add_argument("--seed", type=int, default=1000, help="default 1000")
    given = parser.parse_args()
    for line in lines(given.systems, given.seed):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
