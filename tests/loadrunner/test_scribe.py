"""What workers ship stands in the spool, whichever of the two ways it took there."""

import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadrunner.engine import lines
from loadrunner.engine.frames import frame
from loadrunner.engine.record import DUE_BY, NONE, RECORD, Names
from loadrunner.engine.scribe import Scribe
from loadrunner.spool import SpoolWriter
from runs.analysis.outcomes import OUTCOMES
from runs.formats.samples import SCHEMA
from runs.formats.spool import segment_to_frame

NAMES = Names([("shop", 'a "b"\\ é'), ("Ω\n", "x")], ["ramp_up", "plateau"], "0123456789abcdef")
ERRORS = ["connect: refused", 'not JSON: "{\x7f\u2028é']


def below(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, count - 1)


MICROS = st.integers(0, 2**40)
MAYBE = st.just(NONE) | st.integers(0, 2**31 - 1)
SOMETIMES = st.just(NONE) | MICROS
RECORDS = st.tuples(
    below(2), below(2), MICROS, MAYBE, st.integers(1, 255), below(len(DUE_BY)),
    below(len(OUTCOMES)), st.booleans(), MICROS, MICROS, below(2**31), below(2**31), SOMETIMES,
    MICROS, SOMETIMES, MAYBE, MAYBE, st.sampled_from([NONE, 0, 1]), MAYBE, MICROS, MICROS,
    st.integers(1, 2**62),
)  # fmt: skip


@settings(deadline=None, max_examples=50)
@given(st.lists(RECORDS, min_size=1, max_size=5))
def test_lines_say_what_frames_say(records: list[tuple[int, ...]]) -> None:
    packed = b"".join(RECORD.pack(*record) for record in records)
    text = lines.writer(NAMES, 3)(packed, ERRORS)
    read = pl.read_ndjson(io.BytesIO(text), schema=SCHEMA)
    assert read.equals(frame(packed, NAMES, 3, ERRORS))


def shipped(first: int, count: int) -> bytes:
    """Samples with the traces first, first + 1, …"""
    return b"".join(
        RECORD.pack(
            0, 1, n, NONE, 1, 0, 9, 1, n, n, 0, 0, n, n, *[NONE] * 2, 200, NONE, NONE, 1, 1, n
        )
        for n in range(first, first + count)
    )


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([1, 63, 64, 65, 699], id="little at a time"),
        pytest.param([700, 20_000, 5], id="a flood, and what is left of it"),
        pytest.param([700, 700, 3, 900], id="floods that end"),
    ],
)
def test_every_sample_of_every_worker_is_written_once_and_in_its_order(
    sizes: list[int], tmp_path: Path
) -> None:
    writer = SpoolWriter(tmp_path / "spool")
    scribe = Scribe(NAMES, writer)
    first = 1
    for size in sizes:
        for worker in (0, 1):
            scribe.add(worker, shipped(first, size))
        first += size
    scribe.write_rest()
    writer.close()
    kept = pl.concat([segment_to_frame(writer.folder / one.name)[0] for one in writer.segments])
    wanted = [f"0123456789abcdef{n:016x}" for n in range(1, first)]
    for worker in (0, 1):
        assert kept.filter(worker=worker)["trace_id"].to_list() == wanted


def test_what_comes_a_little_at_a_time_is_written_at_once(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "spool")
    Scribe(NAMES, writer).add(0, shipped(1, 100))
    writer.flush()
    kept, _ = segment_to_frame(writer.folder / "samples-00000.ndjson.zst")
    assert kept.height == 100
    writer.close()


def test_an_error_text_stands_in_the_lines_of_the_worker_that_told_of_it(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "spool")
    scribe = Scribe(NAMES, writer)
    for worker, text in enumerate(["the first", "the second"]):
        scribe.learn(worker, text)
        record = list(RECORD.unpack(shipped(1, 1)))
        record[17] = 0  # the index of the text
        scribe.add(worker, RECORD.pack(*record))
    writer.close()
    kept, _ = segment_to_frame(writer.folder / writer.segments[0].name)
    assert dict(kept.select("worker", "error").iter_rows()) == {0: "the first", 1: "the second"}
