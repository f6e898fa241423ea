"""The spool on disk: readable at any moment, sealed at the end."""

import errno
import hashlib
from pathlib import Path

import polars as pl
import pytest

from loadrunner.errors import UsageError
from loadrunner.spool import DiskError, SpoolWriter, check_unused
from runs.formats.errors import SpoolError
from runs.formats.samples import SCHEMA
from runs.formats.spool import segment_to_frame

ROW = {"scenario": "chat", "step": "ask", "phase": "plateau", "outcome": "ok"}


def _frame(rows: int, first: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        [{**ROW, "started_us": n, "ended_us": n + 1} for n in range(first, first + rows)],
        schema=SCHEMA,
    )


def test_what_was_flushed_can_be_read_before_the_segment_is_sealed(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "a" / "spool")
    writer.add_samples(_frame(5))
    writer.flush()
    rows, _ = segment_to_frame(writer.folder / "samples-00000.ndjson.zst")
    assert rows["started_us"].to_list() == [0, 1, 2, 3, 4]
    assert writer.segments == []
    writer.close()


def test_a_sealed_segment_is_listed_with_its_rows_bytes_and_digest(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "spool")
    writer.add_samples(_frame(3))
    writer.close()
    (segment,) = writer.segments
    content = (writer.folder / segment.name).read_bytes()
    assert (segment.name, segment.samples) == ("samples-00000.ndjson.zst", 3)
    assert (segment.bytes, segment.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_a_long_run_is_sealed_in_several_segments(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "spool")
    for first in (0, 150_000, 300_000):
        writer.add_samples(_frame(150_000, first))
    writer.close()
    assert [segment.samples for segment in writer.segments] == [300_000, 150_000]


def test_a_folder_in_use_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="already in use"):
        SpoolWriter(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_disk_that_refuses_says_what_to_do(tmp_path: Path) -> None:
    """/dev/full answers every write as a full disk does."""
    folder = tmp_path / "spool"
    folder.mkdir()
    writer = SpoolWriter(folder)
    (folder / "samples-00000.ndjson.zst").symlink_to("/dev/full")
    writer.add_samples(_frame(10))  # still in the compressor
    with pytest.raises(DiskError, match="No space left on device") as raised:
        writer.flush()
    with pytest.raises(DiskError):
        writer.close()
    assert isinstance(raised.value.__cause__, OSError)
    assert raised.value.__cause__.errno == errno.ENOSPC


def test_a_flipped_bit_of_a_segment_that_no_manifest_lists_is_told(tmp_path: Path) -> None:
    """As after a kill between sealing and listing: there is no digest to hold it against."""
    writer = SpoolWriter(tmp_path / "spool")
    writer.add_samples(_frame(1000))
    writer.close()
    path = writer.folder / writer.segments[0].name
    content = path.read_bytes()
    places = range(6, len(content), len(content) // 40)
    assert all(_is_told(path, content, at) for at in places)


def _is_told(path: Path, content: bytes, at: int) -> bool:
    """Read up to the damage, or refused where what it made of a line cannot be."""
    path.write_bytes(bytes([*content[:at], content[at] ^ 1, *content[at + 1 :]]))
    try:
        return any("is damaged" in note for note in segment_to_frame(path)[1])
    except SpoolError:
        return True


def test_a_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("")
    with pytest.raises(UsageError, match="cannot be made"):
        check_unused(tmp_path / "notes" / "spools" / "one")
    with pytest.raises(UsageError, match="already in use"):
        check_unused(tmp_path / "notes")
    check_unused(tmp_path / "spools" / "one")
