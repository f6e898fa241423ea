"""Gatling's simulation.log as binary (3.13 and later, some 3.12).

    record        1 byte of kind, then its fields; big-endian
    string        int32 length; unless 0: the bytes, and 1 byte of coder (0 Latin-1, 1 UTF-16)
    cached string int32 n; n > 0: a string follows, to be remembered as n; n < 0: number -n

Times are milliseconds from the start in the Run record, which comes first. The file may end in
the middle of a record: what stands before is kept.
"""

import struct
from collections.abc import Iterator
from typing import Final

import polars as pl

from runs.formats import gatling, raw
from runs.formats.imported import Imported
from runs.formats.left_out import LeftOut
from runs.formats.source import Source

NAME: Final = gatling.NAME
_RUN, _REQUEST, _USER, _GROUP, _ERROR = range(5)
_LONGEST: Final = 16 << 20
_MOST_STRINGS: Final = 2_000_000
_ROWS_AT_ONCE: Final = 200_000
_INT: Final = struct.Struct(">i")
_LONG: Final = struct.Struct(">q")


class _CutError(Exception):
    """The file ends inside a record."""


class _DamagedError(Exception):
    """The bytes are no record of Gatling's."""


def recognises(head: bytes) -> bool:
    """A Run record: kind 0, then the length and the text of a version such as 3.13.1."""
    if len(head) < 10 or head[0] != _RUN:
        return False
    length = _INT.unpack_from(head, 1)[0]
    return 0 < length < 64 and head[5 : 5 + length].replace(b".", b"")[:1].isdigit()


def read(source: Source) -> Imported:
    log = _Log(source)
    return raw.of_samples(
        source,
        NAME,
        log.frames(),
        left_out=log.left_out,
        campaign=lambda: log.simulation,
        notes=log.notes,
    )


class _Bytes:
    """The file's bytes, taken one field after another."""

    def __init__(self, source: Source) -> None:
        self._pieces = source.pieces()
        self._buffer = b""
        self._at = 0
        self.offset = 0  # of the buffer in the file

    @property
    def position(self) -> int:
        return self.offset + self._at

    def take(self, size: int) -> bytes:
        """The next bytes; _CutError where there are not so many."""
        while len(self._buffer) - self._at < size:
            piece = next(self._pieces, None)
            if piece is None:
                raise _CutError
            self.offset += self._at
            self._buffer, self._at = self._buffer[self._at :] + piece, 0
        found = self._buffer[self._at : self._at + size]
        self._at += size
        return found

    def byte(self) -> int:
        return self.take(1)[0]

    def int32(self) -> int:
        found: int = _INT.unpack(self.take(4))[0]
        return found

    def int64(self) -> int:
        found: int = _LONG.unpack(self.take(8))[0]
        return found

    def count(self) -> int:
        """A number of things that follow."""
        found = self.int32()
        if not 0 <= found <= 1_000_000:
            raise _DamagedError(f"a count of {found}")
        return found

    def boolean(self) -> bool:
        found = self.byte()
        if found > 1:
            raise _DamagedError(f"{found} where true or false is expected")
        return found == 1

    def string(self) -> str:
        length = self.int32()
        if not 0 <= length <= _LONGEST:
            raise _DamagedError(f"a text of {length} bytes")
        if not length:
            return ""
        text, coder = self.take(length), self.byte()
        if coder > 1:
            raise _DamagedError(f"a text with the coder {coder}")
        # UTF-16 stands in the order of the machine that wrote it: little-endian on x86 and ARM.
        return text.decode("latin-1" if coder == 0 else "utf-16-le", errors="replace")

    def is_at_end(self) -> bool:
        try:
            self.take(1)
        except _CutError:
            return True
        self._at -= 1
        return False


class _Log:
    """The records in their order; what they say beside requests is known at the end."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.left_out = LeftOut(source.name)
        self.simulation = ""
        self._bytes = _Bytes(source)
        self._strings: dict[int, str] = {}
        self._scenarios: list[str] = []
        self._start_ms = 0
        self._groups = self._inbound = self._errors = 0
        self._no_end = 0  # the end of a message that came unasked
        self._rows: list[tuple[str, int, int, bool, str]] = []

    def frames(self) -> Iterator[pl.DataFrame]:
        start = 0
        try:
            while not self._bytes.is_at_end():
                start = self._bytes.position
                self._record()
                if len(self._rows) >= _ROWS_AT_ONCE:
                    yield self._frame()
        except _CutError:
            self.source.cut(f"is cut in the record at byte {start:,}: it is left out.")
        except _DamagedError as error:
            if not self._rows and not self._start_ms:
                raise self.source.error(
                    1, start + 1, f"not a log of Gatling: {error} in the first record."
                ) from error
            self.source.cut(
                f"is damaged in the record at byte {start:,} ({error}): only what stands before was"
                " read."
            )
        yield self._frame()

    def notes(self) -> tuple[str, ...]:
        found = []
        if len(self._scenarios) > 1:
            found.append(
                "The log does not say which scenario a request belongs to: all of them stand under"
                " the simulation's name."
            )
        if self._inbound:
            found.append(
                f"{self._inbound:,} inbound messages without an answer's time are left out."
            )
        if self._groups:
            found.append(
                f"{self._groups:,} group records are left out of the samples: they add up requests."
            )
        return (*found, *gatling.error_notes(self._errors))

    def _record(self) -> None:
        kind = self._bytes.byte()
        if kind == _RUN:
            self._run()
        elif kind == _REQUEST:
            self._request()
        elif kind == _USER:
            self._bytes.take(9)
        elif kind == _GROUP:
            self._names()
            self._bytes.take(13)
            self._groups += 1
        elif kind == _ERROR:
            self._cached()
            self._bytes.take(4)
            self._errors += 1
        else:
            raise _DamagedError(f"a record of the kind {kind}")

    def _run(self) -> None:
        self._bytes.string()  # the version, which says nothing that the records do not
        self.simulation = self._bytes.string()
        self._start_ms = self._bytes.int64()
        # Long.MinValue, less the start, cast to an int.
        self._no_end = (-self._start_ms + (1 << 31)) % (1 << 32) - (1 << 31)
        self._bytes.string()
        self._scenarios = [self._bytes.string() for _ in range(self._bytes.count())]
        for _ in range(self._bytes.count()):
            self._bytes.take(min(max(self._bytes.int32(), 0), _LONGEST))

    def _request(self) -> None:
        names = self._names()
        name = self._cached()
        start, end = self._bytes.int32(), self._bytes.int32()
        is_ok = self._bytes.boolean()
        message = self._cached()
        if end < start or end == self._no_end:
            self._inbound += 1
            return
        self._rows.append((" / ".join((*names, name)), start, end, is_ok, message))

    def _names(self) -> list[str]:
        return [self._cached() for _ in range(self._bytes.count())]

    def _cached(self) -> str:
        number = self._bytes.int32()
        if number > 0:
            if len(self._strings) >= _MOST_STRINGS:
                raise _DamagedError(f"more than {_MOST_STRINGS:,} texts")
            self._strings[number] = self._bytes.string()
        found = self._strings.get(abs(number))
        if found is None:
            raise _DamagedError(f"text number {-number}, which was not given before")
        return found

    def _frame(self) -> pl.DataFrame:
        rows, self._rows = self._rows, []
        columns = ("step", "start", "end", "ok", "message")
        frame = pl.DataFrame(rows, schema=list(columns), orient="row").cast(
            {"step": pl.String, "start": pl.Int64, "end": pl.Int64, "ok": pl.Boolean,
             "message": pl.String}
        )  # fmt: skip
        only = self._scenarios[0] if len(self._scenarios) == 1 else self.simulation
        return gatling.samples(
            frame.with_columns(
                scenario=pl.lit(only),
                start_ms=pl.col("start") + self._start_ms,
                end_ms=pl.col("end") + self._start_ms,
                failed=~pl.col("ok"),
                message=pl.col("message").replace("", None),
            )
        )
