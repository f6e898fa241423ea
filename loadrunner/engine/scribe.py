"""Writes what workers ship into the spool, in short pieces.

Where a worker shares its core with the coordinator, each piece keeps it from sending for as long as
it takes: the system would take the core from the coordinator at once only if the worker had not had
more than its share just before, and else at the end of a slice of up to 4 ms. So the coordinator
lets go by itself after every piece.
"""

import time
from collections import defaultdict
from typing import Final

from loadrunner.engine import lines
from loadrunner.engine.frames import frame
from loadrunner.engine.record import RECORD, Names
from loadrunner.engine.sheaves import Sheaves
from loadrunner.spool import SpoolWriter

# From so many on, frames are worth their millisecond.
_MANY_BYTES: Final = 4_096 * RECORD.size
_PIECE_BYTES: Final = 64 * RECORD.size
# As short as the system allows, which makes about 60 us of it.
_NAP_S: Final = 1e-6


def let_go() -> None:
    """Leave the core to whoever waits for it."""
    time.sleep(_NAP_S)


class Scribe:
    """Raises DiskError when the disk refuses."""

    def __init__(self, names: Names, writer: SpoolWriter) -> None:
        self._names = names
        self._writer = writer
        self._sheaves = Sheaves()
        self._errors: dict[int, list[str]] = defaultdict(list)
        self._lines: dict[int, lines.Write] = {}

    def learn(self, worker: int, error: str) -> None:
        """The next error text of a worker, as it may be written."""
        self._errors[worker].append(error)

    def add(self, worker: int, records: bytes) -> None:
        """Whole packed records of a worker, which may be written a little later."""
        gathered = self._sheaves.add(worker, records)
        if gathered is not None:
            self._write(worker, gathered)

    def write_rest(self) -> None:
        """Nothing is left behind."""
        for worker, records in self._sheaves.rest():
            self._write(worker, records)

    def _write(self, worker: int, records: bytes) -> None:
        errors = self._errors[worker]
        if len(records) >= _MANY_BYTES:
            self._writer.add_samples(frame(records, self._names, worker, errors))
            return
        write = self._lines.get(worker)
        if write is None:
            write = self._lines[worker] = lines.writer(self._names, worker)
        for start in range(0, len(records), _PIECE_BYTES):
            piece = records[start : start + _PIECE_BYTES]
            self._writer.add_lines(write(piece, errors), len(piece) // RECORD.size)
            let_go()
