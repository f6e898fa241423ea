"""The tables beside the samples: every second as it was, and histograms that add up."""

import math
from typing import Any

import polars as pl
import pytest

from runs.analysis import histogram, report, seconds
from runs.analysis.plan import Phase, Plan
from runs.analysis.run_data import RunData, RunInfo
from runs.formats import health, samples
from runs.formats.spool import READINGS_SCHEMA
from tests.builders import Line, sample, steady

INFO = RunInfo(id="r", campaign="c", started_at=None, ended_at=None)


def run_of(lines: list[Line], warm_up_us: int = 0) -> RunData:
    plateau = Phase(
        "billing", "plateau", 0, 10_000_000, "open", rate_from=10, rate_to=10, warm_up_us=warm_up_us
    )
    return RunData(
        info=INFO,
        plan=Plan(phases=(plateau,)),
        samples=pl.DataFrame(lines, schema=samples.SCHEMA),
        readings=pl.DataFrame(schema=READINGS_SCHEMA),
        health=health.empty(),
    )


def test_a_second_counts_what_was_due_and_what_happened_in_it() -> None:
    lines = [
        sample(0.2, 100),
        sample(0.4, 300),
        sample(0.9, 400),  # answered in the next second
        sample(0.5, 50, outcome="server_error", status=500),
        sample(0.6, 10, outcome="refused", status=429),
        sample(0.7, 10, attempt=2),  # a retry: it happened, and was not due
        sample(1.0, outcome="dropped", status=None),
    ]

    table = seconds.of(run_of(lines))

    first, second = table.to_dicts()
    assert (first["second"], first["due"], first["started"]) == (0, 5, 6)
    assert (first["answered"], first["good"]) == (5, 3)
    assert (first["failed"], first["refused"]) == (1, 1)
    assert (first["p50_ms"], first["p95_ms"], first["p99_ms"]) == (300.0, 400.0, 400.0)
    assert (second["second"], second["due"], second["started"]) == (1, 1, 0)
    assert (second["answered"], second["good"], second["p50_ms"]) == (1, 1, None)


def test_the_seconds_add_up_to_the_run() -> None:
    lines = [
        sample(at / 7, 20 + at % 90, outcome="ok" if at % 5 else "timeout") for at in range(70)
    ]

    table = seconds.of(run_of(lines))

    assert table["due"].sum() == 70
    assert table["good"].sum() == 56
    assert table["failed"].sum() == 14
    assert table["second"].is_unique().all()


def test_the_histograms_of_a_series_hold_its_judged_samples_and_give_its_percentiles() -> None:
    lines = [sample(at / 100, 20 + math.sqrt(at) * 7.3) for at in range(900)]
    data = run_of(lines, warm_up_us=2_000_000)

    table = seconds.histograms(data)

    row = next(one for one in report.build(data).series if one.step == "usage" and one.phase)
    for kind, exact in (("ok", row.ok_ms), ("service", row.service_ms), ("all", row.all_ms)):
        found = histogram.from_table(table.filter(phase="plateau", kind=kind))
        assert found.count == row.count == 700
        assert (found.quantile_us(0.99) or 0) / 1000 == pytest.approx(exact.p99, rel=0.0005)


def test_a_run_without_samples_has_empty_tables() -> None:
    empty = run_of([])

    assert seconds.of(empty).height == 0
    assert seconds.histograms(empty).height == 0
    assert seconds.of(empty).columns == seconds.of(run_of(steady(1, 1))).columns


def test_what_was_never_answered_is_in_no_histogram_of_the_answered() -> None:
    lines: list[dict[str, Any]] = [sample(0.1, 10), sample(0.2, 10_000, outcome="timeout")]

    kinds = seconds.histograms(run_of(lines)).group_by("kind").agg(pl.col("count").sum())

    assert dict(kinds.sort("kind").rows()) == {"all": 2, "ok": 1, "service": 1}
