"""Single requests of a run, read from its samples: what went wrong, and what took longest."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from runs import store
from runs.models import Run

MOST_GROUPS: Final = 50
MOST_SLOW: Final = 20
_STEP: Final = ("scenario", "step")
_UNSENT: Final = ("dropped", "generator_error")


@dataclass(frozen=True)
class Sample:
    """One request; times in s since the start and in ms."""

    scenario: str
    step: str
    phase: str | None
    at_s: float
    response_ms: float | None
    outcome: str
    status: int | None
    error: str | None
    trace_id: str | None
    journey: int | None

    @property
    def where(self) -> str:
        return f"{self.scenario}/{self.step}"


@dataclass(frozen=True)
class ErrorGroup:
    """Requests that ended alike: by outcome, status, text, and where. `first` is one of them."""

    count: int
    share: float
    phases: tuple[str, ...]
    first: Sample
    last_s: float


@dataclass(frozen=True)
class Evidence:
    """`groups` the most first, `others` how many requests the groups beyond the first ones hold."""

    groups: tuple[ErrorGroup, ...]
    others: int
    slowest: tuple[Sample, ...]


def evidence(run: Run) -> Evidence:
    """FileNotFoundError where the run's samples are not in the store."""
    rows = _rows(pl.scan_parquet(store.current().table(run.pk, "samples")))
    groups = _grouped(rows)
    shown = groups.head(MOST_GROUPS)
    return Evidence(
        groups=tuple(_group(row) for row in shown.iter_rows(named=True)),
        others=int(groups["count"].sum()) - int(shown["count"].sum()),
        slowest=tuple(_sample(row) for row in _slowest(rows).iter_rows(named=True)),
    )


def _rows(samples: pl.LazyFrame) -> pl.LazyFrame:
    """First attempts and retries alike, with what another tool's data may lack as null."""
    known = samples.collect_schema().names()
    optional = {"status": pl.Int64, "error": pl.String, "trace_id": pl.String}
    optional |= {"journey": pl.Int64, "due_us": pl.Int64}
    lacking = [
        pl.lit(None, kind).alias(name) for name, kind in optional.items() if name not in known
    ]
    begun = pl.coalesce("due_us", "started_us")
    return (
        samples.with_columns(lacking)
        .with_columns(begun.alias("begun_us"))
        .with_columns(
            pl.when(~pl.col("outcome").cast(pl.String).is_in(_UNSENT))
            .then(pl.col("ended_us") - pl.col("begun_us"))
            .alias("response_us")
        )
        .select(*_STEP, "phase", "outcome", *optional, "begun_us", "response_us")
        .with_columns(pl.col(*_STEP, "phase", "outcome").cast(pl.String))
    )


def _grouped(rows: pl.LazyFrame) -> pl.DataFrame:
    totals = rows.group_by(*_STEP).agg(pl.len().alias("total"))
    first = pl.col("begun_us").arg_min()
    picked = ("phase", "begun_us", "response_us", "trace_id", "journey")
    return (
        rows.filter(pl.col("outcome") != "ok")
        .group_by(*_STEP, "outcome", "status", "error")
        .agg(
            pl.len().alias("count"),
            pl.col("phase").unique(maintain_order=True).alias("phases"),
            pl.col("begun_us").max().alias("last_us"),
            *(pl.col(name).get(first).alias(f"{name}_first") for name in picked),
        )
        .join(totals, on=_STEP)
        .sort("count", "scenario", "step", descending=[True, False, False])
        .rename({f"{name}_first": name for name in picked})
        .collect()
    )


def _slowest(rows: pl.LazyFrame) -> pl.DataFrame:
    return (
        rows.filter(pl.col("response_us").is_not_null())
        .top_k(MOST_SLOW, by="response_us")
        .sort("response_us", descending=True)
        .collect()
    )


def _group(row: dict[str, object]) -> ErrorGroup:
    count, total, last_us, phases = row["count"], row["total"], row["last_us"], row["phases"]
    assert isinstance(count, int)
    assert isinstance(total, int)
    assert isinstance(last_us, int)
    assert isinstance(phases, list)
    names = tuple(str(one) for one in phases if one is not None)
    return ErrorGroup(count, count / (total or 1), names, _sample(row), last_us / 1e6)


def _sample(row: dict[str, object]) -> Sample:
    begun_us, response_us = row["begun_us"], row["response_us"]
    return Sample(
        scenario=str(row["scenario"]),
        step=str(row["step"]),
        phase=_text(row["phase"]),
        at_s=begun_us / 1e6 if isinstance(begun_us, int) else 0.0,
        response_ms=response_us / 1e3 if isinstance(response_us, int) else None,
        outcome=str(row["outcome"]),
        status=_whole(row["status"]),
        error=_text(row["error"]),
        trace_id=_text(row["trace_id"]),
        journey=_whole(row["journey"]),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
