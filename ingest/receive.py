"""Taking in a run: open it, take its files one by one, complete it. Every call may come twice."""

import hashlib
import re
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from ingest import bodies, manifests, names, queue
from runs import store
from runs.access import Access
from runs.errors import ConflictError, Fault, ForbiddenError, RefusedError
from runs.formats.manifest import Manifest
from runs.models import Project, Run, RunFile
from runs.models.project import SLUG, SLUG_RULE


def open_run(access: Access, slug: str, request: HttpRequest) -> tuple[Run, bool]:
    """The run of the manifest in the body, and whether it is new."""
    project = project_of(access, slug)
    bodies.refuse_encoded(request)
    body = bodies.read(request, settings.HEADROOM_MAX_MANIFEST_BYTES)
    manifest, document = manifests.read(body)
    fresh = Run(id=UUID(manifest.run_id), uploaded_by=access.user)
    manifests.describe(fresh, manifest, document)
    with transaction.atomic():
        project = made(access, slug) if project is None else project
        fresh.project = project
        run, is_new = found_or_saved(fresh)
        # Within the transaction: a project that was made for a run that is refused goes with it.
        refuse_deleted(run)
        if run.project_id != project.pk:
            raise ConflictError(
                "run_elsewhere",
                f"Run {run.pk} was sent before, to another project. A run belongs to one project; "
                "to keep it in two, measure it again.",
            )
        manifests.check_is_of(run, manifest)
    return run, is_new


def project_of(access: Access, slug: str) -> Project | None:
    """The project, None where it may be made; ForbiddenError where the token is for another one."""
    project = Project.objects.filter(slug=slug).first()
    if access.project_id is not None and (project is None or project.pk != access.project_id):
        own = Project.objects.get(pk=access.project_id).slug
        raise ForbiddenError(
            "other_project", f"This token sends to the project '{own}' only, not to '{slug}'."
        )
    if project is None and not re.fullmatch(SLUG, slug):
        raise RefusedError(
            "project_name",
            f"'{slug}' cannot name a project: {SLUG_RULE}.",
            [Fault("project", SLUG_RULE)],
        )
    return project


def made(access: Access, slug: str) -> Project:
    access.require("upload")
    return Project.objects.get_or_create(slug=slug, defaults={"name": slug})[0]


def found_or_saved(fresh: Run) -> tuple[Run, bool]:
    """Two that open the same run at once: one makes it, the other finds it."""
    values = {
        field.attname: getattr(fresh, field.attname)
        for field in Run._meta.concrete_fields
        if not field.primary_key and field.attname != "uploaded_at"
    }
    return Run.every.get_or_create(pk=fresh.pk, defaults=values)


def refuse_deleted(run: Run) -> None:
    if run.deleted_at is not None:
        raise ConflictError(
            "run_deleted",
            f"Run {run.pk} was deleted on {run.deleted_at:%Y-%m-%d}. "
            f"POST runs/{run.pk}/restore brings it back.",
        )


def take_file(
    access: Access, run_id: UUID, name: str, request: HttpRequest
) -> tuple[RunFile, bool]:
    """Stream one file of the spool to its place; whether it is new.

    A manifest may come as a file too. The one that completes the run takes its place.
    """
    run = access.run(run_id)
    bodies.refuse_encoded(request)
    if not names.is_spool_file(name):
        raise RefusedError(
            "file_name",
            f"'{name}' is not a file of a spool. Allowed are {names.ALLOWED}.",
            [Fault("name", f"allowed are {names.ALLOWED}")],
        )
    with store.part() as part:
        is_manifest = name == names.MANIFEST
        body = bodies.save(request, part, _most_bytes(is_manifest=is_manifest))
        if is_manifest:
            manifests.check_is_of(run, manifests.read(part.read_bytes())[0])
        # The body is on disk: from here on it takes milliseconds, so the lock may be held.
        with transaction.atomic():
            run = locked(run.pk)
            known = run.files.filter(name=name).first()
            if known is not None:
                return _same_or_conflict(known, body), False
            _may_take_more(run)
            # The file first: a row never stands without its file, and a file that lost its row
            # to a crash is simply replaced when it is sent again.
            store.keep(part, run.pk, name)
            file = RunFile.objects.create(run=run, name=name, bytes=body.bytes, sha256=body.sha256)
    return file, True


def _most_bytes(*, is_manifest: bool) -> int:
    if is_manifest:
        return int(settings.HEADROOM_MAX_MANIFEST_BYTES)
    return int(settings.HEADROOM_MAX_FILE_BYTES)


def locked(run_id: UUID) -> Run:
    """The run's row, held against other calls until the transaction ends."""
    return Run.every.select_for_update().get(pk=run_id)


def _same_or_conflict(known: RunFile, body: bodies.Body) -> RunFile:
    if known.sha256 == body.sha256:
        return known
    raise ConflictError(
        "file_differs",
        f"{known.name} was sent before with other bytes. What was taken is kept as it is; "
        "another run needs another run id.",
        [Fault(known.name, f"kept SHA-256 {known.sha256}, this one has {body.sha256}")],
    )


def _may_take_more(run: Run) -> None:
    if run.processing != Run.Processing.RECEIVING:
        raise ConflictError(
            "run_complete",
            f"Run {run.pk} was completed before ({run.processing}); it takes no more files.",
        )
    if run.files.count() >= settings.HEADROOM_MAX_FILES:
        raise RefusedError(
            "too_many_files",
            f"A run has at most {settings.HEADROOM_MAX_FILES} files; write larger segments.",
        )


def complete(access: Access, run_id: UUID, request: HttpRequest) -> Run:
    """Check that everything listed has come, and hand the run to the queue.

    The manifest of this call is the one that counts. A run that was completed before stays as it
    is, except that a failed one is tried again.
    """
    run = access.run(run_id)
    bodies.refuse_encoded(request)
    body = bodies.read(request, settings.HEADROOM_MAX_MANIFEST_BYTES)
    manifest, document = manifests.read(body)
    manifests.check_is_of(run, manifest)
    with store.part() as part:
        bodies.write(part, body)
        with transaction.atomic():
            run = locked(run.pk)
            if run.processing == Run.Processing.RECEIVING:
                _check_segments(run, manifest)
                _drop_strays(run)
                manifests.describe(run, manifest, document)
                store.keep(part, run.pk, names.MANIFEST)
                _note_manifest(run, body)
            if run.processing in (Run.Processing.RECEIVING, Run.Processing.FAILED):
                queue.enqueue(run)
    return run


def _check_segments(run: Run, manifest: Manifest) -> None:
    """RefusedError, naming each segment that is listed and has not come as listed."""
    sent = {file.name: file for file in run.files.all()}
    faults = []
    for segment in manifest.segments:
        file = sent.get(segment.name)
        if not names.is_spool_file(segment.name):
            faults.append(Fault(segment.name, f"is no name of a segment; {names.ALLOWED}"))
        elif file is None:
            faults.append(Fault(segment.name, "is listed and was not sent"))
        elif (file.sha256, file.bytes) != (segment.sha256.lower(), segment.bytes):
            faults.append(
                Fault(
                    segment.name,
                    f"is listed with {segment.bytes} bytes and SHA-256 {segment.sha256}; "
                    f"{file.bytes} bytes with {file.sha256} came",
                )
            )
    if faults:
        raise RefusedError(
            "segments_missing",
            f"{len(faults)} of the {len(manifest.segments)} listed segments have not come as "
            f"listed, the first is {faults[0].at}. Send them and complete the run again.",
            faults,
        )


def _drop_strays(run: Run) -> None:
    """Files whose rows were lost to a crash and that nobody sent again: readers would take them
    for segments of the run."""
    known = set(run.files.values_list("name", flat=True))
    for name in store.current().raw_sizes(run.pk):
        if name not in known:
            store.current().drop_raw(run.pk, name)


def _note_manifest(run: Run, body: bytes) -> None:
    digest = hashlib.sha256(body).hexdigest()
    RunFile.objects.update_or_create(
        run=run, name=names.MANIFEST, defaults={"bytes": len(body), "sha256": digest}
    )


def retry(access: Access, run_id: UUID) -> Run:
    """Queue a run again whose processing failed."""
    access.run(run_id)
    with transaction.atomic():
        run = locked(run_id)
        if run.processing != Run.Processing.FAILED:
            raise ConflictError(
                "not_failed",
                f"Run {run.pk} is {run.processing}; only a failed one can be tried again.",
            )
        queue.enqueue(run)
    return run
