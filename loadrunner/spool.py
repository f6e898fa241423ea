"""Writes a run's raw results as they happen: sealed segments of NDJSON in zstd, and the manifest.

What was added more than a second ago survives a `kill -9`: every block is flushed by then, and a
reader takes a segment that was never sealed.
"""

import hashlib
import io
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import polars as pl
import zstandard

from loadrunner.errors import LoadrunnerError, UsageError
from runs.formats.manifest import Manifest, Segment

# On samples the lowest level is the smallest too: 28.5 bytes a line, against 30.7 at level 3.
_LEVEL = 1
_FLUSH_EVERY_S = 0.5
_SEAL_AFTER_SAMPLES = 200_000
_SEAL_AFTER_S = 10.0


class DiskError(LoadrunnerError):
    """The spool can no longer be written; what is there stays readable."""


class _Stream:
    """One file of lines, flushed in blocks that can be read on their own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0
        self.opened_s = self._flushed_s = time.monotonic()
        # Without a buffer, so that a full disk is heard of here and not when the file is let go.
        self._file = path.open("wb", buffering=0)
        self._digest = hashlib.sha256()
        # With a checksum of its plain text, a segment that no manifest lists tells damage as well.
        packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self._zstd = packer.compressobj()

    def write(self, text: bytes, lines: int) -> None:
        self._put(self._zstd.compress(text))
        self.lines += lines
        if time.monotonic() - self._flushed_s >= _FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        self._put(self._zstd.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
        self._flushed_s = time.monotonic()

    def seal(self) -> Segment:
        self._put(self._zstd.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH))
        os.fsync(self._file.fileno())
        return Segment(
            name=self.path.name,
            samples=self.lines,
            bytes=self._file.tell(),
            sha256=self._digest.hexdigest(),
        )

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]


def check_unused(folder: Path) -> None:
    """Raise a UsageError where something stands in the folder or in its place, or where it cannot
    be made: that is said before anything is sent."""
    # Not Path.exists, which raises where a folder on the way may not be looked into.
    home = next(one for one in (folder, *folder.absolute().parents) if os.path.exists(one))  # noqa: PTH110
    takes_it = home.is_dir() and os.access(home, os.R_OK | os.W_OK | os.X_OK)
    if home == folder and (not home.is_dir() or (takes_it and any(home.iterdir()))):
        raise _in_use(folder)
    if not takes_it:
        raise UsageError(f"--out {folder} cannot be made: {home} is no folder that can be written.")


def _in_use(folder: Path) -> UsageError:
    return UsageError(f"--out {folder} is already in use; name a new folder.")


class SpoolWriter:
    """The folder of one run. Raises UsageError for a folder that is in use, DiskError when the
    disk refuses."""

    def __init__(self, folder: Path) -> None:
        check_unused(folder)
        self.folder = folder
        self._draft = folder / "manifest.json.part"
        with _disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._claim()
        self.segments: list[Segment] = []
        self._samples: _Stream | None = None
        self._readings: _Stream | None = None
        self._health: _Stream | None = None

    def write_manifest(self, manifest: Manifest) -> None:
        """Whole or not at all."""
        with _disk(self.folder):
            self._draft.write_text(manifest.to_json(), encoding="utf-8")
            self._draft.rename(self.folder / "manifest.json")

    def _claim(self) -> None:
        """Of two that found the folder empty one has it."""
        try:
            self._draft.touch(exist_ok=False)
        except FileExistsError as error:
            raise _in_use(self.folder) from error

    def add_samples(self, frame: pl.DataFrame) -> None:
        """Rows with the columns of runs.formats.samples."""
        text = io.BytesIO()
        frame.write_ndjson(text)
        self.add_lines(text.getvalue(), frame.height)

    def add_lines(self, text: bytes, samples: int) -> None:
        """The same as they stand in the file: so many whole lines."""
        with _disk(self.folder):
            stream = self._samples = self._samples or self._new_segment()
            stream.write(text, samples)
            self._seal_if_due(stream)

    def add_reading(self, reading: Mapping[str, object]) -> None:
        with _disk(self.folder):
            self._readings = self._readings or _Stream(self.folder / "probes.ndjson.zst")
            self._readings.write(_line(reading), 1)

    def add_health(self, health: Mapping[str, object]) -> None:
        with _disk(self.folder):
            self._health = self._health or _Stream(self.folder / "health.ndjson.zst")
            self._health.write(_line(health), 1)

    def flush(self) -> None:
        """Called at least each half second, so that a quiet run is kept as well as a busy one."""
        with _disk(self.folder):
            for stream in (self._samples, self._readings, self._health):
                if stream is not None:
                    stream.flush()

    def close(self) -> None:
        """Seal everything; the segments are then complete. Whatever fails, no file stays open."""
        streams = [one for one in (self._samples, self._readings, self._health) if one is not None]
        with _disk(self.folder), ExitStack() as files:
            for stream in streams:
                files.enter_context(stream)
            sealed = [stream.seal() for stream in streams]
            self.segments += sealed[:1] if self._samples is not None else []
        self._samples = self._readings = self._health = None

    def _new_segment(self) -> _Stream:
        return _Stream(self.folder / f"samples-{len(self.segments):05d}.ndjson.zst")

    def _seal_if_due(self, stream: _Stream) -> None:
        is_old = time.monotonic() - stream.opened_s >= _SEAL_AFTER_S
        if stream.lines >= _SEAL_AFTER_SAMPLES or is_old:
            with stream:
                self.segments.append(stream.seal())
            self._samples = None


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Turns what the disk says into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise DiskError(
            f"The spool {folder} cannot be written: {error.strerror}. "
            "What stands there can be read and uploaded; make room and run again."
        ) from error


def _line(record: Mapping[str, object]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"
