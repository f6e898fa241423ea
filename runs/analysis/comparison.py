"""Is a run better or worse than another, and by how much: from their reports alone.

Figures are compared as ratios. Each report's own interval gives the uncertainty of its figure; the
noise between runs of one build, which no single run shows, is in the intervals of percentiles
already and joins for the rest (STATISTICS §3, one run against one, 6 degrees of freedom). Over all
rows of a comparison at most one in twenty of the changes called real is chance (Benjamini and
Hochberg). Runs whose load differed are not compared there.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from runs.analysis import intervals, student_t, wording
from runs.analysis.outcomes import FAILED
from runs.analysis.report import Report
from runs.analysis.run_data import RunInfo
from runs.analysis.saturation.result import Saturation
from runs.analysis.series import Series

ChangeVerdict = Literal["better", "worse", "no_change", "inconclusive"]
Statistic = Literal["p50", "p95", "p99", "throughput", "error_rate", "capacity"]
Bounds = tuple[float | None, float | None]

MOST_RUNS: Final = 6
MATERIAL: Final = 0.05  # smaller changes are not called better or worse
MATERIAL_SHARE: Final = 0.001  # of error rates: a tenth of a per cent of the requests
SAME_LOAD: Final = 0.03
ALL_OFFERED: Final = 0.97
DEGREES: Final = 6
FALSE_DISCOVERIES: Final = 0.05
BURSTS: Final = 4.0  # failures come in bursts: so many count as one independent failure
_LOWER_IS_BETTER: Final = ("p50", "p95", "p99", "error_rate")
_UNITS: Final[Mapping[Statistic, str]] = {
    "p50": "ms",
    "p95": "ms",
    "p99": "ms",
    "throughput": "/s",
    "error_rate": "%",
    "capacity": "/s",
}
_ORDER: Final[tuple[ChangeVerdict, ...]] = ("worse", "better", "inconclusive", "no_change")


@dataclass(frozen=True)
class Change:
    """One run against the first. `ratio` is new over old with its 95 % interval, a bound null
    where there is none; `difference` is new less old in the row's unit."""

    ratio: float | None
    ci: Bounds | None
    difference: float | None
    verdict: ChangeVerdict
    reason: str


@dataclass(frozen=True)
class Row:
    """One figure in all runs, in the row's unit, null where unknown; `changes` has one entry for
    each run but the first. `step` and `phase` are null for capacities."""

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
    """The geometric mean of a statistic's ratios over all rows, for each run but the first."""

    statistic: Statistic
    ratios: tuple[float | None, ...]
    rows: int


@dataclass(frozen=True)
class Comparison:
    """Runs are called A, B, C in the texts, in the order given; rows come worst first.

    `verdicts` has one word for each run but the first: `worse` where any row is, else `better`
    where any is, else `no_change` where every row that can be told says so.
    """

    runs: tuple[RunInfo, ...]
    verdicts: tuple[ChangeVerdict, ...]
    rows: tuple[Row, ...]
    means: tuple[Mean, ...]
    not_comparable: tuple[str, ...]


@dataclass(frozen=True)
class _Figure:
    """A figure of one run: `down` and `up` are the half-widths of its 95 % interval in the
    logarithm; infinite where there is no bound on that side.

    `value` is inf for a percentile among unanswered requests; `floor` is what it surely exceeds.
    `ceiling` bounds a share of nothing.
    """

    value: float
    down: float
    up: float
    note: str = ""
    floor: float = 0.0
    ceiling: float = 0.0

    @property
    def low(self) -> float:
        return self.floor if math.isinf(self.value) else self.value * math.exp(-self.down)

    @property
    def high(self) -> float:
        return self.value * math.exp(self.up) if self.up < 500 else math.inf


@dataclass(frozen=True)
class _Test:
    """A change before the others are known: how likely it is by chance alone."""

    change: Change
    chance: float = 1.0


@dataclass(frozen=True)
class _Draft:
    row: Row
    tests: tuple[_Test | None, ...]


def compare(reports: Sequence[Report]) -> Comparison:
    """Hold runs against the first of them. ValueError unless there are two to six."""
    if not 2 <= len(reports) <= MOST_RUNS:
        raise ValueError(f"two to {MOST_RUNS} runs can be compared, not {len(reports)}")
    obstacles = [_Obstacles(reports[0], one, _letter(at)) for at, one in enumerate(reports) if at]
    drafts = [*_series_drafts(reports, obstacles), *_capacity_drafts(reports, obstacles)]
    rows = sorted(_decided(drafts), key=_worst_first)
    return Comparison(
        runs=tuple(report.run for report in reports),
        verdicts=tuple(_verdict(rows, at) for at in range(len(reports) - 1)),
        rows=tuple(rows),
        means=tuple(_means(rows, len(reports) - 1)),
        not_comparable=tuple(dict.fromkeys(_sentences(reports[0], obstacles))),
    )


def _sentences(base: Report, obstacles: "Sequence[_Obstacles]") -> Iterator[str]:
    yield from _validity_of(base, "A")
    for obstacle in obstacles:
        yield from obstacle


def _letter(at: int) -> str:
    return "ABCDEF"[at]


def _validity_of(report: Report, letter: str) -> Iterator[str]:
    if report.validity.verdict == "invalid":
        yield f"Run {letter} is not valid: nothing can be concluded from it."


class _Obstacles:
    """What keeps one run from being compared with the first, as sentences, and where."""

    def __init__(self, base: Report, other: Report, letter: str) -> None:
        self._base, self._other, self._letter = base, other, letter
        self.is_invalid = "invalid" in (base.validity.verdict, other.validity.verdict)
        self.models = _models(base), _models(other)
        self.phases = _loads(base), _loads(other)

    def __iter__(self) -> Iterator[str]:
        yield from _validity_of(self._other, self._letter)
        if self._base.run.campaign != self._other.run.campaign:
            yield (
                f"Run {self._letter} is of the campaign {self._other.run.campaign}, run A of"
                f" {self._base.run.campaign}: only what has the same name and load is compared."
            )
        yield from self._environment()
        scenarios = dict.fromkeys((*self.models[0], *self.models[1]))
        for scenario in scenarios:
            yield from self._of_scenario(scenario)

    def _environment(self) -> Iterator[str]:
        here, there = (one.run.labels.get("env") for one in (self._base, self._other))
        if here and there and here != there:
            yield (
                f"Run A ran in the environment {here}, run {self._letter} in {there}: a change may"
                " be the environment's."
            )

    def _of_scenario(self, scenario: str) -> Iterator[str]:
        if not all(scenario in models for models in self.models):
            letter = "A" if scenario in self.models[0] else self._letter
            yield f"{scenario} is in run {letter} only."
        elif self.differs_in_model(scenario):
            words = [
                f"{model} in run {letter}"
                for model, letter in zip(
                    (models[scenario] for models in self.models), ("A", self._letter), strict=True
                )
            ]
            yield f"The load of {scenario} is {' and '.join(words)}: they are never compared."
        else:
            yield from self._phases_of(scenario)

    def _phases_of(self, scenario: str) -> Iterator[str]:
        base, other = (
            {key[1]: load for key, load in loads.items() if key[0] == scenario}
            for loads in self.phases
        )
        for letter, mine, theirs in (("A", base, other), (self._letter, other, base)):
            alone = [phase for phase in mine if phase not in theirs]
            if alone:
                yield f"{scenario} has {_listed(alone)} in run {letter} only."
        for phase in base:
            if phase in other and not self.has_same_load(scenario, phase):
                yield (
                    f"{scenario} was offered {wording.per_second(base[phase][0])} in {phase} of"
                    f" run A and {wording.per_second(other[phase][0])} in run {self._letter}: only"
                    " its capacity can be compared."
                )

    def differs_in_model(self, scenario: str) -> bool:
        here, there = (models.get(scenario) for models in self.models)
        return here is not None and there is not None and here != there

    def has_same_load(self, scenario: str, phase: str) -> bool:
        here, there = (loads.get((scenario, phase)) for loads in self.phases)
        if here is None or there is None:
            return False
        count = max(here[1], there[1])
        return abs(here[0] - there[0]) <= (SAME_LOAD + 2 / max(count, 1)) * max(here[0], there[0])

    def allows(self, scenario: str, phase: str | None) -> bool:
        if self.differs_in_model(scenario):
            return False
        return phase is None or self.has_same_load(scenario, phase)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _judged(report: Report) -> Iterator[Series]:
    return (one for one in report.series if not one.pooled)


def _models(report: Report) -> dict[str, str]:
    """The model of each scenario: what the plan called for has a dispatch delay, what a user does
    after the answer before has none. Empty of scenarios without samples."""
    found: dict[str, str] = {}
    for one in _judged(report):
        if one.scenario is not None and one.count:
            is_open = one.dispatch_delay_ms.max is not None
            known = "open" if is_open else found.get(one.scenario, "closed")
            found[one.scenario] = known
    return found


def _loads(report: Report) -> dict[tuple[str, str], tuple[float, int]]:
    """The offered load of each scenario and phase, by its busiest step, with its requests."""
    found: dict[tuple[str, str], tuple[float, int]] = {}
    for one in _judged(report):
        if one.scenario is None or one.phase is None or not one.count:
            continue
        key, load = (one.scenario, one.phase), (one.offered_rps or 0.0, one.count)
        found[key] = max(found.get(key, load), load)
    return found


def _series_drafts(reports: Sequence[Report], obstacles: Sequence[_Obstacles]) -> Iterator[_Draft]:
    cells = [{(one.scenario, one.step, one.phase): one for one in _judged(r)} for r in reports]
    for key, base in cells[0].items():
        scenario, step, phase = key
        if scenario is None or not base.count:
            continue
        others = [
            cell.get(key) if obstacle.allows(scenario, phase) else None
            for cell, obstacle in zip(cells[1:], obstacles, strict=True)
        ]
        if any(others):
            yield from _rows_of_cell(scenario, step, phase, [base, *others], obstacles)


def _rows_of_cell(
    scenario: str,
    step: str | None,
    phase: str | None,
    cells: Sequence[Series | None],
    obstacles: Sequence[_Obstacles],
) -> Iterator[_Draft]:
    statistics: tuple[Statistic, ...] = ("p50", "p95", "p99", "throughput", "error_rate")
    for statistic in statistics:
        figures = [_of_series(cell, statistic) if cell else None for cell in cells]
        tests = [
            _of_cells(statistic, cells[0], cell, figures[0], figure)
            for cell, figure in zip(cells[1:], figures[1:], strict=True)
        ]
        if any(figures):
            yield _draft((scenario, step, phase), statistic, figures, tests, obstacles)


def _capacity_drafts(
    reports: Sequence[Report], obstacles: Sequence[_Obstacles]
) -> Iterator[_Draft]:
    points = [{one.scenario: one for one in report.saturation} for report in reports]
    for scenario in points[0]:
        if scenario is None:
            continue
        mine = [one.get(scenario) for one in points]
        if all(point is None or point.verdict != "reached" for point in mine):
            continue
        figures = [_of_capacity(point) if point else None for point in mine]
        tests = [
            _test("capacity", figures[0], figure) if obstacle.allows(scenario, None) else None
            for figure, obstacle in zip(figures[1:], obstacles, strict=True)
        ]
        yield _draft((scenario, None, None), "capacity", figures, tests, obstacles)


def _draft(
    key: tuple[str, str | None, str | None],
    statistic: Statistic,
    figures: Sequence[_Figure | None],
    tests: Sequence[_Test | None],
    obstacles: Sequence[_Obstacles],
) -> _Draft:
    kept = tuple(
        _unjudged(test) if test and obstacle.is_invalid else test
        for test, obstacle in zip(tests, obstacles, strict=True)
    )
    row = Row(
        *key,
        statistic=statistic,
        unit=_UNITS[statistic],
        better="lower" if statistic in _LOWER_IS_BETTER else "higher",
        values=tuple(_shown(figure, statistic) for figure in figures),
        intervals=tuple(_interval(figure, statistic) for figure in figures),
        changes=(),
    )
    return _Draft(row, kept)


def _unjudged(test: _Test) -> _Test:
    reason = "One of the two runs is not valid."
    return _Test(replace(test.change, verdict="inconclusive", reason=reason))


def _scale(statistic: Statistic) -> float:
    return 100.0 if statistic == "error_rate" else 1.0


def _shown(figure: _Figure | None, statistic: Statistic) -> float | None:
    if figure is None or not math.isfinite(figure.value) or figure.note:
        return None
    return figure.value * _scale(statistic)


def _interval(figure: _Figure | None, statistic: Statistic) -> Bounds | None:
    if figure is None:
        return None
    if figure.value == 0:
        return 0.0, figure.ceiling * _scale(statistic)
    return _bounds(figure.low * _scale(statistic), figure.high * _scale(statistic))


def _bounds(low: float, high: float) -> Bounds | None:
    """An interval whose ends are null where nothing bounds the figure there."""
    found = tuple(end if math.isfinite(end) and end > 0 else None for end in (low, high))
    return None if found == (None, None) else (found[0], found[1])


def _of_series(cell: Series, statistic: Statistic) -> _Figure | None:
    """A percentile that falls among unanswered requests is infinite."""
    if statistic == "throughput":
        return _of_flow(cell)
    if statistic == "error_rate":
        return _of_failures(cell)
    value = getattr(cell.response_ms, statistic)
    ci = cell.response_ms.ci.get(statistic)
    if value is None:
        return _unanswered(ci) if cell.response_ms.unanswered else None
    low, high = ci or (None, None)
    return _figure(max(value, intervals.FEWEST_MS), low, high)


def _unanswered(ci: Bounds | None) -> _Figure:
    """Without an interval nothing is sure; with one whose ends are both unknown, all of it is."""
    floor = 0.0 if ci is None else math.inf if ci[0] is None else ci[0]
    return _Figure(math.inf, math.inf, 0.0, floor=floor)


def _figure(value: float, low: float | None, high: float | None) -> _Figure:
    down = math.log(value / low) if low and 0 < low <= value else math.inf
    up = math.log(high / value) if high and high >= value else math.inf
    return _Figure(value, down, up)


def _of_flow(cell: Series) -> _Figure | None:
    if not cell.throughput_rps:
        return None
    answers = cell.throughput_rps * (cell.window_us[1] - cell.window_us[0]) / 1e6
    half = student_t.quantile(DEGREES) * math.hypot(
        1 / math.sqrt(max(answers, 1.0)), intervals.BETWEEN_RUNS
    )
    return _Figure(cell.throughput_rps, half, half)


def _of_failures(cell: Series) -> _Figure | None:
    failed, judged = _failures(cell)
    if not judged:
        return None
    found = intervals.share(failed, judged, BURSTS)
    if not failed:
        return _Figure(0.0, 0.0, 0.0, ceiling=found.high or 0.0)
    return _figure(failed / judged, found.low, found.high)


def _failures(cell: Series) -> tuple[int, int]:
    unjudged = ("dropped", "generator_error", "cut")
    judged = cell.count - sum(cell.outcomes.get(name, 0) for name in unjudged)
    return sum(cell.outcomes.get(name, 0) for name in FAILED), judged


def _of_capacity(point: Saturation) -> _Figure | None:
    """A capacity that was not reached is known from below."""
    if point.verdict == "not_reached" and point.up_to_jps:
        note = f"not reached up to {wording.per_second(point.up_to_jps)}"
        return _Figure(point.up_to_jps, 0.0, math.inf, note)
    if point.verdict != "reached" or not point.capacity_jps:
        return None
    low, high = point.ci_jps or (None, None)
    found = _figure(point.capacity_jps, low, high)
    prior = student_t.quantile(DEGREES) * intervals.BETWEEN_RUNS
    up = math.inf if point.bound == "lower" else math.hypot(found.up, prior)
    return _Figure(found.value, math.hypot(found.down, prior), up)


def _of_cells(
    statistic: Statistic,
    base: Series | None,
    cell: Series | None,
    old: _Figure | None,
    new: _Figure | None,
) -> _Test | None:
    if base is None or cell is None:
        return None
    if statistic == "error_rate":
        return _failures_test(base, cell)
    if statistic == "throughput" and _answered_all(base) and _answered_all(cell):
        return _same_flow(old, new)
    return _test(statistic, old, new)


def _answered_all(cell: Series) -> bool:
    return (cell.throughput_rps or 0.0) >= ALL_OFFERED * (cell.offered_rps or math.inf)


def _same_flow(old: _Figure | None, new: _Figure | None) -> _Test | None:
    """Both runs answered all that was offered: the load, not the service, set the figure."""
    if old is None or new is None:
        return None
    ratio = new.value / old.value
    reason = "Both runs answered all that was offered."
    return _Test(Change(ratio, (ratio, ratio), new.value - old.value, "no_change", reason))


def _test(statistic: Statistic, old: _Figure | None, new: _Figure | None) -> _Test | None:
    """The ratio of two figures; what is infinite or known from below gives a bound alone."""
    if old is None or new is None:
        return None
    if math.isinf(old.value) and math.isinf(new.value):
        return _Test(Change(None, None, None, "inconclusive", "Too few were answered in both."))
    low, high = _ratio_bounds(old, new)
    is_known = all(math.isfinite(one.value) and not one.note for one in (old, new))
    ratio = new.value / old.value if is_known else None
    chance = _chance(low, high, ratio)
    verdict = _told(statistic, low, high, ratio)
    change = Change(
        ratio=ratio,
        ci=_bounds(low, high),
        difference=new.value - old.value if is_known else None,
        verdict=verdict,
        reason=_reason(old, new, low, high, ratio, verdict),
    )
    return _Test(change, chance)


def _ratio_bounds(old: _Figure, new: _Figure) -> tuple[float, float]:
    """The 95 % interval of new / old."""
    if math.isinf(old.value) or math.isinf(new.value):
        return _infinite_bounds(old, new)
    t = student_t.quantile(DEGREES)
    down = t * math.hypot(_error(new.down), _error(old.up))
    up = t * math.hypot(_error(new.up), _error(old.down))
    ratio = new.value / old.value
    return ratio * math.exp(-down), ratio * math.exp(up) if up < 500 else math.inf


def _error(half_width: float) -> float:
    """The standard error behind a half-width. The tenth that an interval of a single run carries
    for safety is taken off again: between two runs it would hide changes that are real."""
    whole = (half_width / student_t.quantile(intervals.DEGREES)) ** 2
    within = max(whole - intervals.BETWEEN_RUNS**2, 0.0) / intervals.INFLATION**2
    return math.sqrt(within + min(whole, intervals.BETWEEN_RUNS**2))


def _infinite_bounds(old: _Figure, new: _Figure) -> tuple[float, float]:
    """Where a percentile falls among the unanswered, only a bound of the ratio is known."""
    if math.isinf(new.value):
        return (new.floor / old.high if math.isfinite(old.high) else 0.0), math.inf
    return 0.0, (new.high / old.floor if old.floor > 0 else math.inf)


def _chance(low: float, high: float, ratio: float | None) -> float:
    """The probability of so great a ratio without a change, from its interval."""
    from scipy.special import stdtr  # the only one who needs it

    if ratio is None or ratio <= 0 or low <= 0 or math.isinf(high):
        return 0.0 if low > 1 or high < 1 else 1.0
    distance = abs(math.log(ratio))
    half = math.log(ratio / low) if ratio > 1 else math.log(high / ratio)
    if half == 0:
        return 0.0 if distance else 1.0
    return 2 * float(stdtr(DEGREES, -distance / half * student_t.quantile(DEGREES)))


def _told(statistic: Statistic, low: float, high: float, ratio: float | None) -> ChangeVerdict:
    is_up, is_down = low > 1, high < 1
    if ratio is not None:
        is_up &= ratio >= 1 + MATERIAL
        is_down &= ratio <= 1 / (1 + MATERIAL)
    if is_up or is_down:
        return "worse" if is_up == (statistic in _LOWER_IS_BETTER) else "better"
    return "no_change" if ratio is not None and _is_equal(low, high, ratio) else "inconclusive"


def _is_equal(low: float, high: float, ratio: float) -> bool:
    """Two one-sided tests: the 90 % interval lies within twice what is material."""
    if low <= 0 or math.isinf(high):
        return False
    narrower = student_t.quantile(DEGREES, 0.90) / student_t.quantile(DEGREES)
    up, down = math.log(high / ratio) * narrower, math.log(ratio / low) * narrower
    room = math.log(1 + 2 * MATERIAL)
    return math.log(ratio) + up <= room and math.log(ratio) - down >= -room


def _reason(
    old: _Figure, new: _Figure, low: float, high: float, ratio: float | None, verdict: str
) -> str:
    notes = [
        f"Saturation was {one.note} in the {which} run."
        for one, which in ((old, "first"), (new, "other"))
        if one.note
    ]
    if math.isinf(old.value) or math.isinf(new.value):
        which = "first" if math.isinf(old.value) else "other"
        notes.append(f"In the {which} run it falls among requests without an expected answer.")
    if verdict == "inconclusive" and ratio is not None:
        notes.append(_more_runs(low, high))
    return " ".join(notes)


def _more_runs(low: float, high: float) -> str:
    if low <= 0 or math.isinf(high):
        return "There are too few samples for an interval."
    t = student_t.quantile(DEGREES)
    error = math.log(high / low) / 2 / t
    runs = math.ceil((error * (t + 0.84) / math.log(1 + MATERIAL)) ** 2)
    if runs > 30:
        return "The figure varies too much for more runs to tell."
    return (
        f"About {wording.plural(max(runs, 2), 'run')} of each would tell a change of"
        f" {wording.percent(MATERIAL)}."
    )


def _failures_test(base: Series, cell: Series) -> _Test | None:
    """Error rates by the logarithm of their ratio, half a failure added to each."""
    (old, of_old), (new, of_new) = _failures(base), _failures(cell)
    if not of_old or not of_new:
        return None
    difference = new / of_new - old / of_old
    smoothed = (new + 0.5) / (of_new + 1) / ((old + 0.5) / (of_old + 1))
    error = math.sqrt(BURSTS * (1 / (new + 0.5) + 1 / (old + 0.5)) + 2 * intervals.BETWEEN_RUNS**2)
    half = student_t.quantile(DEGREES) * error
    low, high = smoothed * math.exp(-half), smoothed * math.exp(half)
    chance = _chance(low, high, smoothed)
    is_known = old > 0 and new > 0
    verdict: ChangeVerdict = "inconclusive"
    if abs(difference) < MATERIAL_SHARE:
        verdict = "no_change"
    elif low > 1 or high < 1:
        verdict = "worse" if difference > 0 else "better"
    change = Change(
        ratio=new / of_new / (old / of_old) if is_known else None,
        ci=(low, high) if is_known else None,
        difference=difference * 100,
        verdict=verdict,
        reason="" if verdict != "inconclusive" else "Too few requests failed to tell.",
    )
    return _Test(change, chance)


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


def _held(test: _Test | None, limit: float, number: int) -> Change | None:
    if test is None:
        return None
    if test.change.verdict in ("better", "worse") and test.chance > limit:
        reason = f"So great a change is to be expected by chance among {number} figures."
        return replace(test.change, verdict="inconclusive", reason=reason)
    return test.change


def _verdict(rows: Sequence[Row], at: int) -> ChangeVerdict:
    found = {change.verdict for row in rows if (change := row.changes[at]) is not None}
    for verdict in ("worse", "better", "no_change"):
        if verdict in found:
            return verdict
    return "inconclusive"


def _worst_first(row: Row) -> tuple[int, float]:
    changes = [change for change in row.changes if change is not None]
    if not changes:
        return len(_ORDER), 0.0
    worst = min(_ORDER.index(change.verdict) for change in changes)
    return worst, -max(_size(change) for change in changes)


def _size(change: Change) -> float:
    if change.ratio is None or change.ratio <= 0:
        return math.inf if change.verdict in ("better", "worse") else 0.0
    return abs(math.log(change.ratio))


def _means(rows: Sequence[Row], others: int) -> Iterator[Mean]:
    for statistic in _UNITS:
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
