"""The samples of a run as arrays of numbers, and which of them belong to which series.

Worked out once for all analyses of a run; an array holds one value a sample, in their order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis.outcomes import ANSWERED, OUTCOMES
from runs.analysis.run_data import RunData

Micros = NDArray[np.int64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.integer[Any]]
Rows = NDArray[np.integer[Any]]

OK: Final = OUTCOMES.index("ok")
NO_STATUS: Final = -1
NO_TOKEN: Final = np.iinfo(np.int64).min
_DUE: Final[dict[str, pl.DataType]] = {"due_us": pl.Int64(), "due_by": pl.String()}
_KEY: Final = ("scenario", "step", "phase")
_NARROW: Final = 1 << 16
_PIECE: Final = 1 << 20
_NARROW_KINDS: Final = (pl.Int8(), pl.Int16())
# Tools whose own duration of a request begins once it has a connection.
_CONNECTED_FIRST: Final = frozenset(("k6",))
_CONNECTION: Final = ("wait_us", "connect_us")


def table(names: Iterable[str]) -> Bools:
    """Whether the outcome of a code is among the names: a lookup for whole arrays of codes."""
    return np.isin(OUTCOMES, tuple(names))


_IS_ANSWER: Final = table(ANSWERED)


class Key(NamedTuple):
    scenario: str
    step: str
    phase: str


@dataclass(frozen=True)
class Columns:
    """`due_us` is the start of the request where nothing was due; `outcome` holds positions in
    OUTCOMES, `status` NO_STATUS and `first_token_us` NO_TOKEN where there was none.

    `all_from_us` is where the times of `all_ms` begin: where the tool that measured lets its own
    duration begin, and `due_us` for our own runner.

    `is_retry` marks second and later attempts, `is_due` samples that were due at all, `is_timed`
    those that were due by the plan. `rows` are the places of each series' samples, ascending; the
    series are in the order in which they first started.
    """

    due_us: Micros
    all_from_us: Micros
    started_us: Micros
    ended_us: Micros
    first_token_us: Micros
    status: Codes
    outcome: Codes
    is_retry: Bools
    is_due: Bools
    is_timed: Bools
    rows: Mapping[Key, Rows]

    def of_scenario(self, scenario: str) -> Rows:
        """The places of a scenario's samples, ascending."""
        mine = [rows for key, rows in self.rows.items() if key.scenario == scenario]
        return np.sort(np.concatenate(mine)) if mine else np.empty(0, dtype=np.uint32)

    def answers(self, scenario: str, step: str) -> tuple[Micros, Bools]:
        """When the answers to a step's first attempts came, and which were as expected."""
        mine = [rows for key, rows in self.rows.items() if key[:2] == (scenario, step)]
        rows = np.concatenate(mine) if mine else np.empty(0, dtype=np.uint32)
        rows = rows[_IS_ANSWER[self.outcome[rows]] & ~self.is_retry[rows]]
        return self.ended_us[rows], self.outcome[rows] == OK

    @property
    def scenarios(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key.scenario for key in self.rows))


def of(data: RunData) -> Columns:
    """The arrays of a run, made once."""
    return data.derived(_columns)


def taken(column: Micros, rows: Rows) -> Micros:
    """Some of a column's values; of a column without values still nothing that takes memory."""
    return np.broadcast_to(column[:1], len(rows)) if column.strides == (0,) else column[rows]


def _columns(data: RunData) -> Columns:
    samples = data.samples
    started_us = samples["started_us"].to_numpy()
    due, due_by = (_column(samples, name, kind) for name, kind in _DUE.items())
    is_due = due.is_not_null().to_numpy()
    due_us = _due_or_started(due, is_due, started_us)
    return Columns(
        due_us=due_us,
        all_from_us=_connected(samples) if data.info.source in _CONNECTED_FIRST else due_us,
        started_us=started_us,
        ended_us=samples["ended_us"].to_numpy(),
        first_token_us=_numbers(samples, "first_token_us", NO_TOKEN, pl.Int64()),
        status=_numbers(samples, "status", NO_STATUS, pl.Int32()),
        outcome=samples["outcome"].cast(pl.Enum(OUTCOMES)).to_physical().to_numpy(),
        is_retry=_numbers(samples, "attempt", 1, pl.Int32()) > 1,
        is_due=is_due,
        is_timed=is_due & (due_by == "plan").fill_null(value=True).to_numpy(),
        rows=_rows(samples, started_us),
    )


def _due_or_started(due: pl.Series, is_due: Bools, started_us: Micros) -> Micros:
    if is_due.all():
        return due.to_numpy()
    return np.where(is_due, due.fill_null(0), started_us) if is_due.any() else started_us


def needs(source: str) -> tuple[str, ...]:
    """The columns that the analysis reads of such a source's samples and of no other's."""
    return _CONNECTION if source in _CONNECTED_FIRST else ()


def _connected(samples: pl.DataFrame) -> Micros:
    """When each request had its connection."""
    waited, connecting = (_numbers(samples, name, 0, pl.Int64()) for name in _CONNECTION)
    started: Micros = samples["started_us"].to_numpy()
    return started + waited + connecting


def _column(samples: pl.DataFrame, name: str, kind: pl.DataType) -> pl.Series:
    """A column that the source of a run may lack."""
    if name in samples.columns:
        return samples[name]
    return pl.Series(name, [None], dtype=kind).new_from_index(0, samples.height)


def _numbers(samples: pl.DataFrame, name: str, absent: int, kind: pl.DataType) -> Micros:
    """A column with a number where there was none; a column of nothing takes no memory."""
    column = _column(samples, name, kind)
    if column.null_count() == len(column):
        return np.broadcast_to(np.int64(absent), len(column))
    is_narrow = column.dtype in _NARROW_KINDS and kind == pl.Int32()
    known = column if is_narrow else column.cast(kind, strict=False)
    return known.fill_null(absent).to_numpy()


def _rows(samples: pl.DataFrame, started_us: Micros) -> dict[Key, Rows]:
    """By a number for each series, since sorting numbers of 16 bits costs a tenth of grouping by
    names."""
    parts = _places(_series(samples))
    places = [int(part[0]) for part in parts]
    names = zip(*(samples[name].gather(places) for name in _KEY), strict=True)
    found = {Key(*row): part for row, part in zip(names, parts, strict=True)}
    first = {key: int(started_us[rows].min()) for key, rows in found.items()}
    return {key: found[key] for key in sorted(found, key=lambda key: (first[key], key))}


def _places(series: Codes) -> list[Rows]:
    """Where each number stands, ascending. A piece at a time: what sorting takes on the way would
    be twice the result."""
    found: dict[int, list[Rows]] = {}
    for start in range(0, len(series), _PIECE):
        piece = series[start : start + _PIECE]
        order = (np.argsort(piece, kind="stable") + start).astype(np.uint32)
        counts = np.bincount(piece)
        ends = np.cumsum(counts)
        for number in np.flatnonzero(counts).tolist():
            mine = order[ends[number] - counts[number] : ends[number]]
            found.setdefault(number, []).append(mine)
    return [np.concatenate(parts) for _, parts in sorted(found.items())]


def _series(samples: pl.DataFrame) -> Codes:
    """The number of each sample's series, in 16 bits unless there are too many of them."""
    scenario, step, phase = (codes(samples[name]) for name in _KEY)
    return _joined(_joined(scenario, step), phase)


def _joined(left: Codes, right: Codes) -> Codes:
    """A number for each pair; numbers are without gaps where they would be large with them."""
    size = int(right.max(initial=0)) + 1
    if (int(left.max(initial=0)) + 1) * size > _NARROW:
        left, right = _dense(left), _dense(right)
        size = int(right.max(initial=0)) + 1
        joined = _dense(left.astype(np.uint64) * size + right)
        return joined.astype(np.uint16) if int(joined.max(initial=0)) < _NARROW else joined
    return left.astype(np.uint16) * np.uint16(size) + right.astype(np.uint16)


def codes(names: pl.Series) -> Codes:
    """A number for each name; null has one of its own."""
    is_coded = isinstance(names.dtype, pl.Categorical | pl.Enum)
    found = (names if is_coded else names.cast(pl.Categorical())).to_physical()
    if found.null_count():
        last = found.max()
        found = found.cast(pl.UInt32).fill_null(last + 1 if isinstance(last, int) else 0)
    return found.to_numpy()


def _dense(codes: Codes) -> Codes:
    """The same numbers without gaps; by a lookup, unless that would take more than the codes do."""
    if int(codes.max(initial=0)) > len(codes) + _NARROW:
        return np.unique(codes, return_inverse=True)[1].astype(np.uint32)
    is_there = np.zeros(int(codes.max(initial=0)) + 1, dtype=bool)
    is_there[codes] = True
    return (np.cumsum(is_there) - 1).astype(np.uint32)[codes]
