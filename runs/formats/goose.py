"""Goose's request log: JSON lines, milliseconds. `elapsed` is the start, since the test's start;
`response_time` ends at the first byte, which is the only end that the log knows.

A row with `update` says better what an earlier row of the same request said. Rows that Goose made
up against coordinated omission are no requests.
"""

from typing import Final

import polars as pl

from runs.formats import lines, raw
from runs.formats.imported import ALL, REQUESTS, Imported
from runs.formats.left_out import LeftOut
from runs.formats.source import Source

NAME: Final = "goose"
_ROW: Final[dict[str, pl.DataType]] = {
    "elapsed": pl.Int64(),
    "scenario_name": pl.String(),
    "transaction_name": pl.String(),
    "raw": pl.Struct({"method": pl.String(), "url": pl.String()}),
    "name": pl.String(),
    "response_time": pl.Int64(),
    "status_code": pl.Int64(),
    "success": pl.Boolean(),
    "update": pl.Boolean(),
    "user": pl.Int64(),
    "error": pl.String(),
    "coordinated_omission_elapsed": pl.Int64(),
}
_SAME: Final = ("user", "elapsed", "name", "method")
_NOTE: Final = (
    "Goose's response_time ends at the first byte: when answers were complete is missing because"
    " the source does not hold it."
)


def recognises(head: bytes) -> bool:
    first = head.split(b"\n", 1)[0]
    return first.lstrip().startswith(b"{") and all(
        key in first for key in (b'"raw"', b'"elapsed"', b'"user_cadence"')
    )


def read(source: Source) -> Imported:
    left_out = LeftOut(source.name)
    found = [frame.unnest("raw") for frame in lines.frames(source, _ROW, left_out)]
    return raw.of_samples(
        source,
        NAME,
        [_samples(_asked(pl.concat(found), left_out))] if found else [],
        left_out=left_out,
        clock="offset",
        notes=lambda: (_NOTE,),
    )


def _asked(rows: pl.DataFrame, left_out: LeftOut) -> pl.DataFrame:
    """Requests that were made, each as its last row tells it."""
    made_up = (pl.col("coordinated_omission_elapsed") > 0).fill_null(value=False)
    made = rows.filter(~made_up)
    left_out.add("Goose made them up against coordinated omission", rows.height - made.height)
    is_update = pl.col("update").fill_null(value=False)
    updates = made.filter(is_update)
    if updates.is_empty():
        return made
    newest = updates.unique(_SAME, keep="last", maintain_order=True)
    earlier = made.filter(~is_update).join(newest, on=_SAME, how="anti", nulls_equal=True)
    return pl.concat([earlier, newest])


def _samples(rows: pl.DataFrame) -> pl.DataFrame:
    status = pl.when(pl.col("status_code") > 0).then(pl.col("status_code"))
    failed = pl.coalesce(~pl.col("success"), status.is_null() | (status >= 400))
    error = pl.col("error").replace("", None)
    started, took = (pl.col(name) * 1000 for name in ("elapsed", "response_time"))
    name = pl.coalesce(pl.col("name").replace("", None), pl.col("url").replace("", None))
    return rows.select(
        pl.coalesce(pl.col("scenario_name").replace("", None), pl.lit(ALL)).alias("scenario"),
        pl.coalesce(
            pl.concat_str(pl.col("method").replace("", None), name, separator=" "),
            name,
            pl.lit(REQUESTS),
        ).alias("step"),
        started.alias("started_us"),
        (started + took).alias("first_byte_us"),
        (started + took).alias("ended_us"),
        status.alias("status"),
        raw.outcome(
            failed, status, timed_out=status.is_null() & error.str.contains("(?i)timed? ?out")
        ).alias("outcome"),
        error.alias("error"),
        "user",
    )
