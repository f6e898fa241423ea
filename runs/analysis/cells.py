"""The judged samples of a run, cut once into cells: one scenario, step and phase each.

Judged are first attempts that fall due outside a declared warm-up. Where nothing was due (other
tools' data), the start of the request stands for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from runs.analysis import columns
from runs.analysis.columns import Bools, Codes, Columns, Key, Micros, Rows
from runs.analysis.plan import Plan
from runs.analysis.run_data import RunData

Span = tuple[int, int]


@dataclass(frozen=True)
class Cell:
    """The judged samples of one scenario, step and phase as arrays, in the samples' order.

    `all_from_us` is where the times of `all_ms` begin (see Columns). `outcome` holds positions in
    OUTCOMES, `status` NO_STATUS and `first_token_us` NO_TOKEN where there was none; `is_due` says
    whether the sample was due at all, and so has a dispatch delay, `is_timed` whether the plan set
    when. `retries` counts the second and later attempts of the same stretch.

    An array is taken from the run's when it is asked for and kept by nobody: all cells together
    would take as much memory as the run itself.
    """

    key: Key
    rows: Rows
    retries: int
    _table: Columns = field(repr=False)

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def due_us(self) -> Micros:
        return self._table.due_us[self.rows]

    @property
    def all_from_us(self) -> Micros:
        return self._table.all_from_us[self.rows]

    @property
    def has_own_durations(self) -> bool:
        """Whether the times of `all_ms` begin elsewhere than when the request was due."""
        return self._table.all_from_us is not self._table.due_us

    @property
    def started_us(self) -> Micros:
        return self._table.started_us[self.rows]

    @property
    def ended_us(self) -> Micros:
        return self._table.ended_us[self.rows]

    @property
    def first_token_us(self) -> Micros:
        return columns.taken(self._table.first_token_us, self.rows)

    @property
    def status(self) -> Codes:
        return self._table.status[self.rows]

    @property
    def outcome(self) -> Codes:
        return self._table.outcome[self.rows]

    @property
    def is_due(self) -> Bools:
        return self._table.is_due[self.rows]

    @property
    def is_timed(self) -> Bools:
        return self._table.is_timed[self.rows]


@dataclass(frozen=True)
class Arrivals:
    """When the answers of one scenario and step came, whatever phase they were due in.

    `answered[i]` and `good[i]` count those that ended before `edges[i]`.
    """

    edges: Micros
    answered: Micros
    good: Micros

    def within(self, spans: Iterable[Span]) -> tuple[int, int]:
        """Answers and expected answers that came in half-open spans, which must be edges."""
        answered = good = 0
        for start, end in spans:
            first, last = np.searchsorted(self.edges, (start, end))
            answered += int(self.answered[last] - self.answered[first])
            good += int(self.good[last] - self.good[first])
        return answered, good


@dataclass(frozen=True)
class Cells:
    """`windows` are the judged stretches of each (scenario, phase); `steps` those of each
    scenario in the order in which they first ran; `cells` holds what has samples."""

    windows: Mapping[tuple[str, str], tuple[Span, ...]]
    steps: Mapping[str, tuple[str, ...]]
    cells: Mapping[Key, Cell]
    arrivals: Mapping[tuple[str, str], Arrivals]

    def phases(self, scenario: str) -> tuple[str, ...]:
        return tuple(phase for owner, phase in self.windows if owner == scenario)

    def spans(self, scenario: str) -> tuple[Span, ...]:
        """All judged stretches of a scenario, merged where they overlap."""
        mine = (spans for (owner, _), spans in self.windows.items() if owner == scenario)
        return merged(span for spans in mine for span in spans)


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The union of half-open spans, in the order of time."""
    union: list[Span] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((start, end))
    return tuple(union)


def length_s(spans: Iterable[Span]) -> float:
    """How long the union of the spans lasts."""
    return sum(end - start for start, end in merged(spans)) / 1e6


def of(data: RunData) -> Cells:
    """A run cut into cells, once."""
    return data.derived(_cut)


def _cut(data: RunData) -> Cells:
    table = columns.of(data)
    known = _windows(data.plan, table)
    cells = {key: _cell(table, key, rows, data.plan) for key, rows in table.rows.items()}
    steps = _steps(data.plan, table)
    arrivals = {
        (scenario, step): _arrivals(table, scenario, step, known)
        for scenario, names in steps.items()
        for step in names
    }
    return Cells(known, steps, cells, arrivals)


def _windows(plan: Plan, table: Columns) -> dict[tuple[str, str], tuple[Span, ...]]:
    """Of the plan's phases, in its order; then of those that only the samples name, which last
    from their first to their last sample."""
    found: dict[tuple[str, str], tuple[Span, ...]] = {}
    for scenario in plan.scenarios:
        for phase in plan.phases_of(scenario):
            spans = found.get((scenario, phase.phase), ())
            found[scenario, phase.phase] = (*spans, phase.window_us)
    seen: dict[tuple[str, str], Span] = {}
    for key, rows in table.rows.items():
        place = (key.scenario, key.phase)
        if place not in found:
            start, end = int(table.due_us[rows].min()), int(table.ended_us[rows].max())
            before = seen.get(place, (start, end))
            seen[place] = (min(start, before[0]), max(end, before[1]))
    for place, (start, end) in sorted(seen.items(), key=lambda one: (one[1][0], one[0])):
        found[place] = ((start, max(start, end) + 1),)
    return found


def _steps(plan: Plan, table: Columns) -> dict[str, tuple[str, ...]]:
    """Scenarios in the plan's order, then the others; steps in the order of their first start."""
    steps: dict[str, dict[str, None]] = {scenario: {} for scenario in plan.scenarios}
    for key in table.rows:
        steps.setdefault(key.scenario, {})[key.step] = None
    return {scenario: tuple(names) for scenario, names in steps.items()}


def _cell(table: Columns, key: Key, rows: Rows, plan: Plan) -> Cell:
    judged = _without_warm_up(table, key, rows, plan)
    is_retry = table.is_retry[judged]
    retries = int(is_retry.sum())
    first = judged[~is_retry] if retries else judged
    return Cell(key, first, retries, table)


def empty(data: RunData, key: Key) -> Cell:
    """The cell of a series without samples."""
    return Cell(key, np.empty(0, dtype=np.uint32), 0, columns.of(data))


def _without_warm_up(table: Columns, key: Key, rows: Rows, plan: Plan) -> Rows:
    for phase in plan.phases_of(key.scenario):
        if phase.phase == key.phase and phase.warm_up_us:
            due = table.due_us[rows]
            rows = rows[(due < phase.start_us) | (due >= phase.window_us[0])]
    return rows


def _arrivals(
    table: Columns, scenario: str, step: str, known: Mapping[tuple[str, str], tuple[Span, ...]]
) -> Arrivals:
    """Of first attempts; an answer may come in another phase than it was due in."""
    spans = [spans for (owner, _), spans in known.items() if owner == scenario]
    edges = np.unique([edge for those in spans for span in those for edge in span])
    ended, is_good = table.answers(scenario, step)
    return Arrivals(edges, _before(edges, ended), _before(edges, ended[is_good]))


def _before(edges: Micros, ended: Micros) -> Micros:
    """How many ended before each edge, then all of them."""
    places = np.searchsorted(edges, ended, side="right")
    counts: Micros = np.bincount(places, minlength=len(edges) + 1).cumsum()
    return counts
