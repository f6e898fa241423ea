"""What a run that is still being sent shows so far: the same figures, of what has come.

Each sealed segment is read once and its samples are kept in little memory as a table of the
store, which goes when the run is processed. The figures are made again when segments have come;
of a large run only when they are a tenth more, so that all of it together costs little.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import polars as pl

from runs import store
from runs.analysis import series, timeline
from runs.analysis.plan import Plan
from runs.analysis.run_data import RunData
from runs.documents import plain
from runs.formats import health, spool
from runs.formats.compact import Compact
from runs.formats.errors import SpoolError
from runs.formats.limits import Budget
from runs.formats.manifest import Manifest
from runs.limits import limits
from runs.models import Run, RunFile

_TABLE: Final = "live-"
_LARGE: Final = 1_000_000
_MORE: Final = 1.1
_MOST_KEPT: Final = 16


@dataclass(frozen=True)
class Partial:
    """The figures of the segments that had come; `until_s` is the last answer among them."""

    segments: tuple[str, ...]
    bytes: int
    samples: int
    until_s: float
    timeline: dict[str, Any] | None
    series: list[dict[str, Any]]
    notes: tuple[str, ...]


NOTHING: Final = Partial((), 0, 0, 0.0, None, [], ())
_kept: OrderedDict[UUID, Partial] = OrderedDict()
_lock = threading.Lock()


def of(run: Run) -> Partial:
    """Of a run that was opened; its manifest must be there. Of one that is ready, all of it."""
    files = list(run.files.filter(name__startswith="samples-").order_by("name"))
    if run.is_ready:
        return _whole(run, files)
    # One at a time: whoever asks meanwhile gets what the first has made.
    with _lock:
        before = _kept.get(run.pk, NOTHING)
        if _is_worth_it(before, files):
            _kept[run.pk] = _made(run, files)
            while len(_kept) > _MOST_KEPT:
                _kept.popitem(last=False)
        return _kept.get(run.pk, NOTHING)


def forget(run_id: UUID) -> None:
    """The run is processed: its own tables say everything."""
    for name in store.current().table_names(run_id):
        if name.startswith(_TABLE):
            store.current().drop_table(run_id, name)
    _kept.pop(run_id, None)


def _is_worth_it(before: Partial, files: Sequence[RunFile]) -> bool:
    come = sum(file.bytes for file in files)
    if before.samples < _LARGE:
        return come > before.bytes
    return come > _MORE * before.bytes


def _whole(run: Run, files: Sequence[RunFile]) -> Partial:
    return Partial(
        segments=tuple(file.name for file in files),
        bytes=sum(file.bytes for file in files),
        samples=run.samples,
        until_s=run.duration_s or 0.0,
        timeline=run.timeline,
        series=(run.report or {}).get("series", []),
        notes=tuple(run.reading_notes),
    )


def _made(run: Run, files: Sequence[RunFile]) -> Partial:
    notes: list[str] = []
    kept = Compact()
    for file in files:
        kept.add(_table(run, file.name, notes))
    samples = kept.frame()
    last = samples["ended_us"].max()
    until_us = last if isinstance(last, int) else 0
    found = Partial(
        segments=tuple(file.name for file in files),
        bytes=sum(file.bytes for file in files),
        samples=samples.height,
        until_s=until_us / 1e6,
        timeline=None,
        series=[],
        notes=tuple(notes),
    )
    if samples.is_empty():
        return found
    data = _data(run, samples, until_us)
    rows = [plain(row) for row in series.rows(data)]
    return replace(found, timeline=plain(timeline.of(data)), series=rows)


def _table(run: Run, name: str, notes: list[str]) -> pl.DataFrame:
    """A segment's samples: of its table, or else read and kept as one. Of one that cannot be read
    there are none, which the run's own reading will say again."""
    own = f"{_TABLE}{name.removesuffix('.ndjson.zst')}"
    try:
        return store.read_frame(run.pk, own)
    except FileNotFoundError:
        frame = _read(run, name, notes)
        store.write_frames(run.pk, **{own: frame})
        return frame


def _read(run: Run, name: str, notes: list[str]) -> pl.DataFrame:
    kept = Compact()
    try:
        for part in spool.parts_of([store.raw_file(run.pk, name)], Budget(limits())):
            kept.add(part.frame)
            notes += part.notes
    except SpoolError as error:
        notes.append(str(error))
        return Compact().frame()
    return kept.frame()


def _data(run: Run, samples: pl.DataFrame, until_us: int) -> RunData:
    manifest = Manifest.model_validate(run.manifest)
    readings = pl.DataFrame(schema=spool.READINGS_SCHEMA)
    plan = _begun(manifest.plan(), until_us)
    return RunData(spool.info_of(manifest), plan, samples, readings, health.empty())


def _begun(plan: Plan, until_us: int) -> Plan:
    """The phases that have begun, as long as they have lasted: rates are per second of them."""
    phases = [
        replace(phase, end_us=min(phase.end_us, max(until_us, phase.start_us + phase.warm_up_us)))
        for phase in plan.phases
        if phase.start_us < until_us
    ]
    return replace(plan, phases=tuple(phases))
