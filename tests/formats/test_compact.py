"""The samples in little memory say the same as with every column that they came with."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runs.analysis import columns, report, saturation, seconds, timeline
from runs.analysis.run_data import RunData
from runs.formats import compact, report_json, samples, spool
from runs.formats.compact import Compact
from tests.builders import phase, sample, steady, write_spool


def run_of(folder: Path) -> Path:
    """Retries, failures, refusals, streams, several steps and scenarios, and a warm-up."""
    lines = steady(40, 20, step="usage") + steady(30, 20, step="invoice", due_by="previous")
    lines += steady(20, 20, scenario="chat", step="ask", first_token_us=9_000, tokens=4)
    for at in range(0, 200, 7):
        lines[at] |= {"outcome": "server_error", "status": 503, "error": "no"}
    for at in range(1, 200, 9):
        lines[at] |= {"outcome": "refused", "status": 429}
        again = {**lines[at], "attempt": 2, "outcome": "ok", "status": 200}
        lines.append({**again, "due_us": again["due_us"] + 50_000})
    lines.append(sample(5.0, outcome="dropped", status=None, user=2**40, journey=-(2**50)))
    phases = [phase(20, 40, warm_up_us=2_000_000), phase(20, 20, scenario="chat")]
    return write_spool(folder, lines, phases=phases, seconds=20)


def said_of(data: RunData) -> list[object]:
    """Everything that is computed of a run."""
    built = report.build(data)
    curves = [saturation.curve(data, name) for name in data.plan.scenarios]
    tables = [seconds.of(data), seconds.histograms(data)]
    return [report_json.dump(built), timeline.of(data), curves, *(one.rows() for one in tables)]


def test_every_figure_is_the_same_with_the_samples_in_little_memory(tmp_path: Path) -> None:
    whole = spool.read(run_of(tmp_path / "run"))
    kept = Compact()
    for part in whole.samples.iter_slices(333):
        kept.add(part)

    small = replace(whole, samples=kept.frame())

    assert small.samples.estimated_size() < whole.samples.estimated_size() / 2
    assert said_of(spool.run_data(small)) == said_of(spool.run_data(whole))


def test_a_spool_is_read_the_same_in_little_memory(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "run")
    (folder / "samples-00001.ndjson.zst").write_bytes(b"no zstd")
    whole = spool.read(folder)

    small = compact.of_spool(folder)

    assert small.samples.estimated_size() < whole.samples.estimated_size() / 2
    assert small.notes == whole.notes
    assert said_of(spool.run_data(small)) == said_of(spool.run_data(whole))


def test_a_run_without_a_sample_is_analysed_too(tmp_path: Path) -> None:
    whole = spool.read(run_of(tmp_path / "run"))
    none = replace(whole, samples=whole.samples.clear())
    kept = Compact()
    kept.add(none.samples)

    assert said_of(spool.run_data(replace(none, samples=kept.frame()))) == said_of(
        spool.run_data(none)
    )


@pytest.mark.parametrize("schema", [samples.CODED, samples.SCHEMA], ids=["numbers", "texts"])
def test_a_table_is_read_back_as_it_was_kept_with_names_as_numbers_or_as_texts(
    tmp_path: Path, schema: Any
) -> None:
    whole = spool.read(run_of(tmp_path / "run"))
    whole.samples.cast(schema).write_parquet(tmp_path / "samples.parquet")

    small = replace(whole, samples=compact.of_table(tmp_path / "samples.parquet"))

    assert said_of(spool.run_data(small)) == said_of(spool.run_data(whole))


def test_a_source_with_durations_of_its_own_keeps_what_they_need(tmp_path: Path) -> None:
    """k6's duration begins when the request has its connection."""
    lines = [line | {"wait_us": 5_000, "connect_us": 2_000} for line in steady(20, 10)]
    whole = spool.read(write_spool(tmp_path / "run", lines, seconds=10))
    table = tmp_path / "samples.parquet"
    whole.samples.write_parquet(table)
    data = spool.run_data(whole)
    data = replace(data, info=replace(data.info, source="k6"))

    kept = replace(data, samples=compact.of_table(table, columns.needs("k6")))

    [row] = [one for one in report.build(kept).series if not one.pooled]
    assert (row.all_ms.p50, row.ok_ms.p50) == (13.0, 20.0)
    assert said_of(kept) == said_of(data)


def test_no_sample_at_all_is_a_frame_with_every_column() -> None:
    found = Compact().frame()

    assert (found.height, found.columns) == (0, list(compact.COLUMNS))


def test_the_frames_are_handed_on_as_they_came() -> None:
    frames = [pl.DataFrame([sample(at)], schema=samples.SCHEMA) for at in range(3)]

    assert list(map(id, Compact().seeing(frames))) == list(map(id, frames))
