"""A spool: the folder in which a run's raw samples stand, finished or not.

    manifest.json
    samples-00000.ndjson.zst, …   one line a request
    probes.ndjson.zst             one line a reading of the target's own metrics
    health.ndjson.zst             one line a second and worker of the generator's health

A run that was killed leaves segments that the manifest does not list yet, and ones that are cut:
both are read. What had to be left out is said in `Spool.notes`, never passed over.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from runs.analysis.outcomes import OUTCOMES, UNSENT
from runs.analysis.run_data import Fidelity, RunData, RunInfo, RunState
from runs.formats import health as health_lines
from runs.formats import manifest as manifests
from runs.formats import samples as sample_lines
from runs.formats import segment
from runs.formats.errors import SpoolError
from runs.formats.limits import EARLIEST_US, LATEST_US, Budget, Limits
from runs.formats.manifest import ImportEntry, Manifest, Segment
from runs.formats.segment import Layout, Notes

MANIFEST: Final = "manifest.json"
SAMPLES: Final = "samples-*.ndjson.zst"
PROBES: Final = "probes.ndjson.zst"
HEALTH: Final = "health.ndjson.zst"

READINGS_SCHEMA: Final[dict[str, pl.DataType]] = {
    "t_us": pl.Int64(),
    "probe": pl.String(),
    "metric": pl.String(),
    "value": pl.Float64(),
}
_SAMPLES: Final = Layout(
    sample_lines.SCHEMA,
    sample_lines.REQUIRED,
    {"outcome": OUTCOMES, "due_by": sample_lines.DUE_BY},
    names=sample_lines.NAMES,
    texts=("error", "trace_id"),
    read_as=sample_lines.CODED,
)
_MOMENTS: Final = ("due_us", "started_us", "first_byte_us", "first_token_us", "ended_us")
_HEALTH: Final = Layout(health_lines.SCHEMA, ("t_us",))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Spool:
    """What stands in a spool. `readings` is long: `t_us`, `probe`, `metric`, `value`."""

    manifest: Manifest
    samples: pl.DataFrame
    readings: pl.DataFrame
    health: pl.DataFrame
    notes: Notes


def read(folder: Path, limits: Limits | None = None) -> Spool:
    """Read a spool. A SpoolError or ManifestError names file, line and key."""
    reading = Reading(folder, limits)
    samples = pl.concat([sample_lines.empty_coded(), *reading.samples()])
    return reading.spool(samples)


class Reading:
    """A spool that is being read piece by piece, so that its samples need not all fit into memory
    with every column that they have: first all of `samples`, then the rest."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.manifest = read_manifest(folder)
        self._folder = folder
        self._budget = Budget(limits or Limits())
        self._notes = list[str]()

    def samples(self) -> Iterator[pl.DataFrame]:
        """The samples in the order of their segments, with all the columns of the format."""
        listed = {one.name: one for one in self.manifest.segments}
        there = sorted(self._folder.glob(SAMPLES))
        rows = 0
        for part in parts_of(there, self._budget):
            self._budget.count_samples(part.frame.height, part.path.name)
            rows += part.frame.height
            yield part.frame
            if part.is_last:
                found = _differences(part.path, listed.get(part.path.name), rows)
                self._notes += [*part.notes, *found]
                rows = 0
        for name in sorted(listed.keys() - {path.name for path in there}):
            self._notes.append(f"{name} is listed in {MANIFEST} but is not there.")

    def spool(self, samples: pl.DataFrame) -> Spool:
        """The spool with its samples, or with what their reader kept of them."""
        readings, reading_notes = readings_of(self._folder / PROBES, self._budget)
        health, health_notes = _health(self._folder / HEALTH, self._budget)
        notes = (*self._notes, *reading_notes, *health_notes)
        return Spool(self.manifest, samples, readings, health, notes)


def run_data(spool: Spool) -> RunData:
    """The spool as the analysis takes it."""
    return RunData(
        info=info_of(spool.manifest),
        plan=spool.manifest.plan(),
        samples=spool.samples,
        readings=spool.readings,
        health=spool.health,
    )


def info_of(manifest: Manifest) -> RunInfo:
    """A manifest that still says `running` was left by a writer that is gone: incomplete."""
    state: RunState = "incomplete" if manifest.state == "running" else manifest.state
    found = manifest.imported
    has_ended = manifest.ended_at_ns is not None
    has_time = found is None or found.absolute_time
    return RunInfo(
        id=manifest.run_id,
        campaign=manifest.campaign.name,
        started_at=_rfc3339(manifest.started_at_ns) if has_time else None,
        ended_at=_rfc3339(manifest.ended_at_ns or 0) if has_time and has_ended else None,
        state=state,
        labels=dict(manifest.labels),
        source=source_of(manifest),
        fidelity=_fidelity(found) if found else Fidelity(),
        aborted=_aborted(manifest),
    )


def source_of(manifest: Manifest) -> str:
    """A spool is our own format, whoever wrote it; another tool's file is named after the tool."""
    return manifest.tool.name if manifest.imported else "native"


def _aborted(manifest: Manifest) -> str | None:
    """Why a guard of the runner ended the run; a key of its own beside the contract's."""
    reason = (manifest.model_extra or {}).get("aborted")
    return reason if isinstance(reason, str) and reason else None


def _fidelity(found: ImportEntry) -> Fidelity:
    return Fidelity(found.samples, found.schedule, found.failures, found.absolute_time)


def read_manifest(folder: Path) -> Manifest:
    try:
        return manifests.parse((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        if not folder.exists():
            raise SpoolError(
                f"{folder} is not there. Name the folder that 'loadrunner run' wrote, or the"
                " result file of another tool."
            ) from error
        raise SpoolError(
            f"{folder} is not a spool: it holds no {MANIFEST}. Name the folder that"
            " 'loadrunner run' wrote."
        ) from error
    except OSError as error:
        raise SpoolError(f"{folder / MANIFEST} cannot be read: {error.strerror}.") from error


def segment_to_frame(path: Path, budget: Budget | None = None) -> tuple[pl.DataFrame, Notes]:
    """The samples of one segment with all the columns of the format, absent ones null."""
    found = list(parts_of([path], budget))
    return pl.concat([part.frame for part in found]), found[-1].notes


def parts_of(paths: Iterable[Path], budget: Budget | None = None) -> Iterator[segment.Part]:
    """Segments piece by piece; a SpoolError names the sample whose times cannot be."""
    rows = 0
    for part in segment.parts(paths, _SAMPLES, budget):
        _check_moments(part.frame, part.path.name, rows)
        _check_order(part.frame, part.path.name, rows)
        rows = 0 if part.is_last else rows + part.frame.height
        yield part


def readings_of(path: Path, budget: Budget | None = None) -> tuple[pl.DataFrame, Notes]:
    """The probe readings in long form; an absent file is a run without probes."""
    if not path.exists():
        return pl.DataFrame(schema=READINGS_SCHEMA), ()
    budget = budget or Budget()
    lines = segment.Lines(path, budget)
    rows: list[tuple[int, str, str, float]] = []
    failed = damaged = 0
    for number, line in lines:
        reading = _reading(line, f"{path.name}, line {number}")
        damaged += reading is None
        failed += reading is not None and reading.get("error") is not None
        rows += _values(reading or {}, f"{path.name}, line {number}")
        if len(rows) > budget.limits.readings:
            raise SpoolError(
                f"{path.name}: more than {budget.limits.readings:,} readings. Read fewer metrics,"
                " or read them less often."
            )
    budget.see_series({(probe, metric) for _, probe, metric, _ in rows}, path.name)
    notes = [*lines.notes]
    if damaged:
        notes.append(f"{path.name}: {segment.counted_lines(damaged)} not JSON, left out.")
    if failed:
        readings = "1 probe reading" if failed == 1 else f"{failed:,} probe readings"
        notes.append(f"{path.name}: {readings} failed.")
    return pl.DataFrame(rows, schema=READINGS_SCHEMA, orient="row"), tuple(notes)


def _rfc3339(time_ns: int) -> str:
    moment = _EPOCH + timedelta(microseconds=time_ns // 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _differences(path: Path, listed: Segment | None, rows: int) -> Iterator[str]:
    """Where a segment is not what the manifest says."""
    if listed is None:
        yield f"{path.name} is not listed in {MANIFEST}, as after a stopped run; it was read."
    elif listed.samples != rows:
        yield f"{path.name} holds {rows:,} samples; {MANIFEST} says {listed.samples:,}."
    elif listed.sha256 and listed.sha256 != _sha256(path):
        yield f"{path.name} is not the file that {MANIFEST} lists: its SHA-256 differs."


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_moments(frame: pl.DataFrame, name: str, before: int) -> None:
    """A clock that leapt would stretch every chart and every second's series with it."""
    for column in _MOMENTS:
        for extreme in (frame[column].min(), frame[column].max()):
            if isinstance(extreme, int) and not EARLIEST_US <= extreme <= LATEST_US:
                row = frame[column].index_of(extreme)
                raise SpoolError(
                    f"{name}, sample {before + (row or 0) + 1}, key '{column}': found {extreme},"
                    " allowed are microseconds since the run's start, from an hour before it to 31"
                    " days after it."
                )


def _check_order(frame: pl.DataFrame, name: str, before: int) -> None:
    """A request that was sent cannot end before it started."""
    if not (frame["ended_us"] < frame["started_us"]).any():
        return
    wrong = (
        frame.lazy()
        .with_row_index("row")
        .filter((pl.col("ended_us") < pl.col("started_us")) & ~pl.col("outcome").is_in(UNSENT))
    )
    first = wrong.select("row", "started_us", "ended_us").head(1).collect()
    for row, started_us, ended_us in first.iter_rows():
        raise SpoolError(
            f"{name}, sample {before + row + 1}: ended_us {ended_us} lies before started_us"
            f" {started_us}."
        )


def _health(path: Path, budget: Budget) -> tuple[pl.DataFrame, Notes]:
    if not path.exists():
        return health_lines.empty(), ()
    frame, notes = segment.read(path, _HEALTH, budget)
    return frame.filter(pl.col("t_us").is_between(EARLIEST_US, LATEST_US)), notes


def _reading(line: bytes, at: str) -> dict[str, Any] | None:
    """A reading, or None where the line is damaged."""
    reading = segment.record_of(line)
    if reading is None:
        return None
    for name, kind in (("t_us", int), ("probe", str)):
        if not isinstance(reading.get(name), kind):
            raise SpoolError(f"{at}: the key '{name}' is missing or of the wrong kind.")
    if not EARLIEST_US <= reading["t_us"] <= LATEST_US:
        raise SpoolError(
            f"{at}, key 't_us': found {reading['t_us']}, allowed are microseconds since the run's"
            " start, from an hour before it to 31 days after it."
        )
    if not isinstance(reading.get("values") or {}, dict):
        raise SpoolError(f"{at}, key 'values': allowed is an object of metrics and numbers.")
    return reading


def _values(reading: dict[str, Any], at: str) -> Iterator[tuple[int, str, str, float]]:
    for metric, value in (reading.get("values") or {}).items():
        if value is None:
            continue
        if not segment.is_number(value):
            raise SpoolError(
                f"{at}, metric '{metric[:80]}': found {json.dumps(value)[:80]}, allowed is a"
                " number or null."
            )
        if not (segment.is_name(metric) and segment.is_name(reading["probe"])):
            raise SpoolError(
                f"{at}: found a probe or metric named {json.dumps(metric)[:80]}, allowed are names"
                " of at most 200 characters without control characters."
            )
        yield reading["t_us"], reading["probe"], metric, float(value)
