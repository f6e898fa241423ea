"""Tables in text: delimited rows with or without quotes, in frames of text columns.

polars parses sound blocks natively; where it balks, the standard library's lenient reader takes
the block row by row. Nothing is typed here: a column that does not parse is its reader's business.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from runs.formats.left_out import LeftOut
from runs.formats.segment import Block
from runs.formats.source import Source, outside_quotes

if TYPE_CHECKING:
    from _csv import Reader

# What stands between fields: a comma, or what a spreadsheet writes in its place.
_SEPARATORS: Final = (",", ";", "\t")
_DECIMAL_COMMA: Final = r"^(-?\d+),(\d+)$"
# A header line may not be longer: what is longer is no table.
_LONGEST_HEADER: Final = 1 << 16
_LONGEST_FIELD: Final = 1 << 30


@dataclass(frozen=True)
class Rows:
    """Rows as text columns, and where they stand in the file. A blank line is a row of nulls."""

    frame: pl.DataFrame
    block: Block
    separator: str
    quotes: bool
    skipped: int  # rows of the block that stand before the first of the frame (a header)

    def line_of(self, row: int) -> int:
        """The line of the file on which a row of the frame ends; slow, for messages only."""
        reader = _reader(self.block.text, self.separator, self.quotes)
        for _ in zip(range(row + self.skipped + 1), reader, strict=False):
            pass
        return self.block.first_line + max(0, int(reader.line_num) - 1)


def first_record(head: bytes, separator: str | None = None) -> list[str]:
    """The fields of the first record of a file's head, by the separator that makes the most."""
    text = _decoded(head[:_LONGEST_HEADER])
    separators = _SEPARATORS if separator is None else (separator,)
    return max((_fields(text, one) for one in separators), key=len)


def _fields(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
    except csv.Error:
        return []


def _separator_of(head: bytes) -> str:
    return max(_SEPARATORS, key=lambda one: len(first_record(head, one)))


def header(source: Source, *needed: str) -> list[str]:
    """The names of a file's columns; a FormatError where one that is needed is not there."""
    names = first_record(source.head)
    lacking = next((name for name in needed if name not in names), None)
    if lacking is not None:
        found = ", ".join(names[:8])[:120]
        raise source.error(1, 1, f"the column '{lacking}' is missing: found '{found}'.")
    return names


def rows(
    source: Source,
    names: Sequence[str],
    separator: str | None = None,
    *,
    has_header: bool,
    quotes: bool = True,
) -> Iterator[Rows]:
    """The rows of a file as text columns, absent and empty fields null. Without a separator it is
    the one that the first row shows; a decimal comma, which only others than a comma leave room
    for, is a point.

    A last row without a line end and with fewer fields than the first is one that was cut: a
    part of a number is another number, so it is left out. Without `quotes` (Gatling's text, whose
    records differ in length) that is the reader's to see.
    """
    columns = _unique(names)
    skipped = 1 if has_header else 0
    separator = separator or _separator_of(source.head)
    width = len(first_record(source.head, separator))
    for block in source.blocks(outside_quotes if quotes else None):
        if quotes and _is_cut(block, separator, width):
            source.cut("is cut: its last row is incomplete, left out.")
            break
        source.see(block.text)
        frame = _natively(block.text, columns, separator, quotes)
        if frame is None:
            frame = _leniently(block.text, columns, separator, quotes)
        if separator != "," and b"," in block.text:
            frame = frame.with_columns(pl.all().str.replace(_DECIMAL_COMMA, "$1.$2"))
        yield Rows(frame[skipped:], block, separator, quotes, skipped)
        skipped = 0
    source.tell_replaced()


def _is_cut(block: Block, separator: str, width: int) -> bool:
    """Whether a block is a last row that is not whole."""
    if block.text.endswith(b"\n"):
        return False
    fields = next(_reader(block.text, separator, quotes=True), [])
    return len(fields) < width or block.text.count(b'"') % 2 == 1


def _unique(names: Sequence[str]) -> list[str]:
    """Column names as they are, a second of the same name numbered."""
    found: dict[str, None] = {}
    for at, name in enumerate(names):
        found[name if name and name not in found else f"{name}#{at}"] = None
    return list(found)


def _natively(
    text: bytes, columns: Sequence[str], separator: str, quotes: bool
) -> pl.DataFrame | None:
    try:
        return pl.read_csv(
            text,
            has_header=False,
            separator=separator,
            quote_char='"' if quotes else None,
            schema=dict.fromkeys(columns, pl.String()),
            encoding="utf8-lossy",
            extra_columns="ignore",
            missing_columns="insert",
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError:
        return None


def _leniently(text: bytes, columns: Sequence[str], separator: str, quotes: bool) -> pl.DataFrame:
    width = len(columns)
    found = [
        [field or None for field in fields[:width]] + [None] * (width - len(fields))
        for fields in _reader(text, separator, quotes)
    ]
    return pl.DataFrame(found, schema=dict.fromkeys(columns, pl.String()), orient="row")


def _reader(text: bytes, separator: str, quotes: bool) -> "Reader":
    csv.field_size_limit(_LONGEST_FIELD)
    stream = io.StringIO(_decoded(text).replace("\0", "\ufffd"), newline="")
    if quotes:
        return csv.reader(stream, delimiter=separator)
    return csv.reader(stream, delimiter=separator, quoting=csv.QUOTE_NONE)


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", errors="replace")


def readable(
    rows: Rows,
    frame: pl.DataFrame,
    names: Sequence[str],
    left_out: LeftOut,
    needed: Mapping[str, str],
) -> pl.DataFrame:
    """The rows of `frame` in which every needed column is known; the others are counted.

    `frame` has a row for each row of `rows`; blank lines are passed over. `needed` maps columns
    of the frame to the columns of the file that they were read from.
    """
    blank = rows.frame.select(pl.all_horizontal(pl.all().is_null()).alias("blank"))["blank"]
    frame = frame.with_row_index("row").filter(~blank)
    for name, column in needed.items():
        bad = frame.filter(pl.col(name).is_null())
        if bad.height:
            place = names.index(column) + 1 if column in names else 1
            line = rows.line_of(bad["row"][0])
            left_out.add(f"no readable {column}", bad.height, line, place)
            frame = frame.filter(pl.col(name).is_not_null())
    return frame.drop("row")


def whole_numbers(column: pl.Expr) -> pl.Expr:
    """A text column as whole numbers, null where one is none."""
    return column.str.strip_chars().cast(pl.Int64, strict=False)


def numbers(column: pl.Expr) -> pl.Expr:
    """A text column as finite numbers, null where one is none."""
    found = column.str.strip_chars().cast(pl.Float64, strict=False)
    return pl.when(found.is_finite()).then(found)
