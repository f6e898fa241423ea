"""How much runs of one build differ between themselves: learned from repeats.

No single run shows it. From groups of repeats it is the variance of ln(figure) about the mean of
its group, less what the uncertainty within each run explains (the method of moments; as in
DerSimonian and Laird, Controlled Clinical Trials 7, 1986, without their weights). The rows of one
run rise and fall together, so that a run counts once however many rows it has.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from runs.analysis import intervals
from runs.analysis.comparison.figure import Figure, of_capacity, of_series, together
from runs.analysis.comparison.result import UNITS, NoiseSource, Statistic
from runs.analysis.report import Report

MOST_DEGREES: Final = 12  # however long the history: machines change, and runs guess their own part
FEWEST_DEGREES: Final = 4  # of a history that is believed
LEAST: Final = 0.002**2  # no two runs are alike to a fifth of a per cent
ASSUMED_DEGREES: Final = 6


class Between(NamedTuple):
    """What runs of one build differ in ln(figure), squared, beyond what each says of itself (by
    chance below nothing), and the degrees of freedom behind it."""

    excess: float
    degrees: float

    @property
    def variance(self) -> float:
        return max(self.excess, LEAST)


@dataclass(frozen=True)
class Noise:
    """What a project's repeats have taught, by statistic; empty where there are none."""

    by_statistic: Mapping[Statistic, Between] = field(default_factory=dict)

    def get(self, statistic: Statistic) -> Between | None:
        return self.by_statistic.get(statistic)


@dataclass(frozen=True)
class Prior:
    """What is reckoned with before a row's own scatter is looked at; `joins` says whether that
    scatter is news, or has gone into it already. `excess` may be below nothing, see Between.
    Intervals of changes are `widened` so many times, for who looks more than once."""

    excess: float
    degrees: float
    source: NoiseSource
    joins: bool
    widened: float = 1.0

    @property
    def variance(self) -> float:
        return max(self.excess, LEAST)

    def degrees_with(self, within: float) -> float:
        """Of the variance of a run whose own part of it is `within` (Satterthwaite, Biometrics
        Bulletin 2, 1946): the part within is known better than the part between."""
        seen = max(self.excess + within, LEAST / 4)
        return min(
            self.degrees * ((self.variance + within) / seen) ** 2, max(MOST_DEGREES, self.degrees)
        )


def learn(groups: Iterable[Sequence[Report]]) -> Noise:
    """The noise between runs from groups of repeats: runs of one build of one campaign under the
    same load in the same environment. Runs that are not valid are left out, and so are groups of
    which less than two are left."""
    sums: dict[Statistic, list[tuple[float, int]]] = {}
    for group in groups:
        valid = [one for one in group if one.validity.verdict != "invalid"]
        if len(valid) > 1:
            for statistic, scatter, degrees in _scatters(valid):
                sums.setdefault(statistic, []).append((scatter, degrees))
    return Noise({statistic: _between(found) for statistic, found in sums.items()})


def _between(found: Sequence[tuple[float, int]]) -> Between:
    degrees = sum(one for _, one in found)
    variance = sum(scatter for scatter, _ in found) / degrees
    return Between(variance, min(degrees, MOST_DEGREES))


def _scatters(group: Sequence[Report]) -> Iterator[tuple[Statistic, float, int]]:
    """By statistic, the mean over the rows of the squares that the runs themselves leave
    unexplained, and the degrees of freedom of the group."""
    for statistic in UNITS:
        rows = [one for one in _rows(group, statistic) if one is not None and one.runs > 1]
        known = [one for one in rows if one.is_known and not one.is_all_offered]
        excess = [one.squares - (one.runs - 1) * _within(one) for one in known]
        if excess:
            yield statistic, sum(excess) / len(excess), max(one.runs for one in known) - 1


def _within(figure: Figure) -> float:
    """The variance within a run, by the side that is bounded."""
    return float(min(figure.down, figure.up) ** 2)


def _rows(group: Sequence[Report], statistic: Statistic) -> Iterator[Figure | None]:
    if statistic == "capacity":
        points = [{one.scenario: of_capacity(one) for one in report.saturation} for report in group]
        for scenario in points[0]:
            yield together([one.get(scenario) for one in points])
        return
    cells = [
        {
            (one.scenario, one.step, one.phase): of_series(one, statistic)
            for one in report.series
            if not one.pooled and one.count
        }
        for report in group
    ]
    for key in cells[0]:
        yield together([one.get(key) for one in cells])


def prior(statistic: Statistic, history: Noise, given: Noise) -> Prior:
    """What is known best: the project's repeats; else those that are compared, with a little of
    what is assumed where they are few; else what is assumed."""
    learned = history.get(statistic)
    if learned is not None and learned.degrees >= FEWEST_DEGREES:
        return Prior(learned.excess, learned.degrees, "history", joins=True)
    assumed = intervals.BETWEEN_RUNS**2
    seen = given.get(statistic)
    if seen is None:
        return Prior(assumed, ASSUMED_DEGREES, "assumed", joins=True)
    weight = max(FEWEST_DEGREES - seen.degrees, 0) / 2
    degrees = seen.degrees + weight
    excess = (seen.excess * seen.degrees + assumed * weight) / degrees
    return Prior(excess, degrees, "given", joins=False)
