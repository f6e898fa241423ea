"""Where files and rows disagree: what a crash can leave behind, found and put right.

A row never stands without its file unless a disk lost it; a file without its row is what a killed
server leaves, and removing it loses nothing, because nothing that was acknowledged lacks its row.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from runs import store
from runs.models import Run, RunFile

Kind = Literal["run_without_row", "file_without_row", "file_missing", "file_differs"]
# Whoever is sending a file right now makes its row within seconds of the file.
SETTLED_AFTER_S: Final = 3600.0


@dataclass(frozen=True)
class Finding:
    """`name` is a raw file of the run, empty for the run as a whole."""

    kind: Kind
    run_id: UUID
    name: str
    detail: str

    @property
    def can_be_repaired(self) -> bool:
        return self.kind in ("run_without_row", "file_without_row")

    def repair(self) -> None:
        """Remove what no row stands for."""
        if self.kind == "run_without_row":
            store.current().remove(self.run_id)
        elif self.kind == "file_without_row":
            store.current().drop_raw(self.run_id, self.name)


def findings(now_s: float, settled_after_s: float = SETTLED_AFTER_S) -> Iterator[Finding]:
    """What disagrees, but for runs whose files changed within the last `settled_after_s`."""
    yield from orphans(now_s, settled_after_s)
    changed = dict(store.current().run_ids())
    with_files = Run.every.filter(files__isnull=False).distinct().values_list("pk", flat=True)
    known = set(Run.every.values_list("pk", flat=True))
    for run_id in (known & changed.keys()) | set(with_files):
        if now_s - changed.get(run_id, 0.0) >= settled_after_s:
            yield from _of_run(run_id)


def orphans(now_s: float, settled_after_s: float = SETTLED_AFTER_S) -> Iterator[Finding]:
    """Folders of runs that are no more: whoever purged them was killed in the middle."""
    files = store.current()
    known = set(Run.every.values_list("pk", flat=True))
    for run_id, changed_at in list(files.run_ids()):
        if run_id not in known and now_s - changed_at >= settled_after_s:
            size = sum(files.raw_sizes(run_id).values()) + files.derived_bytes(run_id)
            yield Finding("run_without_row", run_id, "", f"{size} bytes without a run")


def damaged(run_id: UUID) -> Iterator[Finding]:
    """Raw files whose bytes are not those that came, by their SHA-256: reads them all."""
    folder = store.spool_of(run_id)
    for row in RunFile.objects.filter(run=run_id):
        path = folder / row.name
        if path.exists() and _sha256(path.read_bytes()) != row.sha256:
            yield Finding("file_differs", run_id, row.name, "its SHA-256 is not the one that came")


def _of_run(run_id: UUID) -> Iterator[Finding]:
    rows = {row.name: row for row in RunFile.objects.filter(run=run_id)}
    sizes = store.current().raw_sizes(run_id)
    for name in sorted(sizes.keys() - rows.keys()):
        yield Finding("file_without_row", run_id, name, f"{sizes[name]} bytes without a row")
    for name, row in rows.items():
        if name not in sizes:
            yield Finding("file_missing", run_id, name, f"{row.bytes} bytes came, and are gone")
        elif sizes[name] != row.bytes:
            yield Finding(
                "file_differs", run_id, name, f"{row.bytes} bytes came, {sizes[name]} are there"
            )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
