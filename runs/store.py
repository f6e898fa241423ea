"""The store: raw files byte for byte, and the Parquet files that were made of them.

    HEADROOM_DATA/incoming/*.part          bodies on their way in
    HEADROOM_DATA/runs/RUN/raw/…           a spool folder, as it came
    HEADROOM_DATA/runs/RUN/*.parquet       samples, readings, health

The only module that knows where files lie and that reads or writes Parquet. Files appear by
rename, whole or not at all.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import polars as pl
from django.conf import settings

_ABANDONED_AFTER_S: Final = 6 * 3600


def _data() -> Path:
    return Path(settings.HEADROOM_DATA)


def _incoming() -> Path:
    return _data() / "incoming"


def folder_of(run_id: UUID) -> Path:
    return _data() / "runs" / str(run_id)


def spool_of(run_id: UUID) -> Path:
    """The raw files of a run, laid out as a spool; made where it is missing."""
    folder = folder_of(run_id) / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def raw_file(run_id: UUID, name: str) -> Path:
    """`name` must be one that ingest let in: it becomes part of a path."""
    return folder_of(run_id) / "raw" / name


@contextmanager
def part() -> Iterator[Path]:
    """A new path for a body on its way in; whatever still lies there at the end is removed."""
    _incoming().mkdir(parents=True, exist_ok=True)
    path = _incoming() / f"{uuid4().hex}.part"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def keep(path: Path, run_id: UUID, name: str) -> None:
    """Move a complete file, already synced, to its place among the run's raw files."""
    folder = spool_of(run_id)
    path.replace(folder / name)
    _sync_folder(folder)


def sweep_incoming(now_s: float | None = None) -> int:
    """Remove what a killed server left on its way in; the number of files removed."""
    now = time.time() if now_s is None else now_s
    removed = 0
    for path in _incoming().glob("*.part"):
        if _age_s(path, now) > _ABANDONED_AFTER_S:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _age_s(path: Path, now_s: float) -> float:
    try:
        return now_s - path.stat().st_mtime
    except FileNotFoundError:  # its own request has just finished with it
        return 0.0


def write_frames(run_id: UUID, **frames: pl.DataFrame) -> None:
    """Write each frame as NAME.parquet; a second time replaces the first."""
    folder = folder_of(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.draft"):  # by a worker that was killed
        left.unlink(missing_ok=True)
    for name, frame in frames.items():
        draft = folder / f"{name}.{uuid4().hex}.draft"
        try:
            frame.write_parquet(draft, compression="zstd")
            draft.replace(folder / f"{name}.parquet")
        finally:
            draft.unlink(missing_ok=True)


def read_frame(run_id: UUID, name: str) -> pl.DataFrame:
    """FileNotFoundError where the run was not processed yet."""
    path = folder_of(run_id) / f"{name}.parquet"
    if not path.exists():
        raise FileNotFoundError(path)
    return pl.read_parquet(path, memory_map=False)


def is_writable() -> bool:
    """Whether a file can be made and removed in the store at this moment."""
    try:
        with part() as path:
            path.write_bytes(b"")
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
