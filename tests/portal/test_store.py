"""The store: files appear whole or not at all, and everything of a run can be found and removed."""

import os
import time
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest

from runs.store import LocalFolder, Store

RUN = UUID(int=1)
NAME = "samples-00000.ndjson.zst"


@pytest.fixture
def files(tmp_path: Path) -> Store:
    return LocalFolder(tmp_path)


def keep(files: Store, content: bytes) -> None:
    with files.part() as part:
        part.write_bytes(content)
        files.keep(part, RUN, NAME)


def test_a_body_that_is_not_kept_leaves_nothing(files: Store, tmp_path: Path) -> None:
    with files.part() as part:
        part.write_bytes(b"half")

    assert list((tmp_path / "incoming").iterdir()) == []
    assert list(files.run_ids()) == []


def test_what_is_kept_is_found_by_its_run_and_name(files: Store) -> None:
    keep(files, b"content")

    assert files.raw_sizes(RUN) == {NAME: 7}
    assert (files.spool_of(RUN) / NAME).read_bytes() == b"content"
    [(run_id, changed_at)] = files.run_ids()
    assert run_id == RUN
    assert time.time() - changed_at < 60


def test_tables_replace_each_other_and_what_a_killed_writer_left_goes(
    files: Store, tmp_path: Path
) -> None:
    files.write_tables(RUN, {"samples": pl.DataFrame({"a": [1]})})
    (tmp_path / "runs" / str(RUN) / "samples.0.draft").write_bytes(b"half a table")
    files.write_tables(RUN, {"samples": pl.DataFrame({"a": [1, 2]})})

    assert pl.read_parquet(files.table(RUN, "samples"))["a"].to_list() == [1, 2]
    assert files.derived_bytes(RUN) == files.table(RUN, "samples").stat().st_size
    assert list((tmp_path / "runs").rglob("*.draft")) == []
    with pytest.raises(FileNotFoundError):
        files.table(RUN, "seconds")


def test_a_run_is_removed_whole_and_twice_is_once(files: Store) -> None:
    keep(files, b"content")
    files.write_tables(RUN, {"samples": pl.DataFrame({"a": [1]})})

    files.remove(RUN)
    files.remove(RUN)

    assert (list(files.run_ids()), files.raw_sizes(RUN), files.derived_bytes(RUN)) == ([], {}, 0)


def test_a_raw_file_is_dropped_and_the_others_stay(files: Store) -> None:
    keep(files, b"content")
    (files.spool_of(RUN) / "stray.zst").write_bytes(b"x")

    files.drop_raw(RUN, "stray.zst")
    files.drop_raw(RUN, "stray.zst")

    assert files.raw_sizes(RUN) == {NAME: 7}


def test_only_old_bodies_are_swept(files: Store, tmp_path: Path) -> None:
    with files.part() as young, files.part() as old:
        young.write_bytes(b"")
        old.write_bytes(b"")
        os.utime(old, (0, 0))

        assert files.sweep_incoming(time.time()) == 1
        assert (young.exists(), old.exists()) == (True, False)


def test_what_is_not_a_run_is_not_taken_for_one(files: Store, tmp_path: Path) -> None:
    (tmp_path / "runs" / "lost+found").mkdir(parents=True)

    assert list(files.run_ids()) == []
