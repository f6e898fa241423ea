"""A compressed file of JSON lines, whole or cut, as a frame with known columns.

Two readers for one format. polars parses sound lines natively; where it balks, or what it found
does not add up, the lines are read one by one, so that a damaged line is counted and left out,
and one that breaks the format is named with its place.
"""

import io
import json
import sys
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import zstandard

from runs.formats.errors import SpoolError
from runs.formats.limits import LONGEST_NAME, LONGEST_TEXT, Budget

Notes = tuple[str, ...]
Row = dict[str, Any]

# Of a file that is damaged; so little inflates to 32 MB at the most.
_CRUMB: Final = 1 << 10
_LARGEST: Final = sys.float_info.max
# Plain text that is inflated and parsed at once; bounds the memory of a segment of any size.
_BLOCK: Final = 4 << 20
_LONGEST_LINE: Final = 32 << 20
_MOST_PLACES: Final = 1 << 16
# Blocks that are parsed at the same time, while the next one is inflated.
_THREADS: Final = 2
_ALLOWED: Final[dict[pl.DataType, str]] = {
    pl.Int64(): "a whole number",
    pl.Float64(): "a number",
    pl.Boolean(): "true or false",
    pl.String(): "a text",
}


@dataclass(frozen=True)
class Layout:
    """The columns of a segment, the keys that each line must have, closed lists of values, the
    columns that hold names, and those whose longer texts are cut. `read_as` is what the columns
    become in the frame, where that is not what they are in the lines."""

    schema: Mapping[str, pl.DataType]
    required: Collection[str] = ()
    values: Mapping[str, Collection[str]] = field(default_factory=dict)
    names: Collection[str] = ()
    texts: Collection[str] = ()
    read_as: Mapping[str, pl.DataType] = field(default_factory=dict)

    @property
    def frame_schema(self) -> pl.Schema:
        return pl.Schema({**self.schema, **self.read_as})


@dataclass(frozen=True)
class Part:
    """Some of the rows of a file, in its order. What had to be left out of the file, in words,
    comes with its last part, which has no rows."""

    path: Path
    frame: pl.DataFrame
    notes: Notes = ()
    is_last: bool = False


def read(path: Path, layout: Layout, budget: Budget | None = None) -> tuple[pl.DataFrame, Notes]:
    """All lines that can be read, and what had to be left out, in words.

    A SpoolError names file, line and key where a whole line breaks the layout, or what is more
    than the budget allows.
    """
    found = list(parts([path], layout, budget))
    return pl.concat([part.frame for part in found]), found[-1].notes


def parts(paths: Iterable[Path], layout: Layout, budget: Budget | None = None) -> Iterator[Part]:
    """The same for several files, piece by piece, so that no file has to fit into memory."""
    budget = budget or Budget()
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = deque[_Piece]()
        for piece in _pieces(paths, layout, budget, pool):
            waiting.append(piece)
            # Ends of files count too: else one more block would wait for every file that ended.
            if len(waiting) > _THREADS:
                yield waiting.popleft().part(layout)
        while waiting:
            yield waiting.popleft().part(layout)


def _pieces(
    paths: Iterable[Path], layout: Layout, budget: Budget, pool: ThreadPoolExecutor
) -> "Iterator[_Piece]":
    """The blocks of the files, each on its way through the pool, and the end of each file."""
    for path in paths:
        lines, damaged = Lines(path, budget), _Damage(path.name)
        for block in lines.blocks():
            parsed = pool.submit(_parsed, block, layout, path.name, budget)
            yield _Piece(path, lines, damaged, parsed)
        yield _Piece(path, lines, damaged, None)


@dataclass(frozen=True)
class _Piece:
    """A block on its way to be a part; without one, the end of its file."""

    path: Path
    lines: "Lines"
    damaged: "_Damage"
    parsed: "Future[tuple[pl.DataFrame, _Damage]] | None"

    def part(self, layout: Layout) -> Part:
        if self.parsed is not None:
            return Part(self.path, self.damaged.added(self.parsed.result()))
        notes = (*self.damaged.notes(), *self.lines.notes)
        return Part(self.path, pl.DataFrame(schema=layout.frame_schema), notes, is_last=True)


def _parsed(
    block: "Block", layout: Layout, name: str, budget: Budget
) -> "tuple[pl.DataFrame, _Damage]":
    """The rows of a block, and what is wrong with it."""
    damaged = _Damage(name)
    if block.text.isspace():
        return pl.DataFrame(schema=layout.frame_schema), damaged
    frame = _natively(block, layout)
    if frame is not None:
        _check_series(frame, layout, name, budget)
    else:
        frame = _one_by_one(block, layout, damaged)
        _check_series(frame, layout, name, budget)
        frame = frame.cast(layout.frame_schema)
    return _with_texts_cut(frame, layout, damaged), damaged


def _check_series(frame: pl.DataFrame, layout: Layout, name: str, budget: Budget) -> None:
    if layout.names:
        series = _each_once(frame.select(layout.names))
        _check_names(series, layout, name)
        budget.see_series(set(series.iter_rows()), name)


def _each_once(names: pl.DataFrame) -> pl.DataFrame:
    """Each combination of names once: looked up by their numbers where that takes little room,
    which costs a tenth of comparing rows."""
    place, size = np.zeros(names.height, dtype=np.int64), 1
    for column in names:
        if not isinstance(column.dtype, pl.Categorical) or column.null_count() or not len(column):
            return names.unique()
        codes = column.to_physical().to_numpy()
        low, high = int(codes.min()), int(codes.max())
        size *= high - low + 1
        if size > _MOST_PLACES:
            return names.unique()
        place = place * (high - low + 1) + (codes - low)
    rows = np.full(size, -1)
    rows[place] = np.arange(names.height)
    return names[rows[rows >= 0]]


@dataclass(frozen=True)
class Block:
    """Whole lines of a file, and the number of the first of them, from 1."""

    text: bytes
    first_line: int
    count: int

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """(line number, line) of each line that is not blank."""
        # Line by line: a block of nothing but line ends would be a list of millions.
        for number, line in enumerate(io.BytesIO(self.text), self.first_line):
            if not line.isspace():
                yield number, line


class Lines:
    """The complete lines of a zstd file, which may have been cut anywhere.

    `notes` is complete once they have been read to the end.
    """

    def __init__(self, path: Path, budget: Budget | None = None) -> None:
        self._path = path
        self._budget = budget or Budget()
        self.notes: Notes = ()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """(line number, line) of each line that is not blank."""
        for block in self.blocks():
            yield from block.lines()

    def blocks(self) -> Iterator[Block]:
        """The file in blocks of bounded size."""
        number, rest = 1, b""
        for piece, size in self._pieces():
            end = piece.rfind(b"\n", 0, size) + 1
            view = memoryview(piece)
            if not end:
                rest += view[:size]
                self._check_length(number, len(rest))
                continue
            # One copy: it is every byte of a run that passes here.
            block = self._block(b"".join((rest, view[:end])), number)
            number, rest = number + block.count, bytes(view[end:size])
            yield block
        yield from self._last(number, rest)

    def _block(self, text: bytes, first_line: int) -> Block:
        return Block(text, first_line, text.count(b"\n") + (not text.endswith(b"\n")))

    def _check_length(self, number: int, size: int) -> None:
        if size > _BLOCK + _LONGEST_LINE:
            raise SpoolError(
                f"{self._path.name}, after line {number}: a line is longer than"
                f" {_LONGEST_LINE >> 20} MB; this is not a file of samples."
            )

    def _last(self, number: int, rest: bytes) -> Iterator[Block]:
        """The end: a last line without its newline counts if it is whole."""
        end = rest.rfind(b"\n") + 1
        tail = rest[end:].strip()
        if tail and record_of(tail) is None:
            self.notes += (f"{self._path.name} is cut: its last line is incomplete, left out.",)
            rest = rest[:end]
        if rest:
            yield self._block(rest, number)

    def _pieces(self) -> Iterator[tuple[bytes | bytearray, int]]:
        """Plain text up to the end, or up to where the file is cut or damaged: where it stands and
        how much of that it is. Most of it stands in the same memory as the piece before, since
        blocks that come and go leave holes of all sizes behind."""
        read, room = 0, bytearray(_BLOCK)
        try:
            with self._path.open("rb") as file:
                reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
                while size := reader.readinto(room):
                    read += size
                    self._budget.inflate(size, self._path.name)
                    yield room, size
        except zstandard.ZstdError as error:
            for piece in self._up_to_damage(read):
                read += len(piece)
                self._budget.inflate(len(piece), self._path.name)
                yield piece, len(piece)
            self.notes += (
                f"{self._path.name} is damaged ({error}): only its first {read:,} bytes of plain"
                " text were read.",
            )
        except OSError as error:
            raise SpoolError(f"{self._path} cannot be read: {error.strerror}.") from error
        if not read and not self.notes:
            self.notes += (f"{self._path.name} is empty.",)

    def _up_to_damage(self, known: int) -> Iterator[bytes]:
        """What is sound beyond the first `known` bytes of plain text. A call that meets damage
        gives nothing of what it had inflated before it, so the last bytes go in one by one."""
        sound = sum(taken for taken, _ in _inflated(self._path, repeat(_CRUMB)))
        seen = 0
        sizes = chain(repeat(_CRUMB, sound // _CRUMB), repeat(1))
        for _, piece in _inflated(self._path, sizes):
            seen += len(piece)
            if seen > known:
                yield piece[known - seen :]
                known = seen


def _inflated(path: Path, sizes: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """A file inflated in pieces of these sizes, up to its end or to damage: how much each took,
    and its plain text."""
    inflating = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
    with path.open("rb") as file:
        for size in sizes:
            crumb = file.read(size)
            if not crumb:
                return
            try:
                piece = inflating.decompress(crumb)
            except zstandard.ZstdError:
                return
            yield len(crumb), piece


def record_of(line: bytes) -> Row | None:
    """The JSON object of a line, or None where it is damaged.

    NaN and Infinity are not JSON, whatever Python thinks; nor is what is nested so deeply that
    reading it would exhaust the stack.
    """
    try:
        record = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _natively(block: Block, layout: Layout) -> pl.DataFrame | None:
    """The block as polars reads it, or None where it does not add up.

    polars refuses a wrong type, but takes a missing key for null and drops blank lines in
    silence; a text column takes anything, of which an Enum takes its own values alone.
    """
    try:
        frame = pl.read_ndjson(block.text, schema=dict(layout.schema))
        frame = frame.cast(layout.frame_schema)
    except pl.exceptions.PolarsError:
        return None
    is_whole = not any(frame[name].null_count() for name in layout.required)
    return frame if is_whole and frame.height == block.count else None


def counted_lines(count: int) -> str:
    """'1 line is', '3 lines are'."""
    return "1 line is" if count == 1 else f"{count:,} lines are"


def is_name(text: str) -> bool:
    """Whether it can stand in a table and a database: not too long, no control characters."""
    return len(text) <= LONGEST_NAME and not any(ord(one) < 32 or ord(one) == 127 for one in text)


def _check_names(frame: pl.DataFrame, layout: Layout, name: str) -> None:
    for column in layout.names:
        for text in frame[column].drop_nulls().unique():
            if not is_name(text):
                raise SpoolError(
                    f"{name}, key '{column}': found {_short(text)}, allowed are names of at most"
                    f" {LONGEST_NAME} characters without control characters."
                )


def _with_texts_cut(frame: pl.DataFrame, layout: Layout, damaged: "_Damage") -> pl.DataFrame:
    """Long texts cut to what is kept of them, and counted."""
    for column in layout.texts:
        longest = frame[column].str.len_bytes().max()
        if not isinstance(longest, int) or longest <= LONGEST_TEXT:
            continue
        too_long = frame.filter(pl.col(column).str.len_chars() > LONGEST_TEXT).height
        if too_long:
            damaged.cut(too_long)
            frame = frame.with_columns(pl.col(column).str.slice(0, LONGEST_TEXT))
    return frame


class _Damage:
    """Counts the lines of one file that are not JSON objects, and the texts that were cut."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._count = 0
        self._first = 0
        self._cut = 0

    def add(self, line: int) -> None:
        self._first = self._first or line
        self._count += 1

    def cut(self, count: int) -> None:
        self._cut += count

    def added(self, block: "tuple[pl.DataFrame, _Damage]") -> pl.DataFrame:
        """Count what is wrong with the next block of the file; its rows."""
        frame, more = block
        self._first = self._first or more._first
        self._count += more._count
        self._cut += more._cut
        return frame

    def notes(self) -> Notes:
        notes = list[str]()
        if self._count:
            lines = counted_lines(self._count)
            notes.append(
                f"{self.name}: {lines} not JSON, left out; the first is line {self._first}."
            )
        if self._cut:
            texts = "1 text" if self._cut == 1 else f"{self._cut:,} texts"
            notes.append(f"{self.name}: {texts} longer than {LONGEST_TEXT:,} characters, cut.")
        return tuple(notes)


def _one_by_one(block: Block, layout: Layout, damaged: _Damage) -> pl.DataFrame:
    rows: list[Row] = []
    for number, line in block.lines():
        record = record_of(line)
        if record is None:
            damaged.add(number)
        else:
            rows.append(_row(record, layout, f"{damaged.name}, line {number}"))
    return pl.DataFrame(rows, schema=dict(layout.schema))


def _row(record: Row, layout: Layout, at: str) -> Row:
    row = {name: _value(record.get(name), kind, name, at) for name, kind in layout.schema.items()}
    for name in layout.required:
        if row[name] is None:
            raise SpoolError(f"{at}: the key '{name}' is missing; every line must have it.")
    for name, values in layout.values.items():
        if row[name] is not None and row[name] not in values:
            raise SpoolError(
                f"{at}, key '{name}': found {_short(row[name])}, allowed is {', '.join(values)}."
            )
    return row


def _value(value: Any, kind: pl.DataType, name: str, at: str) -> Any:
    """The value as its column holds it; a SpoolError where it is of another kind."""
    if value is None:
        return None
    if kind == pl.String():
        return value if isinstance(value, str) else json.dumps(value)
    is_bool = isinstance(value, bool)
    if kind == pl.Boolean() and is_bool:
        return value
    if kind == pl.Float64() and is_number(value) and not is_bool:
        return float(value)
    if kind == pl.Int64() and _is_whole(value):
        return int(value)
    raise SpoolError(
        f"{at}, key '{name}': found {_short(value)}, allowed is {_ALLOWED[kind]} or null."
    )


def is_number(value: Any) -> bool:
    """Whether a value fits a float: JSON has numbers of any size."""
    return isinstance(value, int | float) and -_LARGEST <= value <= _LARGEST


def _is_whole(value: Any) -> bool:
    """Whether a value is a whole number of 64 bits; 12.0 is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value == value // 1 and -(2**63) <= value < 2**63


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
