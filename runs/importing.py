"""Runs of other tools in the warehouse: their raw file, read and described as a run's columns."""

import json
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from runs import store
from runs.formats import detection
from runs.formats.imported import Imported
from runs.formats.limits import Limits
from runs.formats.manifest import ImportEntry
from runs.models import Run

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = ("state", "started_at", "ended_at", "duration_s", "manifest")


def is_imported(run: Run) -> bool:
    return bool(run.manifest.get("imported"))


def read(run: Run, limits: Limits) -> Imported:
    """The run's raw file. A FormatError says where it cannot be read."""
    entry = _entry(run)
    return detection.read(store.raw_file(run.pk, entry.file), entry.reader, limits=limits)


def describe(run: Run, found: Imported) -> None:
    """Set the run's columns from what its file holds.

    A file that does not say when it was written is listed at the time of its import.
    """
    entry = _entry(run)
    manifest = found.manifest(str(run.pk), run.labels, file=entry.file, reader=entry.reader)
    named = manifest.campaign.model_copy(update={"name": run.campaign or found.campaign})
    document = json.loads(manifest.model_copy(update={"campaign": named}).to_json())
    run.manifest = document
    run.campaign = named.name
    run.source = found.tool
    run.state = found.state
    run.started_at = _started_at(run, found)
    run.duration_s = found.length_us / 1e6
    run.ended_at = run.started_at + timedelta(microseconds=found.length_us)


def save(run: Run) -> None:
    """The columns that `describe` sets and that the whole file may say better than its beginning;
    what people changed meanwhile stays."""
    Run.every.filter(pk=run.pk).update(**{name: getattr(run, name) for name in _COLUMNS})


def _started_at(run: Run, found: Imported) -> datetime:
    if found.started_at_us is None:
        return run.uploaded_at or timezone.now()
    return _EPOCH + timedelta(microseconds=found.started_at_us)


def _entry(run: Run) -> ImportEntry:
    entry = run.manifest["imported"]
    return ImportEntry.model_validate(entry)


def placeholder(file: str, reader: str) -> dict[str, object]:
    """The manifest of a run whose file has not been read yet."""
    return {"imported": ImportEntry(file=file, reader=reader).model_dump()}
