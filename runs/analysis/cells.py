"""The judged samples of a run, cut once into cells: one scenario, step and phase each.

Judged are first attempts that fall due outside a declared warm-up. Where nothing was due (other
tools' data), the start of the request stands for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis.outcomes import ANSWERED, OUTCOMES
from runs.analysis.plan import Plan
from runs.analysis.run_data import RunData

Micros = NDArray[np.int64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.integer[Any]]
Span = tuple[int, int]

OK: Final = OUTCOMES.index("ok")
NO_STATUS: Final = -1
NO_TOKEN: Final = np.iinfo(np.int64).min
_KEY: Final = ("scenario", "step", "phase")
_OPTIONAL: Final[dict[str, pl.DataType]] = {
    "attempt": pl.Int64(),
    "due_us": pl.Int64(),
    "due_by": pl.String(),
    "first_token_us": pl.Int64(),
    "status": pl.Int64(),
}


class Key(NamedTuple):
    scenario: str
    step: str
    phase: str


@dataclass(frozen=True)
class Cell:
    """The judged samples of one scenario, step and phase as arrays, in the samples' order.

    `outcome` holds positions in OUTCOMES, `status` NO_STATUS and `first_token_us` NO_TOKEN where
    there was none; `is_timed` says whether the dispatch delay of the sample means anything: it
    was due by the plan. `retries` counts the second and later attempts of the same stretch.
    """

    key: Key
    due_us: Micros
    started_us: Micros
    ended_us: Micros
    first_token_us: Micros
    status: Codes
    outcome: Codes
    is_timed: Bools
    retries: int


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


def completed(samples: pl.DataFrame) -> pl.DataFrame:
    """The samples with every column that figures need: `attempt` 1 where it is not known, and
    `intended_us`, when the request was due or else started."""
    lacking = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in _OPTIONAL.items()
        if name not in samples.columns
    ]
    return samples.with_columns(lacking).with_columns(
        pl.col("attempt").fill_null(1),
        pl.coalesce("due_us", "started_us").alias("intended_us"),
    )


def judged(data: RunData, scenario: str, step: str | None, phase: str | None) -> pl.DataFrame:
    """The judged samples of a scenario, or of one step or phase of it, as a frame: the columns
    of the samples, and `intended_us`."""
    wanted = pl.col("scenario") == scenario
    wanted = wanted if step is None else wanted & (pl.col("step") == step)
    wanted = wanted if phase is None else wanted & (pl.col("phase") == phase)
    frame = completed(data.samples.filter(wanted))
    return frame.filter((pl.col("attempt") == 1) & ~_is_warming_up(data.plan, scenario))


def answers(data: RunData, scenario: str, step: str | None, phase: str | None) -> pl.DataFrame:
    """The answers to first attempts that came in a phase's window, whenever they were due."""
    wanted = (pl.col("scenario") == scenario) & pl.col("outcome").is_in(ANSWERED)
    wanted = wanted if step is None else wanted & (pl.col("step") == step)
    frame = completed(data.samples.filter(wanted))
    inside = pl.lit(value=False)
    for start, end in windows(data, scenario, phase):
        inside = inside | ((pl.col("ended_us") >= start) & (pl.col("ended_us") < end))
    return frame.filter((pl.col("attempt") == 1) & inside)


def windows(data: RunData, scenario: str, phase: str | None) -> tuple[Span, ...]:
    """The judged stretches of a scenario's phase, or of all its phases."""
    mine = data.samples.filter(pl.col("scenario") == scenario)
    known = _windows(data.plan, completed(mine))
    return merged(
        span
        for (owner, name), spans in known.items()
        if owner == scenario and phase in (None, name)
        for span in spans
    )


def _is_warming_up(plan: Plan, scenario: str) -> pl.Expr:
    warming = pl.lit(value=False)
    for phase in plan.phases_of(scenario):
        if phase.warm_up_us:
            start, end = phase.start_us, phase.window_us[0]
            warming |= (pl.col("phase") == phase.phase) & pl.col("intended_us").is_between(
                start, end, closed="left"
            )
    return warming


def _windows(plan: Plan, samples: pl.DataFrame) -> dict[tuple[str, str], tuple[Span, ...]]:
    """Of the plan's phases, in its order; then of those that only the samples name, which last
    from their first to their last sample."""
    found: dict[tuple[str, str], tuple[Span, ...]] = {}
    for scenario in plan.scenarios:
        for phase in plan.phases_of(scenario):
            spans = found.get((scenario, phase.phase), ())
            found[scenario, phase.phase] = (*spans, phase.window_us)
    seen = samples.group_by("scenario", "phase").agg(
        pl.col("intended_us").min().alias("start"), pl.col("ended_us").max().alias("end")
    )
    for scenario, name, start, end in seen.sort("start", "scenario", "phase").iter_rows():
        found.setdefault((scenario, name), ((start, max(start, end) + 1),))
    return found


def of(data: RunData) -> Cells:
    """Cut a run into cells. The cost is one grouping and one stable sort of the samples."""
    samples = completed(data.samples)
    groups = samples.group_by(_KEY).agg(pl.col("started_us").min().alias("first"))
    groups = groups.sort("first", *_KEY).with_row_index("cell")
    known = _windows(data.plan, samples)
    columns = _Columns(samples, groups)
    cells = {}
    for cell, *names in groups.select("cell", *_KEY).iter_rows():
        key = Key(*names)
        cells[key] = columns.cell(cell, key, _warm_ups(data.plan, key))
    return Cells(known, _steps(data.plan, groups), cells, _arrivals(columns, groups, known))


def _warm_ups(plan: Plan, key: Key) -> list[Span]:
    mine = (one for one in plan.phases_of(key.scenario) if one.phase == key.phase)
    return [(one.start_us, one.window_us[0]) for one in mine if one.warm_up_us]


def _steps(plan: Plan, groups: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Scenarios in the plan's order, then the others; steps in the order of their first start."""
    steps: dict[str, dict[str, None]] = {scenario: {} for scenario in plan.scenarios}
    for scenario, step in groups.select("scenario", "step").iter_rows():
        steps.setdefault(scenario, {})[step] = None
    return {scenario: tuple(names) for scenario, names in steps.items()}


class _Columns:
    """The samples as arrays in the order of their cells, so that a cell is a slice."""

    def __init__(self, samples: pl.DataFrame, groups: pl.DataFrame) -> None:
        joined = samples.join(
            groups.select("cell", *_KEY), on=_KEY, how="left", maintain_order="left"
        )
        cell = joined["cell"].to_numpy()
        # numpy sorts 16-bit integers by radix, five times faster than wider ones.
        narrow = cell.astype(np.uint16) if groups.height < 1 << 16 else cell
        self._order = np.argsort(narrow, kind="stable")
        self._bounds = np.concatenate(([0], np.cumsum(np.bincount(cell, minlength=groups.height))))
        self._is_retry = self._sorted(joined["attempt"] > 1)
        self._due = self._sorted(joined["intended_us"])
        self._started = self._sorted(joined["started_us"])
        self._ended = self._sorted(joined["ended_us"])
        self._token = self._sorted(joined["first_token_us"].fill_null(NO_TOKEN))
        self._status = self._sorted(joined["status"].fill_null(NO_STATUS).cast(pl.Int32))
        self._outcome = self._sorted(joined["outcome"].cast(pl.Enum(OUTCOMES)).to_physical())
        self._is_timed = self._sorted(
            joined["due_us"].is_not_null() & (joined["due_by"].fill_null("plan") == "plan")
        )

    def _sorted(self, column: pl.Series) -> NDArray[Any]:
        return column.to_numpy()[self._order]

    def cell(self, number: int, key: Key, warm_ups: list[Span]) -> Cell:
        part = slice(self._bounds[number], self._bounds[number + 1])
        due, retry = self._due[part], self._is_retry[part]
        kept = np.ones(len(due), dtype=bool)
        for start, end in warm_ups:
            kept &= (due < start) | (due >= end)
        retries = int((retry & kept).sum())
        kept &= ~retry
        return Cell(
            key=key,
            due_us=due[kept],
            started_us=self._started[part][kept],
            ended_us=self._ended[part][kept],
            first_token_us=self._token[part][kept],
            status=self._status[part][kept],
            outcome=self._outcome[part][kept],
            is_timed=self._is_timed[part][kept],
            retries=retries,
        )

    def ends(self, numbers: Iterable[int]) -> tuple[Micros, Codes]:
        """When the first attempts of some cells ended, and with which outcome."""
        parts = [slice(self._bounds[one], self._bounds[one + 1]) for one in numbers]
        first = np.concatenate([~self._is_retry[part] for part in parts])
        ended = np.concatenate([self._ended[part] for part in parts])[first]
        return ended, np.concatenate([self._outcome[part] for part in parts])[first]


def _arrivals(
    columns: _Columns, groups: pl.DataFrame, known: Mapping[tuple[str, str], tuple[Span, ...]]
) -> dict[tuple[str, str], Arrivals]:
    found = {}
    owners = groups.group_by("scenario", "step").agg(pl.col("cell"))
    for scenario, step, numbers in owners.iter_rows():
        mine = [spans for (owner, _), spans in known.items() if owner == scenario]
        edges = np.unique([edge for spans in mine for span in spans for edge in span])
        found[scenario, step] = _counted(*columns.ends(numbers), edges.astype(np.int64))
    return found


def _counted(ended: Micros, outcome: Codes, edges: Micros) -> Arrivals:
    is_answer = np.zeros(len(OUTCOMES), dtype=bool)
    is_answer[[OUTCOMES.index(name) for name in ANSWERED]] = True
    place = np.searchsorted(edges, ended, side="right")
    counts = np.bincount(
        place * len(OUTCOMES) + outcome, minlength=(len(edges) + 1) * len(OUTCOMES)
    ).reshape(-1, len(OUTCOMES))
    return Arrivals(edges, counts[:, is_answer].sum(axis=1).cumsum(), counts[:, OK].cumsum())
