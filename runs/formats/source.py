"""A result file as other tools leave it: plain, gzip or zstd, whole or cut, read in bounded memory.

Compression is told by the first bytes, and so is UTF-16, which PowerShell writes where output is
redirected: it is read as the UTF-8 that it stands for. What stands before a cut or a damaged place
is read; where the reading stopped is said in `Source.notes`.
"""

import codecs
import zlib
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import zstandard

from runs.formats.errors import FormatError, PlaceError
from runs.formats.limits import Limits
from runs.formats.segment import Block, Notes

HEAD: Final = 1 << 16
LONGEST_RECORD: Final = 64 << 20
LARGEST_DOCUMENT: Final = 64 << 20

_PIECE: Final = 1 << 20
# A kilobyte of zstd inflates to 32 MB at the very most, so that a bomb cannot fill the memory.
_ZSTD_PIECE: Final = 1 << 10
_BLOCK: Final = 16 << 20
_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_GZIP: Final = b"\x1f\x8b"
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"

# Where in a text the last whole record ends; 0 where none does.
Boundary = Callable[[bytes], int]


class _Inflater(Protocol):
    def inflate(self, data: bytes) -> Iterator[bytes]: ...
    @property
    def is_between_frames(self) -> bool: ...


class Source:
    """One file. `notes` and `is_cut` are complete once it has been read to its end.

    With `most_bytes` only so much of its plain text is read, as if the file were cut there.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str = "",
        limits: Limits | None = None,
        most_bytes: int | None = None,
    ) -> None:
        self.path = path
        self._limits = limits or Limits()
        self.name = name or path.name
        self.notes: Notes = ()
        self.is_cut = False
        self._replaced = 0
        self._most = most_bytes

    @cached_property
    def head(self) -> bytes:
        """The first bytes of the plain text, for telling what it is."""
        found = b""
        for piece in self._plain():
            found += piece
            if len(found) >= HEAD:
                break
        return found[:HEAD].removeprefix(_BOM)

    def error(self, line: int, column: int, message: str) -> PlaceError:
        """An error that names file, line and column, both from 1."""
        return PlaceError(self.name, line, column, message)

    def pieces(self) -> Iterator[bytes]:
        """The plain text up to its end, or up to where it is cut or damaged."""
        self.notes, self.is_cut, self._replaced = (), False, 0
        total, most = 0, self._most
        for piece in self._plain():
            kept = piece.removeprefix(_BOM) if not total else piece
            total += len(piece)
            if total > self._limits.inflated_bytes:
                raise FormatError(
                    f"{self.name} holds more than {self._limits.inflated_bytes:,} bytes once"
                    " inflated, the most that is taken."
                )
            if most is not None and total >= most:
                self.is_cut = True
                yield kept[: len(kept) - (total - most)]
                return
            yield kept

    def blocks(self, boundary: Boundary | None = None) -> Iterator[Block]:
        """The text in blocks of whole records, 16 MB or one record each.

        A last record that is not ended by a newline comes as a block of its own.
        """
        find = boundary or _last_newline
        number, waiting, size = 1, list[bytes](), 0
        for piece in self.pieces():
            waiting.append(piece)
            size += len(piece)
            if size < _BLOCK:
                continue
            text = b"".join(waiting)
            end = find(text)
            if not end and size > LONGEST_RECORD:
                raise self.error(number, 1, self._endless())
            if end:
                yield Block(text[:end], number, text.count(b"\n", 0, end))
                number += text.count(b"\n", 0, end)
            waiting, size = [text[end:]], len(text) - end
        yield from self._last(b"".join(waiting), number, find)

    def whole(self) -> bytes:
        """All of a small document."""
        found, size = [], 0
        for piece in self.pieces():
            found.append(piece)
            size += len(piece)
            if size > LARGEST_DOCUMENT:
                raise FormatError(
                    f"{self.name} is larger than {LARGEST_DOCUMENT >> 20} MB, the most that is"
                    " read of a file that is one document."
                )
        return b"".join(found)

    def text(self) -> str:
        """The same as text."""
        found = self.whole()
        text = found.decode("utf-8", errors="replace")
        self.see(found, text)
        self.tell_replaced()
        return text

    def see(self, raw: bytes, text: str | None = None) -> None:
        """Count the bytes that are not UTF-8, and are read as the replacement character."""
        if not raw.isascii():
            text = raw.decode("utf-8", errors="replace") if text is None else text
            self._replaced += text.count(_REPLACEMENT) - raw.count(_REPLACEMENT.encode())

    def tell_replaced(self) -> None:
        """Take note of what was seen, once everything has been read."""
        if self._replaced > 0 and self._most is None:
            places = "1 place" if self._replaced == 1 else f"{self._replaced:,} places"
            self.notes = (
                *self.notes,
                f"{self.name}: bytes that are not UTF-8 stand in {places}; each is read as"
                f" '{_REPLACEMENT}'.",
            )

    def cut(self, note: str) -> None:
        """Take note of a place beyond which nothing was read."""
        self.is_cut = True
        if self._most is None:
            self.notes = (*self.notes, f"{self.name} {note}")

    def _endless(self) -> str:
        return f"a record is longer than {LONGEST_RECORD >> 20} MB; this is not a result file."

    def _last(self, text: bytes, number: int, find: Boundary) -> Iterator[Block]:
        end = find(text)
        if end:
            yield Block(text[:end], number, text.count(b"\n", 0, end))
        if text[end:].strip():
            rest = text[end:]
            first = number + text.count(b"\n", 0, end)
            yield Block(rest, first, rest.count(b"\n") + (not rest.endswith(b"\n")))

    def _plain(self) -> Iterator[bytes]:
        pieces = self._inflated()
        first = next(pieces, b"")
        if not first.startswith(_UTF_16):
            yield first
            yield from pieces
            return
        decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        for piece in chain([first], pieces):
            yield decoder.decode(piece).encode()

    def _inflated(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                first = file.read(4)
                file.seek(0)
                if first.startswith(_GZIP):
                    yield from self._through(_Gzip(), file, _PIECE)
                elif first.startswith(_ZSTD):
                    yield from self._through(_Zstd(), file, _ZSTD_PIECE)
                else:
                    while piece := file.read(_PIECE):
                        yield piece
        except OSError as error:
            raise FormatError(f"{self.path} cannot be read: {error.strerror}.") from error

    def _through(self, inflater: _Inflater, file: BinaryIO, size: int) -> Iterator[bytes]:
        count = 0
        try:
            while data := file.read(size):
                for piece in inflater.inflate(data):
                    count += len(piece)
                    yield piece
        except (zlib.error, zstandard.ZstdError) as error:
            self.cut(f"is damaged ({error}): only its first {count:,} plain bytes were read.")
            return
        if not inflater.is_between_frames:
            self.cut(f"is cut: its compressed data end after {count:,} bytes of plain text.")


class _Gzip:
    """Any number of gzip members, in pieces of bounded size."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)
        self._used = False

    @property
    def is_between_frames(self) -> bool:
        return not self._used

    def inflate(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inner.eof:
                if data[:1] == b"\0":  # padding after the last member
                    return
                self._inner = zlib.decompressobj(31)
            self._used = True
            piece = self._inner.decompress(data, _PIECE)
            data = self._inner.unconsumed_tail or self._inner.unused_data
            if piece:
                yield piece
            if self._inner.eof:
                self._used = False


class _Zstd:
    """Any number of zstd frames."""

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor().decompressobj()
        self._used = False

    @property
    def is_between_frames(self) -> bool:
        return not self._used

    def inflate(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inner.eof:
                self._inner = zstandard.ZstdDecompressor().decompressobj()
            self._used = True
            piece = self._inner.decompress(data)
            data = self._inner.unused_data if self._inner.eof else b""
            if piece:
                yield piece
            if self._inner.eof:
                self._used = False


def _last_newline(text: bytes) -> int:
    return text.rfind(b"\n") + 1


def outside_quotes(text: bytes) -> int:
    """The end of the last line that is not inside a quoted field, 0 where there is none."""
    if b'"' not in text:
        return _last_newline(text)
    end, is_inside = len(text), text.count(b'"') % 2 == 1
    while True:
        start = text.rfind(b"\n", 0, end)
        if start < 0:
            return 0
        is_inside ^= text.count(b'"', start + 1, end) % 2 == 1
        if not is_inside:
            return start + 1
        end = start
