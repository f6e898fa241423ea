"""Rows of other tools as samples: names, times and outcomes as the rest of Headroom knows them.

What cannot be true is left out and counted, names are bounded in length and number, and times are
turned into microseconds since the first start.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Literal

import polars as pl

from runs.analysis import series
from runs.analysis.plan import Phase, Plan
from runs.analysis.run_data import Fidelity, RunInfo
from runs.analysis.series import Series
from runs.formats import samples
from runs.formats.errors import FormatError
from runs.formats.imported import PHASE, Imported, unplanned, without_failures
from runs.formats.left_out import LeftOut
from runs.formats.segment import Notes
from runs.formats.source import Source

# Zoneless: dates whose place in absolute time is unknown, though not their distances.
Clock = Literal["absolute", "zoneless", "offset"]

MOST_SAMPLES: Final = 20_000_000
MOST_STEPS: Final = 500
LONGEST_NAME: Final = 200
OTHERS: Final = "(others)"
NO_NAME: Final = "(no name)"
_DAY_US: Final = 86_400_000_000
_LONGEST_US: Final = 31 * _DAY_US
_FIRST_US: Final = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_LAST_US: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
# More digits of a second than a microsecond has.
_NANOSECONDS: Final = re.compile(r"(\.\d{6})\d+")
_TIMES: Final = ("started_us", "first_byte_us", "ended_us")


def of_samples(
    source: Source,
    tool: str,
    frames: Iterable[pl.DataFrame],
    *,
    left_out: LeftOut,
    clock: Clock = "absolute",
    campaign: str | Callable[[], str] = "",
    failures: bool = True,
    resolution_us: Callable[[], int] = int,
    apart: Sequence[pl.DataFrame] = (),
    notes: Callable[[], Notes] = tuple,
) -> Imported:
    """A run of the rows of a file.

    Frames have `scenario`, `step`, `outcome`, `started_us`, `ended_us` and any other columns of a
    sample; times are microseconds, since 1970 or since the run's start by `clock`. What cannot be
    (no time, an end before its start, another century) is left out and counted. `resolution_us` is
    how coarse the times are; it, `notes` and a callable `campaign` are asked once everything has
    been read. FormatError where no row is left.
    """
    rows = _Rows(_collected(source, frames))
    rows.keep_possible(clock, left_out)
    if rows.table.is_empty():
        raise nothing_left(source, left_out)
    beside = _Rows(_collected(source, apart))
    beside.keep_possible(clock, LeftOut(source.name))
    first = _least(rows.table, "started_us")
    named = rows.name(source.name)
    beside.name(source.name)
    table, beside_table = rows.finished(first), beside.finished(first)
    is_absolute = clock == "absolute"
    return Imported(
        tool=tool,
        campaign=name_of((campaign if isinstance(campaign, str) else campaign()) or tool),
        plan=Plan(_phases(table, resolution_us())),
        fidelity=Fidelity(
            samples="raw", schedule=False, failures=failures, absolute_time=is_absolute
        ),
        samples=table,
        apart=beside_table,
        started_at_us=first if is_absolute else None,
        length_us=_greatest(table, "ended_us"),
        state="incomplete" if source.is_cut else "complete",
        notes=(*source.notes, *left_out.notes(), *named, *notes()),
    )


def of_durations(
    source: Source,
    tool: str,
    frame: pl.DataFrame,
    left_out: LeftOut,
    failures: bool,
    *,
    apart: Sequence[pl.DataFrame] = (),
    notes: Notes = (),
) -> Imported:
    """A run of rows that have a duration (from 0 to `ended_us`) but no time: exact percentiles,
    and nothing that needs a rate or a course over time."""
    found = of_samples(
        source, tool, [frame], left_out=left_out, clock="offset", apart=apart, failures=failures
    )
    phases = tuple(replace(one, start_us=0, end_us=0) for one in found.plan.phases)
    timeless = replace(found, plan=Plan(phases), started_at_us=None, length_us=0)
    info = RunInfo("", found.campaign, None, None)
    rows = [*series.rows(timeless.run_data(info)), *timeless.rows_apart(info)]
    return replace(
        timeless,
        fidelity=replace(found.fidelity, samples="histogram", absolute_time=False),
        samples=samples.empty(),
        apart=samples.empty(),
        rows=tuple(_without_intervals(row, failures=failures) for row in rows),
        notes=(*found.notes, *notes, _NO_TIMES.format(count=found.samples.height)),
    )


_NO_TIMES: Final = (
    "The file holds {count:,} durations and no times: rates, the course over time, intervals and"
    " saturation are missing because the source does not hold them."
)


def _without_intervals(row: Series, *, failures: bool) -> Series:
    """Intervals come from the course over time."""
    row = unplanned(row if failures else without_failures(row))
    response = replace(row.response_ms, ci=dict.fromkeys(row.response_ms.ci))
    return replace(row, window_us=(0, 0), response_ms=response)


def nothing_left(source: Source, left_out: LeftOut) -> FormatError:
    """The error for a file of which no row can be taken."""
    line, column = left_out.first_place
    why = "; ".join(left_out.reasons()) or "it holds no request"
    return source.error(line or 1, column or 1, f"nothing can be read: {why}.")


def micros(value: pl.Expr, factor: float) -> pl.Expr:
    """Times in any unit as whole microseconds; null where they are absurd."""
    return (value * factor).round().cast(pl.Int64, strict=False)


def time_of(text: object) -> int | None:
    """A moment in RFC 3339 as microseconds since 1970, None where it cannot be one."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(_NANOSECONDS.sub(r"\1", text))
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    found = round(moment.timestamp() * 1_000_000)
    return found if _FIRST_US <= found < _LAST_US else None


def name_of(text: str) -> str:
    """A name as it is shown: no control characters, not empty, not endless."""
    found = _CONTROL.sub(" ", text[: 4 * LONGEST_NAME]).strip()
    return (found[: LONGEST_NAME - 1] + "…" if len(found) > LONGEST_NAME else found) or NO_NAME


_COLLECTED: Final[dict[str, pl.DataType]] = {
    name: kind for name, kind in samples.CODED.items() if name != "phase"
}
# Small arrays that live long keep the memory around them in pieces.
_JOINED_FROM: Final = 500_000
_NEEDED: Final = ("scenario", "step", "started_us", "ended_us", "outcome")
_MOMENTS: Final = ("due_us", *_TIMES, "first_token_us")
_NUMBERS: Final = frozenset(
    name for name, kind in _COLLECTED.items() if kind.is_integer() and name not in _MOMENTS
)


def _collected(source: Source, frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The columns that the file has; those of a sample that it has not come last, see `_whole`."""
    joined = list[pl.DataFrame]()
    loose = [pl.DataFrame(schema={name: _COLLECTED[name] for name in _NEEDED})]
    count = waiting = 0
    for frame in frames:
        count, waiting = count + frame.height, waiting + frame.height
        if count > MOST_SAMPLES:
            raise source.error(
                1, 1, f"it holds more than {MOST_SAMPLES:,} samples, the most that are taken."
            )
        loose.append(_narrow(frame))
        if waiting >= _JOINED_FROM:
            joined.append(pl.concat(loose, how="diagonal_relaxed", rechunk=True))
            loose, waiting = [], 0
    return pl.concat([*joined, *loose], how="diagonal_relaxed")


def _narrow(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of a sample in which anything stands, names as numbers, and numbers that are no
    times in as few bits as they need."""
    have = [one.name for one in frame if one.name in _NEEDED or one.null_count() < len(one)]
    kinds = {name: kind for name, kind in _COLLECTED.items() if name in have}
    found = frame.select(pl.col(name).cast(kind) for name, kind in kinds.items())
    return found.with_columns(found[name].shrink_dtype() for name in have if name in _NUMBERS)


def empty() -> pl.DataFrame:
    """No sample, with every column of one."""
    return samples.empty()


def completed(frame: pl.DataFrame) -> pl.DataFrame:
    """All the columns of a sample, in their order and of their kinds."""
    return frame.select(
        (pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind)).alias(name)
        for name, kind in samples.SCHEMA.items()
    )


class _Rows:
    """The rows of a file on their way to samples. A step takes the table of the one before, so
    that of a large file no column is there twice."""

    def __init__(self, table: pl.DataFrame) -> None:
        self.table = table

    def keep_possible(self, clock: Clock, left_out: LeftOut) -> None:
        """The rows whose times can be true."""
        low, high = (-_DAY_US, _LONGEST_US) if clock == "offset" else (_FIRST_US, _LAST_US)
        checks = {
            "no readable time or duration": pl.col("started_us").is_not_null()
            & pl.col("ended_us").is_not_null(),
            "an end before the start": pl.col("ended_us") >= pl.col("started_us"),
            "a duration of more than 31 days": pl.col("ended_us") - pl.col("started_us")
            < _LONGEST_US,
            "a time that cannot be"
            if clock == "offset"
            else "a time that cannot be (only 2000 to 2100 is taken)": pl.col(
                "started_us"
            ).is_between(low, high),
        }
        for reason, holds in checks.items():
            self._keep(holds, reason, left_out)
        middle = self.table["started_us"].median()
        if isinstance(middle, float):
            near = (pl.col("started_us") - int(middle)).abs() < _LONGEST_US
            self._keep(near, "more than 31 days away from the other rows", left_out)

    def _keep(self, holds: pl.Expr, reason: str, left_out: LeftOut) -> None:
        good = self.table.select(holds.fill_null(value=False)).to_series()
        if good.all():  # a filter would copy everything
            return
        left_out.add(reason, int((~good).sum()))
        self.table = self.table.filter(good)

    def name(self, file: str) -> Notes:
        """Names of scenarios and steps as they are shown; beyond 500 steps the rarest become one.
        What is said of that."""
        names = _Names(self.table)
        if not names.are_as_given:
            self.table = self.table.with_columns(names.of(self.table))
        return names.notes(file)

    def finished(self, first_us: int) -> pl.DataFrame:
        """Times from the run's start, in the order of time, and texts of bounded length. Column by
        column; this object has none afterwards."""
        places = self.table.select(pl.arg_sort_by("started_us", maintain_order=True)).to_series()
        found = {}
        for name in self.table.columns:
            column = self.table.drop_in_place(name).gather(places)
            found[name] = _changed(column, first_us)
        return _whole(pl.DataFrame(found))


def _changed(column: pl.Series, first_us: int) -> pl.Series:
    match column.name:
        case "started_us" | "first_byte_us" | "ended_us":
            return column - first_us
        case "error":
            return column.str.slice(0, LONGEST_NAME)
        case "attempt":
            return column.fill_null(1)
        case _:
            return column


class _Names:
    """Names of scenarios and steps as they are shown; beyond 500 steps the rarest become one."""

    def __init__(self, table: pl.DataFrame) -> None:
        counted = table.group_by("scenario", "step").len().sort("len", descending=True)
        self.count = counted.height
        kept = counted.head(MOST_STEPS if self.count <= MOST_STEPS else MOST_STEPS - 1)
        given = kept.select(pl.col("scenario", "step").cast(pl.String)).rows()
        self._long = any(len(name or "") > LONGEST_NAME for row in given for name in row)
        self._known = kept.select(
            "scenario",
            "step",
            to_scenario=_shown("scenario", kept["scenario"]),
            to_step=_shown("step", kept["step"]),
        )
        self.are_as_given = (
            self.count == kept.height
            and given == self._known.select(pl.col("to_scenario", "to_step").cast(pl.String)).rows()
        )

    def of(self, table: pl.DataFrame) -> list[pl.Series]:
        """The two columns of a table anew."""
        joined = table.select("scenario", "step").join(
            self._known, on=["scenario", "step"], how="left", nulls_equal=True,
            maintain_order="left",
        )  # fmt: skip
        return [
            joined["to_scenario"].fill_null(OTHERS).alias("scenario"),
            joined["to_step"].fill_null(OTHERS).alias("step"),
        ]

    def notes(self, name: str) -> Notes:
        found = []
        if self.count > MOST_STEPS:
            found.append(
                f"{name} names {self.count:,} steps: the {MOST_STEPS - 1} most frequent have rows"
                f" of their own, the others are one, '{OTHERS}'. Give requests names in the tool."
            )
        if self._long:
            found.append(f"{name}: names longer than {LONGEST_NAME} characters were shortened.")
        return tuple(found)


def _shown(name: str, given: pl.Series) -> pl.Series:
    shown = [name_of(one or "") for one in given]
    return pl.Series(f"to_{name}", shown, pl.String()).cast(samples.CODED[name])


def _whole(table: pl.DataFrame) -> pl.DataFrame:
    """With every column of a sample; one value for all rows takes no memory."""
    values = {"phase": PHASE, "attempt": 1}
    absent = [name for name in samples.CODED if name not in table.columns]
    given = (pl.lit(values.get(name)).cast(samples.CODED[name]).alias(name) for name in absent)
    return table.with_columns(given).select(list(samples.CODED))


def _phases(table: pl.DataFrame, resolution_us: int) -> tuple[Phase, ...]:
    """One a scenario, from its first start to its last end.

    A scenario of one sample has a phase of no length, and so has one that lasted less than ten
    times as long as its times are coarse: how often its requests came is not known.
    """
    extents = table.group_by("scenario", maintain_order=True).agg(
        pl.col("started_us").min().alias("start"),
        pl.col("ended_us").max().alias("end"),
        pl.len(),
    )
    least_us = 10 * resolution_us
    return tuple(
        Phase(scenario, PHASE, start, end + 1 if count > 1 and end - start > least_us else start)
        for scenario, start, end, count in extents.iter_rows()
    )


def _least(table: pl.DataFrame, name: str) -> int:
    found = table[name].min()
    return found if isinstance(found, int) else 0


def _greatest(table: pl.DataFrame, name: str) -> int:
    found = table[name].max()
    return found if isinstance(found, int) else 0


def outcome(
    failed: pl.Expr,
    status: pl.Expr,
    *,
    timed_out: pl.Expr | None = None,
    unconnected: pl.Expr | None = None,
) -> pl.Expr:
    """The outcome of each row, from whether its tool counted it as failed and its status.

    A status of 0 or null with a failure is a connection that did not come about.
    """
    never = pl.lit(value=False)
    bad = failed.fill_null(value=False)
    no_status = status.fill_null(0) == 0
    return (
        pl.when(~bad).then(pl.lit("ok"))
        .when((timed_out if timed_out is not None else never).fill_null(value=False))
        .then(pl.lit("timeout"))
        .when((unconnected if unconnected is not None else no_status).fill_null(value=False))
        .then(pl.lit("connection_error"))
        .when(status == 429).then(pl.lit("refused"))
        .when(status.is_between(400, 499)).then(pl.lit("client_error"))
        .when(status.is_between(500, 599)).then(pl.lit("server_error"))
        .otherwise(pl.lit("check_failed"))
    )  # fmt: skip
