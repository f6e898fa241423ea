"""`manage.py doctor`: finds where files, rows and the queue disagree, and repairs what can be."""

import hashlib
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from ingest import queue
from runs import store
from runs.models import Run, RunFile
from tests.api_client import add_run

pytestmark = pytest.mark.django_db
NAME = "samples-00000.ndjson.zst"


@pytest.fixture
def run(data_folder: Path) -> Run:
    """A sound run of one file."""
    run = add_run()
    (store.spool_of(run.pk) / NAME).write_bytes(b"content")
    digest = hashlib.sha256(b"content").hexdigest()
    RunFile.objects.create(run=run, name=NAME, bytes=7, sha256=digest)
    return run


def test_a_sound_warehouse_is_said_to_be_one(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("doctor", at_rest=True, digests=True)

    assert capsys.readouterr().out == "Files, rows and the queue agree.\n"


def test_what_a_crash_left_is_named_and_removed_on_demand(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    stray = store.spool_of(run.pk) / "samples-00009.ndjson.zst"
    stray.write_bytes(b"xyz")
    orphan = store.spool_of(UUID(int=7))

    with pytest.raises(CommandError, match="2 things are wrong"):
        call_command("doctor", at_rest=True)
    said = capsys.readouterr().out
    assert f"file_without_row: run {run.pk} samples-00009.ndjson.zst: 3 bytes" in said
    assert f"run_without_row: run {UUID(int=7)}: 0 bytes" in said
    call_command("doctor", at_rest=True, repair=True)

    assert not stray.exists()
    assert not orphan.exists()
    assert (store.spool_of(run.pk) / NAME).exists()


def test_what_has_just_changed_is_left_to_whoever_is_sending_it(run: Run) -> None:
    stray = store.spool_of(run.pk) / "samples-00009.ndjson.zst"
    stray.write_bytes(b"xyz")

    call_command("doctor", repair=True)

    assert stray.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "file_missing"),
        (b"cont", "file_differs"),
        (b"c0ntent", "file_differs"),
    ],
)
def test_a_file_that_a_disk_lost_or_changed_is_named_and_cannot_be_repaired(
    run: Run, capsys: pytest.CaptureFixture[str], content: bytes | None, said: str
) -> None:
    path = store.spool_of(run.pk) / NAME
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CommandError):
        call_command("doctor", at_rest=True, repair=True, digests=True)

    assert f"{said}: run {run.pk} {NAME}" in capsys.readouterr().out


def test_a_run_that_nobody_has_is_queued_again(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    Run.objects.update(processing="received")

    with pytest.raises(CommandError):
        call_command("doctor")
    assert f"not_queued: run {run.pk} is received" in capsys.readouterr().out
    call_command("doctor", repair=True)

    assert queue.depth()["queued"] == 1
