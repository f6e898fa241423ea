"""A run's data for others: its tables as CSV or Parquet, its samples as other tools write them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal, get_args

import polars as pl

from runs import reports, store
from runs.errors import NotFoundError
from runs.formats import export
from runs.models import Run

Table = Literal["samples", "series", "seconds", "histograms", "readings", "health"]
Kind = Literal["csv", "parquet"]
Tool = Literal["k6", "jtl"]

TABLES: Final = get_args(Table)
MEDIA: Final[dict[Kind, str]] = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
_GROUPS: Final = ("response_ms", "ok_ms", "service_ms", "all_ms", "first_token_ms")
_PLAIN: Final = (
    *("scenario", "step", "phase", "pooled", "count", "offered_rps", "throughput_rps"),
    *("goodput_rps", "error_rate", "refusal_rate", "rate_4xx", "rate_5xx", "drop_rate"),
    "retry_rate",
)
_TIMES: Final = ("p50", "p90", "p95", "p99", "p99_9")


@dataclass(frozen=True)
class ToolFormat:
    """How samples are written for another tool."""

    media: str
    suffix: str
    lines: Callable[[pl.LazyFrame, int], Iterator[str]]


TOOLS: Final[dict[Tool, ToolFormat]] = {
    "k6": ToolFormat("application/x-ndjson", "json", export.k6),
    "jtl": ToolFormat("text/csv; charset=utf-8", "jtl", export.jtl),
}


def table(run: Run, name: Table, kind: Kind) -> BinaryIO:
    """The open file, which is gone when it is closed unless it is the store's own.

    ConflictError before the run is ready, NotFoundError for a table that it does not have.
    """
    reports.require_ready(run)
    if name == "series":
        return _written(_series(run).lazy(), kind)
    path = _path(run, name)
    return path.open("rb") if kind == "parquet" else _written(pl.scan_parquet(path), kind)


def lines(run: Run, tool: Tool) -> Iterator[bytes]:
    """The samples as the tool writes them, in pieces; refused as `table` refuses."""
    reports.require_ready(run)
    samples = pl.scan_parquet(_path(run, "samples"))
    # RFC 3339 to the millisecond in the report, to the nanosecond in the manifest.
    started_at_ns = int(run.manifest.get("started_at_ns") or run.started_at.timestamp() * 1e9)
    return (piece.encode() for piece in TOOLS[tool].lines(samples, started_at_ns))


def _path(run: Run, name: Table) -> Path:
    try:
        return store.current().table(run.pk, name)
    except FileNotFoundError as error:
        raise NotFoundError(
            "table_not_found",
            f"Run {run.pk} has no table '{name}'. `manage.py recalculate {run.pk}` makes it of a "
            "run that an older version has read.",
        ) from error


def _written(frame: pl.LazyFrame, kind: Kind) -> BinaryIO:
    """Streamed to a file that has no name any more once it is open."""
    with store.part() as path:
        if kind == "csv":
            frame.sink_csv(path)
        else:
            frame.sink_parquet(path)
        return path.open("rb")


def _series(run: Run) -> pl.DataFrame:
    """The report's rows, flat: `response_p95_ms`, `ok_mean_ms`, …"""
    rows = [_flat(row) for row in reports.document(run)["series"]]
    return pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame()


def _flat(row: dict[str, object]) -> dict[str, object]:
    flat: dict[str, object] = {name: row[name] for name in _PLAIN}
    for group in _GROUPS:
        found = row[group]
        times = found if isinstance(found, dict) else {}
        name = group.removesuffix("_ms")
        names = _TIMES if group == "response_ms" else ("min", "mean", *_TIMES, "max")
        flat |= {f"{name}_{one}_ms": times.get(one) for one in names}
        if group == "response_ms":
            flat["unanswered"] = times.get("unanswered")
    return flat
