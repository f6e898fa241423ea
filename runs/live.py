"""The first figures of a run that is still being received: of the segments that have come so far.

Each segment is read once and kept as counts and a histogram, which merge; the exact figures come
with the report, when the run is complete.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import polars as pl
from django.core.cache import cache

from runs import store
from runs.analysis import histogram
from runs.analysis.histogram import Histogram
from runs.analysis.outcomes import FAILED
from runs.formats import spool
from runs.formats.errors import FormatError
from runs.models import Run, RunFile

_KEPT_S: Final = 3600
_SAMPLES: Final = "samples-"
_LARGEST: Final = 64 << 20  # bytes of a segment; a larger one waits for the report


@dataclass(frozen=True)
class Tally:
    """One scenario in one segment, or in all of them."""

    count: int
    good: int
    failed: int
    refused: int
    times: Histogram

    @property
    def p50_ms(self) -> float | None:
        return _milliseconds(self.times.quantile_us(0.5))

    @property
    def p95_ms(self) -> float | None:
        return _milliseconds(self.times.quantile_us(0.95))

    @property
    def error_rate(self) -> float | None:
        return self.failed / self.count if self.count else None

    @property
    def refusal_rate(self) -> float | None:
        return self.refused / self.count if self.count else None


@dataclass(frozen=True)
class Progress:
    """`at_s` is how far the samples reach, `planned_s` where the plan ends; `share` of it is in."""

    segments: int
    bytes: int
    samples: int
    at_s: float
    planned_s: float
    tallies: dict[str, Tally]

    @property
    def share(self) -> float:
        return min(self.at_s / self.planned_s, 1.0) if self.planned_s else 0.0


@dataclass(frozen=True)
class _Part:
    """What one segment holds; nothing where it could not be read yet."""

    samples: int
    end_us: int
    tallies: dict[str, Tally]


def progress(run: Run) -> Progress:
    """Needs the run's manifest."""
    files = [file for file in run.files.all() if file.name.startswith(_SAMPLES)]
    parts = [_part(run, file) for file in files if file.bytes <= _LARGEST]
    phases = (run.manifest or {}).get("phases") or []
    names = dict.fromkeys(name for part in parts for name in part.tallies)
    return Progress(
        segments=len(files),
        bytes=sum(file.bytes for file in files),
        samples=sum(part.samples for part in parts),
        at_s=max((part.end_us for part in parts), default=0) / 1e6,
        planned_s=max((phase.get("end_us", 0) for phase in phases), default=0) / 1e6,
        tallies={
            name: _together(part.tallies[name] for part in parts if name in part.tallies)
            for name in names
        },
    )


def _part(run: Run, file: RunFile) -> _Part:
    key = f"live:{run.pk}:{file.sha256}"
    found: _Part | None = cache.get(key)
    if found is None:
        found = _read(run, file)
        cache.set(key, found, _KEPT_S)
    return found


def _read(run: Run, file: RunFile) -> _Part:
    """A segment that cannot be read says nothing here; processing tells what is wrong with it."""
    try:
        frame, _ = spool.segment_to_frame(store.raw_file(run.pk, file.name))
    except (FormatError, OSError):
        return _Part(0, 0, {})
    end = frame["ended_us"].max()
    parts = frame.partition_by("scenario", as_dict=True)
    tallies = {str(name): _tally(rows) for (name,), rows in parts.items()}
    return _Part(frame.height, end if isinstance(end, int) else 0, tallies)


def _tally(rows: pl.DataFrame) -> Tally:
    first = rows.filter(pl.col("attempt").fill_null(1) == 1)
    outcome = first["outcome"]
    begun = pl.coalesce("due_us", "started_us")
    took = first.filter(outcome == "ok").select((pl.col("ended_us") - begun).alias("took"))["took"]
    return Tally(
        count=first.height,
        good=int((outcome == "ok").sum()),
        failed=int(outcome.is_in(FAILED).sum()),
        refused=int((outcome == "refused").sum()),
        times=histogram.of(took.to_numpy()),
    )


def _together(tallies: Iterable[Tally]) -> Tally:
    found = list(tallies)
    return Tally(
        count=sum(one.count for one in found),
        good=sum(one.good for one in found),
        failed=sum(one.failed for one in found),
        refused=sum(one.refused for one in found),
        times=histogram.merge(one.times for one in found),
    )


def _milliseconds(value_us: float | None) -> float | None:
    return None if value_us is None else value_us / 1000
