"""Journeys: the passages of users through a scenario's steps, put together from samples.

A journey is good when the final attempt of each of its steps answered as expected. Samples
without a journey number (other tools' data) are a journey each.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis import cells, columns
from runs.analysis.cells import Span
from runs.analysis.columns import Micros, Rows
from runs.analysis.outcomes import UNSENT
from runs.analysis.percentiles import Spread, spread
from runs.analysis.run_data import RunData

_UNJUDGED: Final = (*UNSENT, "cut")
_IDENTITY: Final = ("worker", "user", "journey")
_NUMBERS: Final = ("user", "status", "requests")
_CODED: Final = ("scenario", "step", *_IDENTITY, "attempt", "due_us", "started_us", "ended_us")
_ASKED: Final = (*_CODED, "phase", "outcome", "status")
_PIECE: Final = 250_000
_NEVER: Final = np.iinfo(np.int64).max

SCHEMA: Final[dict[str, pl.DataType]] = {
    "scenario": pl.String(),
    "phase": pl.String(),
    "worker": pl.Int64(),
    "journey": pl.Int64(),
    "user": pl.Int64(),
    "due_us": pl.Int64(),
    "started_us": pl.Int64(),
    "ended_us": pl.Int64(),
    "good": pl.Boolean(),
    "refused": pl.Boolean(),
    "timed_out": pl.Boolean(),
    "outcome": pl.String(),
    "status": pl.Int64(),
    "requests": pl.Int64(),
}


@dataclass(frozen=True)
class Journeys:
    """The journeys that were due in one phase of one scenario, less its declared warm-up.

    `success_rate` is over the journeys that were sent and not cut, null where there are none;
    `duration_ms` (min, mean, percentiles, max) is that of good journeys, end minus due.
    """

    scenario: str
    phase: str
    count: int
    success_rate: float | None
    duration_ms: Spread


def of(samples: pl.DataFrame) -> pl.DataFrame:
    """One row a journey, in the order of due time, with the columns of SCHEMA.

    `outcome` and `status` are those of the first step, in time, whose final attempt was not
    as expected; `ok` and the last status otherwise. `due_us` and `phase` are the first
    sample's (`started_us` where nothing was due), `requests` counts first attempts.
    """
    return _put_together(samples).select(list(SCHEMA))


def _put_together(samples: pl.DataFrame) -> pl.DataFrame:
    """The same, with the row of each journey's first sample as `first`."""
    if samples.is_empty():
        return pl.DataFrame(schema=SCHEMA | {"first": pl.Int64()})
    grouped = _grouped(_coded(samples))
    order = np.argsort(grouped["due_phase"].to_numpy(), kind="stable")
    return _decoded(grouped[order], samples).select(*SCHEMA, "first")


def of_run(data: RunData) -> pl.DataFrame:
    """The same of all samples of a run, one scenario after the other, without the columns that no
    analysis asks for."""
    # The parts are of different widths where their numbers are.
    return pl.concat(_by_scenario(data).values(), how="vertical_relaxed", rechunk=False)


def taken(data: RunData) -> dict[str, pl.DataFrame]:
    """The journeys of each scenario, put together once and kept by nobody else: they are much
    memory. `rows` can still be asked for."""
    rows(data)
    found = data.derived(_by_scenario)
    data.let_go(_by_scenario)
    return found


def _by_scenario(data: RunData) -> dict[str, pl.DataFrame]:
    """A scenario at a time, and in narrow numbers: what a run's journeys take on the way is
    several times what they are."""
    samples = data.samples.select(name for name in _ASKED if name in data.samples.columns)
    table = columns.of(data)
    names = table.scenarios
    if not names:
        return {"": _in_pieces(samples, np.empty(0, dtype=np.uint32))}
    return {name: _in_pieces(samples, table.of_scenario(name)) for name in sorted(names)}


def _in_pieces(samples: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    """The journeys of some samples; of many by the journeys' numbers, so that all samples of a
    journey are in one piece."""
    number = len(rows) // _PIECE + 1
    if number == 1 or "journey" not in samples.columns:
        return _narrow(_put_together(samples[rows])).drop("first")
    piece = _piece_of_each(samples["journey"].gather(rows), number)
    parts = []
    for at in range(number):
        mine = rows[piece == at]
        found = _narrow(_put_together(samples[mine]))
        parts.append(found.with_columns(first=pl.Series(mine[found["first"].to_numpy()])))
    return pl.concat(parts, how="vertical_relaxed").sort("due_us", "first").drop("first")


def _piece_of_each(journeys: pl.Series, number: int) -> Micros:
    """What is of no journey is one of its own, wherever it is."""
    given = journeys.cast(pl.Int64)
    if given.null_count():
        given = given.zip_with(given.is_not_null(), pl.Series(np.arange(len(given))))
    pieces: Micros = given.to_numpy() % number
    return pieces


def _narrow(journeys: pl.DataFrame) -> pl.DataFrame:
    """Without what only tells journeys from one another."""
    return journeys.drop("worker", "journey", "started_us").with_columns(
        journeys[name].shrink_dtype() for name in _NUMBERS
    )


def rows(data: RunData) -> tuple[Journeys, ...]:
    """The report's `journeys`: one entry for each phase, as for the series."""
    return data.derived(_rows)


def _rows(data: RunData) -> tuple[Journeys, ...]:
    every = data.derived(_by_scenario)
    return tuple(
        _entry(scenario, phase, _within(every.get(scenario), phase, spans))
        for (scenario, phase), spans in cells.of(data).windows.items()
    )


def _within(mine: pl.DataFrame | None, phase: str, spans: Iterable[Span]) -> pl.DataFrame:
    """The journeys of a phase that were due in its judged stretches."""
    if mine is None:
        return pl.DataFrame(schema=SCHEMA)
    is_inside = pl.any_horizontal(
        pl.col("due_us").is_between(start, end, closed="left") for start, end in spans
    )
    asked = mine.lazy().filter((pl.col("phase") == phase) & is_inside)
    return asked.select("due_us", "ended_us", "good", "outcome").collect()


def _entry(scenario: str, phase: str, mine: pl.DataFrame) -> Journeys:
    judged = mine.filter(~pl.col("outcome").is_in(_UNJUDGED))
    good = mine.filter(pl.col("good"))
    took_us = (good["ended_us"] - good["due_us"]).to_numpy()
    rate = good.height / judged.height if judged.height else None
    return Journeys(scenario, phase, mine.height, rate, spread(took_us))


def _coded(samples: pl.DataFrame) -> pl.DataFrame:
    """Every sample as integers, so that one group_by on one integer key is enough.

    `due_phase` holds due time and phase, `fault` the time and the row of a step's failed final
    attempt: the minimum of each gives the first sample's phase and the first fault.
    """
    count = samples.height
    frame = _columns(samples).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    bits = max(count, 2).bit_length()
    limit = 1 << (62 - bits)
    due = pl.coalesce("due_us", "started_us", "ended_us").fill_null(0).clip(-limit, limit)
    frame = frame.with_columns(
        due=due,
        started_us=pl.coalesce("started_us", "due_us", "ended_us").fill_null(0),
        ended_us=pl.coalesce("ended_us", "started_us", "due_us").fill_null(0),
        attempt=pl.col("attempt").fill_null(1),
        bad=(pl.col("outcome") != "ok").fill_null(value=True),
    )
    frame = frame.with_columns(_key(frame))
    at = pl.col("started_us").clip(-limit, limit) * (1 << bits) + pl.col("row")
    fault = pl.when(pl.col("bad") & ~_superseded(frame)).then(at).otherwise(_NEVER)
    return frame.select(
        *("key", "journey", "attempt", "started_us", "ended_us"),
        due_phase=pl.col("due") * (1 << bits) + pl.col("row"),
        fault=fault,
    )


def _grouped(frame: pl.DataFrame) -> pl.DataFrame:
    """One row a journey; the samples themselves where each is one."""
    first_tries = (pl.col("attempt") <= 1).cast(pl.Int64)
    if _are_unique(frame["journey"]) or _are_unique(frame["key"]):
        return frame.with_columns(requests=first_tries)
    return frame.group_by("key").agg(
        pl.col("due_phase").min(),
        pl.col("started_us").min(),
        pl.col("ended_us").max(),
        pl.col("fault").min(),
        first_tries.sum().alias("requests"),
    )


def _are_unique(column: pl.Series) -> bool:
    """Told by counting where the numbers are dense, which costs a tenth of grouping them."""
    if column.null_count():
        return False
    keys = column.to_numpy()
    low = int(keys.min())
    if int(keys.max()) - low > 4 * len(keys):
        return False
    return int(np.bincount(keys - low).max()) == 1


def _columns(samples: pl.DataFrame) -> pl.DataFrame:
    """The columns that matter, null where the source does not have them."""
    have = [name for name in _CODED if name in samples.columns]
    lacking = [pl.lit(None, pl.Int64).alias(name) for name in _CODED if name not in have]
    # A frame in little memory has narrow numbers, which sums of them would not fit into.
    numbers = [pl.col(name).cast(pl.Int64) for name in have if name not in ("scenario", "step")]
    return samples.select("scenario", "step", *numbers, "outcome").with_columns(lacking)


def _key(frame: pl.DataFrame) -> pl.Series:
    """An integer for each (scenario, worker, user, journey); its own for a row without journey."""
    codes = [frame["scenario"].fill_null("").cast(pl.Categorical).to_physical().cast(pl.Int64)]
    codes += [_shifted(frame[name]) for name in _IDENTITY]
    sizes = [_size(code) for code in codes]
    if math.prod(sizes) >= 1 << 62:
        codes = [code.rank("dense").cast(pl.Int64) for code in codes]
        sizes = [_size(code) for code in codes]
    key = codes[0]
    for code, size in zip(codes[1:], sizes[1:], strict=True):
        key = key * size + code
    alone = -1 - frame["row"]
    return key.zip_with(frame["journey"].is_not_null(), alone).alias("key")


def _size(code: pl.Series) -> int:
    top = code.max()
    return top + 1 if isinstance(top, int) else 1


def _shifted(column: pl.Series) -> pl.Series:
    """From 1 on, with 0 for null."""
    low = column.min()
    if low is None:
        return pl.Series(np.zeros(len(column), dtype=np.int64))
    return (column - low + 1).fill_null(0)


def _superseded(frame: pl.DataFrame) -> pl.Series:
    """Whether a later attempt of the same step of the same journey follows."""
    retries = frame.filter(pl.col("attempt") > 1)
    if retries.is_empty():
        return pl.Series(np.zeros(frame.height, dtype=bool))
    last = retries.group_by("key", "step").agg(pl.col("attempt").max().alias("last"))
    joined = frame.select("key", "step", "attempt").join(
        last, on=["key", "step"], how="left", maintain_order="left", nulls_equal=True
    )
    return (joined["attempt"] < joined["last"]).fill_null(value=False)


def _decoded(grouped: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    bits = max(samples.height, 2).bit_length()
    mask = (1 << bits) - 1
    first = (grouped["due_phase"].to_numpy() & mask).astype(np.int64)
    fault = grouped["fault"].to_numpy()
    good = fault == _NEVER
    row = np.where(good, first, fault & mask)
    fault_of = _taken(samples, "outcome", row)
    expected = pl.Series(["ok"], dtype=fault_of.dtype).new_from_index(0, len(row))
    outcome = fault_of.zip_with(pl.Series(~good), expected)
    return grouped.with_columns(
        first=pl.Series(first),
        due_us=pl.Series(grouped["due_phase"].to_numpy() >> bits),
        good=pl.Series(good),
        scenario=_taken(samples, "scenario", first),
        phase=_taken(samples, "phase", first),
        outcome=outcome,
        refused=(outcome == "refused").fill_null(value=False),
        timed_out=(outcome == "timeout").fill_null(value=False),
        status=_taken(samples, "status", row, pl.Int64()),
        requests=pl.col("requests").cast(pl.Int64),
        **{name: _taken(samples, name, first, pl.Int64()) for name in _IDENTITY},
    )


def _taken(
    samples: pl.DataFrame, name: str, row: NDArray[np.int64], kind: pl.DataType | None = None
) -> pl.Series:
    if name not in samples.columns:
        return pl.Series(name, [None] * len(row), dtype=kind or pl.String())
    return samples[name].gather(row)
