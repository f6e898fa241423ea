"""The store: raw files byte for byte, and the Parquet tables that were made of them.

    HEADROOM_DATA/incoming/*.part          bodies on their way in
    HEADROOM_DATA/runs/RUN/raw/…           a spool folder, as it came
    HEADROOM_DATA/runs/RUN/*.parquet       samples, readings, health, seconds, histograms

`Store` is all that the warehouse asks of the place where files lie; `LocalFolder` is the one that
there is. An object store would fetch to a local cache where a path is asked for. This is the only
module that knows where files lie and that writes Parquet. Files appear by rename, whole or not
at all.
"""

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID, uuid4

import polars as pl
from django.conf import settings
from polars.io.plugins import register_io_source

Frames = Iterator[pl.DataFrame]
_ABANDONED_AFTER_S: Final = 6 * 3600
_TABLE: Final = ".parquet"


class Store(Protocol):
    """Files of runs, by run id and name. Names must be ones that ingest let in."""

    def part(self) -> AbstractContextManager[Path]:
        """A new local path for a body on its way in, removed at the end unless it was kept."""
        ...

    def keep(self, path: Path, run_id: UUID, name: str) -> None:
        """Move a complete file, already synced, to its place among the run's raw files."""
        ...

    def spool_of(self, run_id: UUID) -> Path:
        """A local folder with the raw files of a run, laid out as a spool."""
        ...

    def raw_sizes(self, run_id: UUID) -> dict[str, int]:
        """The bytes of each raw file of a run, by name."""
        ...

    def drop_raw(self, run_id: UUID, name: str) -> None:
        """Remove a raw file; one that is gone already is no error."""
        ...

    def write_tables(self, run_id: UUID, tables: Mapping[str, pl.DataFrame]) -> None:
        """Write each as NAME.parquet; a second time replaces the first."""
        ...

    def stream_table(
        self, run_id: UUID, name: str, schema: Mapping[str, pl.DataType], parts: Frames
    ) -> None:
        """Write NAME.parquet from its parts, of which only a few are in memory at a time; what
        reading them raises is raised, and an older table then stays."""
        ...

    def table(self, run_id: UUID, name: str) -> Path:
        """A local path of a Parquet table; FileNotFoundError where there is none."""
        ...

    def table_names(self, run_id: UUID) -> list[str]:
        """The tables that a run has."""
        ...

    def drop_table(self, run_id: UUID, name: str) -> None:
        """Remove a table; one that is gone already is no error."""
        ...

    def derived_bytes(self, run_id: UUID) -> int:
        """What the tables of a run take."""
        ...

    def run_ids(self) -> Iterator[tuple[UUID, float]]:
        """Every run that has files, and when one was added or removed last, in epoch seconds."""
        ...

    def remove(self, run_id: UUID) -> None:
        """Everything of a run; one that has nothing is no error."""
        ...

    def sweep_incoming(self, now_s: float) -> int:
        """Remove what a killed server left on its way in; the number of files removed."""
        ...


@dataclass(frozen=True)
class LocalFolder:
    """A store in a folder, which several hosts may share."""

    folder: Path

    @property
    def _incoming(self) -> Path:
        return self.folder / "incoming"

    def folder_of(self, run_id: UUID) -> Path:
        return self.folder / "runs" / str(run_id)

    @contextmanager
    def part(self) -> Iterator[Path]:
        self._incoming.mkdir(parents=True, exist_ok=True)
        path = self._incoming / f"{uuid4().hex}.part"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def keep(self, path: Path, run_id: UUID, name: str) -> None:
        folder = self.spool_of(run_id)
        path.replace(folder / name)
        _sync_folder(folder)

    def spool_of(self, run_id: UUID) -> Path:
        folder = self.folder_of(run_id) / "raw"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def raw_sizes(self, run_id: UUID) -> dict[str, int]:
        folder = self.folder_of(run_id) / "raw"
        return {path.name: path.stat().st_size for path in sorted(folder.glob("*"))}

    def drop_raw(self, run_id: UUID, name: str) -> None:
        (self.folder_of(run_id) / "raw" / name).unlink(missing_ok=True)

    def write_tables(self, run_id: UUID, tables: Mapping[str, pl.DataFrame]) -> None:
        for name, frame in tables.items():
            with self._draft(run_id, name) as draft:
                frame.write_parquet(draft, compression="zstd")

    def stream_table(
        self, run_id: UUID, name: str, schema: Mapping[str, pl.DataType], parts: Frames
    ) -> None:
        with self._draft(run_id, name) as draft:
            _sink(draft, schema, parts)

    @contextmanager
    def _draft(self, run_id: UUID, name: str) -> Iterator[Path]:
        """A path whose file becomes the table at the end, unless something went wrong."""
        folder = self.folder_of(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.draft"):  # by a worker that was killed
            left.unlink(missing_ok=True)
        draft = folder / f"{name}.{uuid4().hex}.draft"
        try:
            yield draft
            draft.replace(folder / f"{name}{_TABLE}")
        finally:
            draft.unlink(missing_ok=True)

    def table(self, run_id: UUID, name: str) -> Path:
        path = self.folder_of(run_id) / f"{name}{_TABLE}"
        if not path.exists():
            raise FileNotFoundError(path)
        return path

    def table_names(self, run_id: UUID) -> list[str]:
        return sorted(path.stem for path in self.folder_of(run_id).glob(f"*{_TABLE}"))

    def drop_table(self, run_id: UUID, name: str) -> None:
        (self.folder_of(run_id) / f"{name}{_TABLE}").unlink(missing_ok=True)

    def derived_bytes(self, run_id: UUID) -> int:
        tables = self.folder_of(run_id).glob(f"*{_TABLE}")
        return sum(path.stat().st_size for path in tables)

    def run_ids(self) -> Iterator[tuple[UUID, float]]:
        for path in (self.folder / "runs").glob("*"):
            run_id = _run_id(path.name)
            if run_id is not None:
                yield run_id, max(_changed_at(path), _changed_at(path / "raw", 0.0))

    def remove(self, run_id: UUID) -> None:
        shutil.rmtree(self.folder_of(run_id), ignore_errors=True)

    def sweep_incoming(self, now_s: float) -> int:
        removed = 0
        for path in self._incoming.glob("*.part"):
            if now_s - _changed_at(path) > _ABANDONED_AFTER_S:
                path.unlink(missing_ok=True)
                removed += 1
        return removed


def current() -> Store:
    """The store that the settings name."""
    return _local()


def _local() -> LocalFolder:
    return LocalFolder(Path(settings.HEADROOM_DATA))


def folder_of(run_id: UUID) -> Path:
    return _local().folder_of(run_id)


def spool_of(run_id: UUID) -> Path:
    """The raw files of a run, laid out as a spool; made where it is missing."""
    return current().spool_of(run_id)


def raw_file(run_id: UUID, name: str) -> Path:
    """`name` must be one that ingest let in: it becomes part of a path."""
    return spool_of(run_id) / name


def part() -> AbstractContextManager[Path]:
    """A new path for a body on its way in; whatever still lies there at the end is removed."""
    return current().part()


def keep(path: Path, run_id: UUID, name: str) -> None:
    """Move a complete file, already synced, to its place among the run's raw files."""
    current().keep(path, run_id, name)


def sweep_incoming(now_s: float | None = None) -> int:
    """Remove what a killed server left on its way in; the number of files removed."""
    return current().sweep_incoming(time.time() if now_s is None else now_s)


def write_frames(run_id: UUID, **frames: pl.DataFrame) -> None:
    """Write each frame as NAME.parquet; a second time replaces the first."""
    current().write_tables(run_id, frames)


def stream_frames(
    run_id: UUID, name: str, schema: Mapping[str, pl.DataType], parts: Frames
) -> None:
    """Write a table from its parts, one after the other."""
    current().stream_table(run_id, name, schema, parts)


def read_frame(run_id: UUID, name: str) -> pl.DataFrame:
    """FileNotFoundError where the run was not processed yet."""
    return pl.read_parquet(current().table(run_id, name), memory_map=False)


def is_writable() -> bool:
    """Whether a file can be made and removed in the store at this moment."""
    try:
        with part() as path:
            path.write_bytes(b"")
    except OSError:
        return False
    return True


def _sink(path: Path, schema: Mapping[str, pl.DataType], parts: Frames) -> None:
    def source(*_wishes: object) -> Frames:
        yield from parts

    frames = register_io_source(source, schema=dict(schema), is_pure=True)
    # Nobody skips over parts of a run by what its columns hold.
    # On samples the lowest level of zstd is the smallest too, as it is for the lines they come in.
    frames.sink_parquet(path, compression="zstd", compression_level=1, statistics=False)


def _run_id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None


def _changed_at(path: Path, gone_s: float | None = None) -> float:
    """Epoch seconds; now for what has just gone: its own request has finished with it."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time() if gone_s is None else gone_s


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
