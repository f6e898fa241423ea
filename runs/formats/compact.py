"""The columns of the samples that the analysis reads, in the least memory that holds them.

A frame of ten million samples with every column of the format takes four gigabytes; this part of
it takes four hundred megabytes, and is all that is kept while a run is read piece by piece.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis import columns
from runs.formats import samples, spool
from runs.formats.spool import Spool

_CODED: Final = (*samples.NAMES, "outcome", "due_by")
_TIMES: Final = ("due_us", "started_us", "ended_us", "first_token_us")
_MOMENTS: Final = ("due_us", "started_us", "ended_us")
_NEVER: Final = np.iinfo(np.int64).min
_ARRAY: Final = 1 << 20  # 8 MB each
_NUMBERS: Final = ("journey", "user", "worker", "attempt", "status")
# Parts that wait to be joined: small arrays that live long keep the memory around them in pieces.
_JOINED_FROM: Final = 500_000
COLUMNS: Final = (*_CODED, *_TIMES, *_NUMBERS)


class Compact:
    """Takes frames of samples one after the other; `frame()` is all of them together. `more` are
    columns that this source's analysis reads beside COLUMNS."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self.columns = (*COLUMNS, *more)
        self._moments = {name: _Moments() for name in _MOMENTS}
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
            self._loose[name].append(frame[name])
        self._waiting += frame.height
        if self._waiting >= _JOINED_FROM:
            self._join()

    def frame(self) -> pl.DataFrame:
        """Column by column, so that no more than one is there twice. Empties this object."""
        self._join()
        return pl.DataFrame([self._whole(name) for name in self.columns])

    def _whole(self, name: str) -> pl.Series:
        parts = self._parts.pop(name)
        if name in _MOMENTS:
            return self._moments.pop(name).series(name)
        kind = _kind_of_all(parts) if name in samples.NAMES else samples.CODED[name]
        return _joined(parts, kind).alias(name)

    def _keep(self, part: pl.Series) -> None:
        if part.name in _MOMENTS:
            self._moments[part.name].add(part)
        else:
            is_name = part.name in samples.NAMES
            self._parts[part.name].append(_own(part) if is_name else part)

    def _join(self) -> None:
        for name, loose in self._loose.items():
            if loose:
                kind = samples.CODED[name]
                self._keep(_compact(pl.concat([part.cast(kind) for part in loose])))
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
        kept._keep(_compact(pl.read_parquet(path, columns=[name], memory_map=False)[name]))
    return kept.frame()


class _Moments:
    """A column of times, which are most of the memory. They wait in arrays that the system takes
    back the moment they are let go; what polars frees it keeps for a while, and joining the columns
    one after the other would take as much once more."""

    def __init__(self) -> None:
        self._arrays: list[NDArray[np.int64]] = []
        self._count = 0

    def add(self, times: pl.Series) -> None:
        given = times.cast(pl.Int64).fill_null(_NEVER).to_numpy()
        while len(given):
            at = self._count % _ARRAY
            if not at:
                self._arrays.append(np.empty(_ARRAY, dtype=np.int64))
            taken, given = given[: _ARRAY - at], given[_ARRAY - at :]
            self._arrays[-1][at : at + len(taken)] = taken
            self._count += len(taken)

    def series(self, name: str) -> pl.Series:
        """All of them; empties this object."""
        every = np.empty(self._count, dtype=np.int64)
        self._arrays.reverse()
        for start in range(0, self._count, _ARRAY):
            part = every[start : start + _ARRAY]
            part[:] = self._arrays.pop()[: len(part)]
        absent = every == _NEVER
        if self._count and absent.all():
            return pl.Series(name, [None], dtype=pl.Int8).new_from_index(0, self._count)
        found = pl.Series(name, every)
        return found.set(pl.Series(absent), None) if absent.any() else found


def needed(frame: pl.DataFrame, more: Iterable[str] = ()) -> pl.DataFrame:
    """The same columns of samples that are in memory; nothing is copied."""
    return frame.select(*COLUMNS, *more)


def _compact(column: pl.Series) -> pl.Series:
    kind = samples.CODED[column.name]
    is_narrow = column.name in _NUMBERS or column.null_count() == len(column)
    if is_narrow and column.dtype.is_integer():
        return column.shrink_dtype()
    return column.cast(kind)


def _own(names: pl.Series) -> pl.Series:
    """Names as numbers among those that stand here, in a byte each: the numbers of all names that
    the process knows take four. In the order of the alphabet, as texts are."""
    used = names.unique().drop_nulls().cast(pl.String).sort()
    return names.cast(pl.Enum(used)) if len(used) else names


def _kind_of_all(parts: Iterable[pl.Series]) -> pl.DataType:
    """Of the names of all parts together."""
    kinds = [part.dtype for part in parts]
    known = {name for kind in kinds if isinstance(kind, pl.Enum) for name in kind.categories}
    return pl.Enum(sorted(known)) if known else samples.CODED["scenario"]


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
