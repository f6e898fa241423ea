"""The whole comparison: every figure of two to six runs, or groups of repeats, the worst first.

Figures are compared as ratios, in the logarithm. The run is the unit: within a run its report's
own interval gives the uncertainty, between runs the noise that repeats have shown (`noise`), and
Student's t has as many degrees of freedom as are known of it (STATISTICS §3). Over all rows at
most one in twenty of the changes called real is chance (Benjamini and Hochberg, 1995). Runs whose
load differed are not compared there.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from runs.analysis.comparison import change, noise
from runs.analysis.comparison.change import Test
from runs.analysis.comparison.figure import Figure, is_blind, of_capacity, of_series, together
from runs.analysis.comparison.noise import Noise, Prior
from runs.analysis.comparison.obstacles import Obstacles, judged
from runs.analysis.comparison.result import (
    LEADING,
    LOWER_IS_BETTER,
    MATERIAL,
    MOST_RUNS,
    OF_ALL,
    UNITS,
    Bounds,
    Change,
    ChangeVerdict,
    Comparison,
    Mean,
    NoiseUsed,
    Row,
    Statistic,
)
from runs.analysis.report import Report
from runs.analysis.series import Series

FALSE_DISCOVERIES: Final = 0.05
_OF_ANSWERED: Final[tuple[Statistic, ...]] = ("p50", "p95", "p99")
_OF_FLOW: Final[tuple[Statistic, ...]] = ("throughput", "error_rate")
_NOTHING_KNOWN: Final = Noise()
_ORDER: Final[tuple[ChangeVerdict, ...]] = ("worse", "better", "inconclusive", "no_change")
_Key = tuple[str, str | None, str | None]
_Cells = dict[_Key, list[Series]]


@dataclass(frozen=True)
class _Draft:
    row: Row
    tests: tuple[Test | None, ...]


def compare(reports: Sequence[Report], history: Noise = _NOTHING_KNOWN) -> Comparison:
    """Hold runs against the first of them. ValueError unless there are two to six."""
    return compare_groups([[report] for report in reports], history)


def compare_groups(
    groups: Sequence[Sequence[Report]], history: Noise = _NOTHING_KNOWN, widened: float = 1.0
) -> Comparison:
    """Hold groups of repeats against the first of them; a group may be a single run.

    `history` is the noise between runs that the project's repeats have taught; without it the
    groups themselves teach it. Of repeats those that are not valid are left out. Intervals of
    changes are `widened` so many times, for who looks more than once. ValueError unless there are
    two to six groups with a run each.
    """
    if not 2 <= len(groups) <= MOST_RUNS:
        raise ValueError(f"two to {MOST_RUNS} runs can be compared, not {len(groups)}")
    if not all(groups):
        raise ValueError("a group to compare has no run")
    return _Table(groups, history, widened).comparison()


_BLIND: Final = (
    "A source does not keep the times of what failed apart: there the times of whatever came back"
    " are compared."
)


def _has_blind_rows(report: Report) -> bool:
    return any(is_blind(one) for one in judged(report))


def _letter(at: int) -> str:
    return "ABCDEF"[at]


class _Table:
    def __init__(self, groups: Sequence[Sequence[Report]], history: Noise, widened: float) -> None:
        self.groups = groups
        self.sides = [_alike(_valid(group)) for group in groups]
        first = [side[0] for side in self.sides]
        self.obstacles = [
            Obstacles(first[0], one, _letter(at)) for at, one in enumerate(first) if at
        ]
        given = noise.learn(self.sides)
        self.priors = {
            one: replace(noise.prior(one, history, given), widened=widened) for one in UNITS
        }

    def comparison(self) -> Comparison:
        drafts = [*self._series_drafts(), *self._capacity_drafts()]
        compared = [draft for draft in drafts if any(draft.tests)]
        rows = sorted(_decided(compared), key=_worst_first)
        return Comparison(
            runs=tuple(side[0].run for side in self.sides),
            verdicts=tuple(_verdict(rows, at) for at in range(len(self.groups) - 1)),
            rows=tuple(rows),
            means=tuple(_means(rows, len(self.groups) - 1)),
            not_comparable=tuple(dict.fromkeys(self._sentences())),
            groups=tuple(tuple(one.run for one in group) for group in self.groups),
            noise=tuple(self._noise(rows)),
            only_in=tuple(draft.row for draft in drafts if not any(draft.tests)),
        )

    def _sentences(self) -> Iterator[str]:
        for at, group in enumerate(self.groups):
            yield from _validity_of(group, _letter(at))
            yield from _others_of(group, self.sides[at], _letter(at))
            if at:
                yield from self.obstacles[at - 1]
        if any(_has_blind_rows(report) for side in self.sides for report in side):
            yield _BLIND

    def _noise(self, rows: Sequence[Row]) -> Iterator[NoiseUsed]:
        """Of the statistics that there are rows of."""
        for statistic in dict.fromkeys(row.statistic for row in rows):
            prior = self.priors[statistic]
            yield NoiseUsed(statistic, math.sqrt(prior.variance), prior.degrees, prior.source)

    def _series_drafts(self) -> Iterator[_Draft]:
        """Of every series that any side has; where the load differs, of none."""
        cells = [_cells(side) for side in self.sides]
        for key in dict.fromkeys(key for one in cells for key in one):
            allowed = [True, *(one.allows(str(key[0]), key[2]) for one in self.obstacles)]
            mine = [
                one.get(key, ()) if is_allowed or not cells[0].get(key) else ()
                for one, is_allowed in zip(cells, allowed, strict=True)
            ]
            is_elsewhere = any(one.get(key) for one in cells[1:])
            if any(mine[1:]) or not is_elsewhere:
                yield from self._rows_of(key, mine)

    def _rows_of(self, key: _Key, mine: Sequence[Sequence[Series]]) -> Iterator[_Draft]:
        of_all = any(is_blind(one) for cell in mine for one in cell)
        for statistic in (*(OF_ALL if of_all else _OF_ANSWERED), *_OF_FLOW):
            figures = [together([of_series(one, statistic) for one in cell]) for cell in mine]
            if any(figures):
                yield self._draft(key, statistic, figures)

    def _capacity_drafts(self) -> Iterator[_Draft]:
        points = [
            [{one.scenario: one for one in report.saturation} for report in side]
            for side in self.sides
        ]
        scenarios = dict.fromkeys(name for side in points for one in side for name in one)
        for scenario in scenarios:
            found = [[one[scenario] for one in side if scenario in one] for side in points]
            is_reached = any(one.verdict == "reached" for side in found for one in side)
            if scenario is None or not is_reached:
                continue
            figures = [together([of_capacity(one) for one in side]) for side in found]
            if any(figures):
                yield self._draft((scenario, None, None), "capacity", figures)

    def _draft(self, key: _Key, statistic: Statistic, figures: Sequence[Figure | None]) -> _Draft:
        prior = self.priors[statistic]
        tests = tuple(
            _kept(change.test(statistic, figures[0], figure, prior), obstacle, key)
            for figure, obstacle in zip(figures[1:], self.obstacles, strict=True)
        )
        scenario, step, phase = key
        row = Row(
            scenario=scenario,
            step=step,
            phase=phase,
            statistic=statistic,
            unit=UNITS[statistic],
            better="lower" if statistic in LOWER_IS_BETTER else "higher",
            values=tuple(_shown(figure, statistic) for figure in figures),
            intervals=tuple(_interval(figure, statistic, prior) for figure in figures),
            changes=(None,) * len(tests),
        )
        return _Draft(row, tests)


def _valid(group: Sequence[Report]) -> Sequence[Report]:
    """The runs of a group that count; all of them where none does, to show what they measured."""
    return [one for one in group if one.validity.verdict != "invalid"] or list(group)


def _alike(side: Sequence[Report]) -> Sequence[Report]:
    """The runs of a side that are repeats of its first."""
    first, *others = side
    return [first, *(one for one in others if Obstacles(first, one, "").is_repeat)]


def _others_of(group: Sequence[Report], side: Sequence[Report], letter: str) -> Iterator[str]:
    others = len(_valid(group)) - len(side)
    if others:
        yield (
            f"{others} of the {len(group)} runs {letter} had other scenarios or another load than"
            " the first: they are left out."
        )


def _validity_of(group: Sequence[Report], letter: str) -> Iterator[str]:
    invalid = sum(one.validity.verdict == "invalid" for one in group)
    if invalid and len(group) == 1:
        yield f"Run {letter} is not valid: nothing can be concluded from it."
    elif invalid == len(group):
        yield f"None of the runs {letter} is valid: nothing can be concluded from them."
    elif invalid:
        yield f"{invalid} of the {len(group)} runs {letter} are not valid: they are left out."


def _cells(side: Sequence[Report]) -> _Cells:
    found: _Cells = {}
    for report in side:
        for one in judged(report):
            if one.scenario is not None and one.count:
                found.setdefault((one.scenario, one.step, one.phase), []).append(one)
    return found


def _kept(test: Test | None, obstacle: Obstacles, key: _Key) -> Test | None:
    """What may not be compared is not; of what is not valid nothing is concluded."""
    if test is None or not obstacle.allows(key[0], key[2]):
        return None
    if not obstacle.is_invalid:
        return test
    reason = "One of the two runs is not valid."
    return Test(replace(test.change, verdict="inconclusive", reason=reason))


def _scale(statistic: Statistic) -> float:
    return 100.0 if statistic == "error_rate" else 1.0


def _shown(figure: Figure | None, statistic: Statistic) -> float | None:
    return figure.value * _scale(statistic) if figure is not None and figure.is_known else None


def _interval(figure: Figure | None, statistic: Statistic, prior: Prior) -> Bounds | None:
    found = change.interval(figure, prior) if figure is not None else None
    if found is None:
        return None
    low, high = (None if one is None else one * _scale(statistic) for one in found)
    return low, high


def _decided(drafts: Sequence[_Draft]) -> Iterator[Row]:
    """Rows whose changes hold even though so many were looked at."""
    tests = [test for draft in drafts for test in draft.tests if test is not None]
    limit = discovery_limit([test.chance for test in tests])
    for draft in drafts:
        changes = tuple(_held(test, limit, len(tests)) for test in draft.tests)
        yield replace(draft.row, changes=changes)


def discovery_limit(chances: Sequence[float]) -> float:
    """The largest chance that still counts as a discovery (Benjamini and Hochberg, 1995)."""
    ordered = sorted(chances)
    passing = [
        chance
        for rank, chance in enumerate(ordered, start=1)
        if chance <= FALSE_DISCOVERIES * rank / len(ordered)
    ]
    return max(passing, default=0.0)


def _held(test: Test | None, limit: float, number: int) -> Change | None:
    if test is None:
        return None
    if test.change.verdict in ("better", "worse") and test.chance > limit:
        reason = f"So great a change is to be expected by chance among {number} figures."
        return replace(test.change, verdict="inconclusive", reason=reason)
    return test.change


def _verdict(rows: Sequence[Row], at: int) -> ChangeVerdict:
    """That something cannot be told is no sign that nothing changed: where a figure that leads
    looks changed and may be, neither is said."""
    told = [(row.statistic, change) for row in rows if (change := row.changes[at])]
    every = {change.verdict for _, change in told}
    for verdict in ("worse", "better"):
        if verdict in every:
            return verdict
    looks_changed = any(
        change.verdict == "inconclusive" and _size(change) > math.log(1 + MATERIAL)
        for statistic, change in told
        if statistic in LEADING
    )
    return "no_change" if "no_change" in every and not looks_changed else "inconclusive"


def _worst_first(row: Row) -> tuple[int, float]:
    changes = [change for change in row.changes if change is not None]
    worst = min(_ORDER.index(change.verdict) for change in changes)
    return worst, -max(_size(change) for change in changes)


def _size(change: Change) -> float:
    if change.ratio is None or change.ratio <= 0:
        return math.inf if change.verdict in ("better", "worse") else 0.0
    return abs(math.log(change.ratio))


def _means(rows: Sequence[Row], others: int) -> Iterator[Mean]:
    for statistic in UNITS:
        mine = [row for row in rows if row.statistic == statistic]
        if mine:
            ratios = tuple(_geometric_mean(mine, at) for at in range(others))
            yield Mean(statistic, ratios, len(mine))


def _geometric_mean(rows: Sequence[Row], at: int) -> float | None:
    logs = [
        math.log(change.ratio)
        for row in rows
        if (change := row.changes[at]) is not None and change.ratio
    ]
    return math.exp(sum(logs) / len(logs)) if logs else None
