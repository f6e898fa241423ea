"""How often re-tests are wrong when nothing changes: 200 nights, many times over.

    python -m benchmarks.retest_sequences [--repetitions 2000] [--nights 200]

Each repetition is one action and its nights: every night a run measures the same true figure with
noise between runs, has a 95 % interval of about the right width (its own noise estimated with
error), and is held against the criterion by the rule of runs.analysis.sequential. No change is
ever made. Counted is how often the action is verified though it did nothing, or regressed though
it still holds. The promises: at most 2.5 % and 5 %. `at the limit` is the hardest case there is,
where the true figure is the limit itself; the plain rule, which believes every 95 % interval,
stands beside it.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runs.analysis import sequential
from runs.analysis.sequential import Look

Floats = NDArray[np.float64]
Z95: Final = 1.959964
BETWEEN_RUNS: Final = 0.03  # of the logarithm: what differs between two runs of one build
SEED: Final = 20241123
PROMISED: Final = {"verified": 0.025, "regressed": 0.05}


@dataclass(frozen=True)
class Case:
    """A criterion `figure <= limit`: how far the true figure lies from it, in standard errors
    (positive: it holds), and whether the limit comes from one baseline run as noisy as the rest."""

    name: str
    event: str
    distance: float
    has_baseline: bool


CASES: Final = (
    Case("does nothing, limit 10 % away", "verified", -3.3, False),
    Case("does nothing, 0.9 * baseline", "verified", -3.3, True),
    Case("does nothing, at the limit", "verified", 0.0, False),
    Case("does nothing, at 1.0 * baseline", "verified", 0.0, True),
    Case("holds with 10 % to spare", "regressed", 3.3, False),
    Case("holds, 10 % under 1.0 * baseline", "regressed", 3.3, True),
    Case("holds, at the limit", "regressed", 0.0, False),
    Case("holds, at 1.0 * baseline", "regressed", 0.0, True),
)


def main() -> int:
    options = _options()
    print(f"{options.repetitions} repetitions of {options.nights} nights without any change")
    print(f"{'case':34} {'event':10} {'promised':>9} {'the rule':>9} {'plain':>8}")
    is_kept = True
    for at, case in enumerate(CASES):
        ours, plain = shares(case, options.repetitions, options.nights, SEED + at)
        is_kept &= ours <= PROMISED[case.event]
        promised = PROMISED[case.event]
        print(f"{case.name:34} {case.event:10} {promised:9.1%} {ours:9.2%} {plain:8.1%}")
    print(_power(options.repetitions))
    return 0 if is_kept else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--nights", type=int, default=200)
    return parser.parse_args()


def shares(case: Case, repetitions: int, nights: int, seed: int) -> tuple[float, float]:
    """How often the event came, by the rule and by believing every interval."""
    rng = np.random.default_rng(seed)
    wanted = "pass" if case.event == "verified" else "fail"
    ours = plain = 0
    for _ in range(repetitions):
        margins, halves = _nights(case, nights, rng)
        # A failed action is off the trial; a verified one that passes again stays on it.
        ends_at = ("pass", "fail") if wanted == "pass" else ("fail",)
        ours += first_decision(margins, halves, ends_at) == wanted
        plain += bool(np.any(margins > halves if wanted == "pass" else margins < -halves))
    return ours / repetitions, plain / repetitions


def _nights(case: Case, nights: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """By how much each night keeps the limit, and the half-width of its interval (both as
    logarithms of the figure); a baseline's noise is the same every night."""
    figures = rng.normal(0.0, BETWEEN_RUNS, nights)
    limit = rng.normal(0.0, BETWEEN_RUNS) if case.has_baseline else 0.0
    limit += case.distance * BETWEEN_RUNS
    known = BETWEEN_RUNS * np.sqrt(rng.chisquare(60, nights) / 60)
    halves = Z95 * known * (math.sqrt(2) if case.has_baseline else 1.0)
    return limit - figures, halves


def first_decision(
    margins: Floats, halves: Floats, ends_at: Sequence[str] = ("pass", "fail")
) -> str | None:
    """What the rule comes to first, night after night; None where it never decides."""
    looks: list[Look] = []
    for margin, half in zip(margins, halves, strict=True):
        widened = half * sequential.widening(len(looks) + 1)
        outcome = "pass" if margin > half else "fail" if margin < -half else "inconclusive"
        looks.append(Look(outcome, bool(abs(margin) > widened)))  # type: ignore[arg-type]
        found = sequential.decision(looks)
        if found in ends_at:
            return found
    return None


def _power(repetitions: int) -> str:
    """What the caution costs: how long a real change goes unseen."""
    rng = np.random.default_rng(SEED)
    lines = ["", "nights until a real gain is verified (median, 95th percentile)"]
    for size in (0.05, 0.10, 0.20, 0.30):
        waits = []
        for _ in range(repetitions):
            case = Case("", "verified", size / BETWEEN_RUNS, False)
            waits.append(_wait(*_nights(case, 60, rng)))
        middle, late = np.percentile(waits, (50, 95))
        lines.append(f"  {size:4.0%} inside the limit: {middle:.0f}, {late:.0f}")
    return "\n".join(lines)


def _wait(margins: Floats, halves: Floats) -> int:
    for night in range(1, len(margins) + 1):
        if first_decision(margins[:night], halves[:night]) == "pass":
            return night
    return len(margins)


if __name__ == "__main__":
    sys.exit(main())
