"""The columns of the samples that the analysis reads, in the least memory that holds them.

A frame of ten million samples with every column of the format takes four gigabytes; this part of
it takes four hundred megabytes, and is all that is kept while a run is read piece by piece.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import polars as pl

from runs.analysis import columns
from runs.formats import samples, spool
from runs.formats.spool import Spool

_CODED: Final = (*samples.NAMES, "outcome", "due_by")
_TIMES: Final = ("due_us", "started_us", "ended_us", "first_token_us")
_NUMBERS: Final = ("journey", "user", "worker", "attempt", "status")
# Parts that wait to be joined: small arrays that live long keep the memory around them in pieces.
_JOINED_FROM: Final = 500_000
COLUMNS: Final = (*_CODED, *_TIMES, *_NUMBERS)


class Compact:
    """Takes frames of samples one after the other; `frame()` is all of them together. `more` are
    columns that this source's analysis reads beside COLUMNS."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self.columns = (*COLUMNS, *more)
        self._parts: dict[str, list[pl.Series]] = {name: [] for name in self.columns}
        self._loose: dict[str, list[pl.Series]] = {name: [] for name in self.columns}
        self._waiting = 0

    def seeing(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The frames as they come, with what matters of each kept."""
        for frame in frames:
            self.add(frame)
            yield frame

    def add(self, frame: pl.DataFrame) -> None:
        for name in self.columns:
            self._loose[name].append(_compact(frame[name]))
        self._waiting += frame.height
        if self._waiting >= _JOINED_FROM:
            self._join()

    def frame(self) -> pl.DataFrame:
        """Column by column, so that no more than one is there twice. Empties this object."""
        self._join()
        every = {name: _joined(self._parts.pop(name), samples.CODED[name]) for name in self.columns}
        return pl.DataFrame(every)

    def _join(self) -> None:
        for name, loose in self._loose.items():
            if loose:
                self._parts[name].append(_joined(loose, samples.CODED[name]))
                loose.clear()
        self._waiting = 0


def of_spool(folder: Path) -> Spool:
    """What `spool.read` reads, its samples with the columns of the analysis alone. Raises
    SpoolError and ManifestError."""
    reading = spool.Reading(folder)
    kept = Compact(columns.needs(spool.info_of(reading.manifest).source))
    for frame in reading.samples():
        kept.add(frame)
    return reading.spool(kept.frame())


def of_table(path: Path, more: Iterable[str] = ()) -> pl.DataFrame:
    """The same of a Parquet table of samples, read column by column."""
    kept = Compact(more)
    for name in kept.columns:
        column = pl.read_parquet(path, columns=[name], memory_map=False)[name]
        kept._parts[name].append(_compact(column))
        del column
    return kept.frame()


def _compact(column: pl.Series) -> pl.Series:
    kind = samples.CODED[column.name]
    is_narrow = column.name in _NUMBERS or column.null_count() == len(column)
    if is_narrow and column.dtype.is_integer():
        return column.shrink_dtype()
    return column.cast(kind)


def _joined(parts: list[pl.Series], kind: pl.DataType) -> pl.Series:
    """One array; numbers are as wide as the widest part needs."""
    if not parts:
        return pl.Series(dtype=kind)
    # No sample at all would fit into a byte, and no time that is reckoned with would.
    if kind.is_integer() and any(len(part) for part in parts):
        kind = max((part.dtype for part in parts), key=_width)
    return pl.concat([part.cast(kind) for part in parts], rechunk=True)


def _width(kind: pl.DataType) -> int:
    return int(pl.Series([], dtype=kind).to_numpy().dtype.itemsize)
