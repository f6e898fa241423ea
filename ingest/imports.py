"""Taking in another tool's result file: one call, one run. The same bytes are the same run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from ingest import bodies, names, queue, receive
from runs import importing, store
from runs.access import Access
from runs.errors import Fault, RefusedError
from runs.formats import detection
from runs.formats.errors import FormatError, PlaceError
from runs.formats.imported import Imported, run_id_of
from runs.limits import limits
from runs.models import Run, RunFile

READERS: Final = (detection.AUTO, *detection.NAMES)
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# What is read before the answer; the rest of a file is the worker's.
_LOOKED_AT: Final = 4 << 20


@dataclass(frozen=True)
class Wanted:
    """What the sender says of the file. A campaign that is not named is the tool's own name."""

    reader: str = detection.AUTO
    file: str = "import.dat"
    campaign: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def take(access: Access, slug: str, wanted: Wanted, request: HttpRequest) -> tuple[Run, bool]:
    """The run of the file in the body, and whether it is new.

    RefusedError, naming line and column, where nothing of it can be read; nothing is kept then.
    """
    _check(wanted)
    bodies.refuse_encoded(request)
    project = receive.project_of(access, slug)
    with store.part() as part:
        limit = settings.HEADROOM_MAX_FILE_BYTES
        body = bodies.save(request, part, limit, needs_digest=False)
        run_id = UUID(run_id_of(slug, body.sha256))
        known = Run.every.filter(pk=run_id).first()
        if known is not None:
            receive.refuse_deleted(known)
            return _tried_again(known), False
        fresh = _described(run_id, wanted, _looked_into(part, wanted), access)
        with transaction.atomic():
            fresh.project = receive.made(access, slug) if project is None else project
            run, is_new = receive.found_or_saved(fresh)
            if is_new:
                store.keep(part, run.pk, wanted.file)
                RunFile.objects.create(
                    run=run, name=wanted.file, bytes=body.bytes, sha256=body.sha256
                )
                queue.enqueue(run)
    return run, is_new


def _check(wanted: Wanted) -> None:
    if wanted.reader not in READERS:
        allowed = ", ".join(READERS)
        raise RefusedError(
            "reader_unknown",
            f"There is no reader '{wanted.reader[:40]}'. Allowed are {allowed}.",
            [Fault("as", f"allowed are {allowed}")],
        )
    if not _FILE_NAME.fullmatch(wanted.file) or names.is_spool_file(wanted.file):
        raise RefusedError(
            "file_name",
            "A file is named with letters, digits, '.', '_' and '-', at most 100 of them, and not"
            " like a file of a spool.",
            [Fault("name", f"found '{wanted.file[:100]}'")],
        )


def _tried_again(run: Run) -> Run:
    """A run whose processing failed is queued once more."""
    with transaction.atomic():
        run = receive.locked(run.pk)
        if run.processing == Run.Processing.FAILED:
            queue.enqueue(run)
    return run


def _looked_into(path: Path, wanted: Wanted) -> Imported:
    """The beginning of the file as a run, or all of it where the beginning says too little."""
    found_limits = limits()
    try:
        return detection.read(path, wanted.reader, name=wanted.file, most_bytes=_LOOKED_AT)
    except FormatError:
        pass
    try:
        return detection.read(path, wanted.reader, name=wanted.file, limits=found_limits)
    except PlaceError as error:
        raise _unreadable(str(error), Fault(error.at, error.message)) from error
    except FormatError as error:
        raise _unreadable(str(error), Fault(wanted.file, str(error))) from error


def _unreadable(detail: str, fault: Fault) -> RefusedError:
    return RefusedError("import_unreadable", f"{detail} Nothing was kept.", [fault])


def _described(run_id: UUID, wanted: Wanted, found: Imported, access: Access) -> Run:
    run = Run(
        id=run_id,
        uploaded_by=access.user,
        campaign=wanted.campaign[:200],
        labels=dict(wanted.labels),
        manifest=importing.placeholder(wanted.file, wanted.reader),
    )
    environment = wanted.labels.get("env") or wanted.labels.get("environment", "")
    run.environment = environment[:200]
    importing.describe(run, found)
    return run
