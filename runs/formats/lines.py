"""Lines of JSON of other tools: what polars can parse natively, and what needs a look at each line.

Keys that the schema does not name are ignored, absent ones are null. A line that is not an object
of the right kinds is counted and left out.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from runs.formats.left_out import LeftOut
from runs.formats.segment import Block
from runs.formats.source import Source

Schema = Mapping[str, pl.DataType]
DAMAGED: Final = "they are not JSON objects of this format"


def frames(source: Source, schema: Schema, left_out: LeftOut) -> Iterator[pl.DataFrame]:
    """The lines of a file, in frames of bounded size; a cut last line is noted as such."""
    for block in source.blocks():
        frame = _natively(block, schema)
        yield _one_by_one(source, block, schema, left_out) if frame is None else frame


def _natively(block: Block, schema: Schema) -> pl.DataFrame | None:
    try:
        frame = pl.read_ndjson(block.text, schema=dict(schema))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    return frame if frame.height == block.count else None


def _one_by_one(source: Source, block: Block, schema: Schema, left_out: LeftOut) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, line in block.lines():
        try:
            record = json.loads(line)
            rows.append({name: _fitting(record[name], kind) for name, kind in schema.items()
                         if name in record} if isinstance(record, dict) else _refuse())  # fmt: skip
        except (ValueError, TypeError, RecursionError) as error:
            if _is_last(block, number) and isinstance(error, json.JSONDecodeError):
                source.cut("is cut: its last line is incomplete, left out.")
            else:
                column = error.colno if isinstance(error, json.JSONDecodeError) else 1
                left_out.add(DAMAGED, 1, number, column)
    return pl.DataFrame(rows, schema=dict(schema))


def _refuse() -> dict[str, Any]:
    raise TypeError("not an object")


def _is_last(block: Block, number: int) -> bool:
    """Whether a line is the last of a block that does not end with a newline: of the file."""
    return not block.text.endswith(b"\n") and number == block.first_line + block.count - 1


def _fitting(value: Any, kind: pl.DataType) -> Any:
    """The value as its column holds it; TypeError where it is of another kind."""
    if value is None:
        return None
    if isinstance(kind, pl.Struct):
        if not isinstance(value, dict):
            raise TypeError("not an object")
        return {one.name: _fitting(value.get(one.name), _kind(one.dtype)) for one in kind.fields}
    if kind == pl.String():
        text = value if isinstance(value, str) else json.dumps(value)
        return text.encode("utf-8", errors="replace").decode()
    if kind == pl.Boolean() and isinstance(value, bool):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    if kind == pl.Float64():
        return float(value)
    if isinstance(value, float) and not value.is_integer():
        raise TypeError("not a whole number")
    if not -(2**63) <= value < 2**63:
        raise TypeError("a number beyond 64 bits")
    return int(value)


def _kind(dtype: Any) -> pl.DataType:
    return dtype if isinstance(dtype, pl.DataType) else dtype()
