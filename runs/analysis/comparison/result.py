"""What a comparison says, as the command, the API and the pages carry it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from runs.analysis.run_data import RunInfo

ChangeVerdict = Literal["better", "worse", "no_change", "inconclusive"]
Statistic = Literal[
    "p50",
    "p95",
    "p99",
    "all_mean",
    "all_p50",
    "all_p95",
    "all_p99",
    "throughput",
    "error_rate",
    "capacity",
]
NoiseSource = Literal["history", "given", "assumed"]
Bounds = tuple[float | None, float | None]

MOST_RUNS: Final = 6  # runs, or groups of repeats
MATERIAL: Final = 0.05  # smaller changes are not called better or worse
# Of whatever came back: what tools sum up that do not keep the times of failures apart.
OF_ALL: Final[tuple[Statistic, ...]] = ("all_mean", "all_p50", "all_p95", "all_p99")
LOWER_IS_BETTER: Final = ("p50", "p95", "p99", *OF_ALL, "error_rate")
# May not look changed where nothing has changed.
LEADING: Final = ("p50", "p95", "all_p50", "all_p95", "capacity")
UNITS: Final[Mapping[Statistic, str]] = {
    "p50": "ms",
    "p95": "ms",
    "p99": "ms",
    **dict.fromkeys(OF_ALL, "ms"),
    "throughput": "/s",
    "error_rate": "%",
    "capacity": "/s",
}


@dataclass(frozen=True)
class Change:
    """One run, or group of repeats, against the first. `ratio` is new over old with its 95 %
    interval, a bound null where there is none; `difference` is new less old in the row's unit."""

    ratio: float | None
    ci: Bounds | None
    difference: float | None
    verdict: ChangeVerdict
    reason: str


@dataclass(frozen=True)
class Row:
    """One figure on all sides, in the row's unit, null where unknown (of a group of repeats: the
    geometric mean); `changes` has one entry for each side but the first. `step` and `phase` are
    null for capacities."""

    scenario: str
    step: str | None
    phase: str | None
    statistic: Statistic
    unit: str
    better: Literal["lower", "higher"]
    values: tuple[float | None, ...]
    intervals: tuple[Bounds | None, ...]
    changes: tuple[Change | None, ...]


@dataclass(frozen=True)
class Mean:
    """The geometric mean of a statistic's ratios over all rows, for each side but the first."""

    statistic: Statistic
    ratios: tuple[float | None, ...]
    rows: int


@dataclass(frozen=True)
class NoiseUsed:
    """The standard deviation of ln(figure) between runs of one build that was reckoned with.

    `source` is `history` (repeats of the project), `given` (the repeats that are compared) or
    `assumed`; `degrees` is how much is known of it, in degrees of freedom.
    """

    statistic: Statistic
    sd: float
    degrees: float
    source: NoiseSource


@dataclass(frozen=True)
class Comparison:
    """Sides are called A, B, C in the texts, in the order given; rows come worst first.

    `runs` is the first run of each side, `groups` all of them. `verdicts` has one word for each
    side but the first: `worse` where any row is, else `better` where any is, else `no_change`
    where some are unchanged and no p50, p95 or capacity looks changed. `only_in` are rows that
    only some sides have.
    """

    runs: tuple[RunInfo, ...]
    verdicts: tuple[ChangeVerdict, ...]
    rows: tuple[Row, ...]
    means: tuple[Mean, ...]
    not_comparable: tuple[str, ...]
    groups: tuple[tuple[RunInfo, ...], ...] = ()
    noise: tuple[NoiseUsed, ...] = ()
    only_in: tuple[Row, ...] = ()
