"""Anything that holds a run's results, read as a report: a spool, a report that was kept, or the
result file of another tool."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from loadrunner.errors import UsageError
from runs.analysis import report as reports
from runs.analysis.report import Report
from runs.analysis.run_data import RunData
from runs.formats import compact, detection, report_json, spool
from runs.formats.errors import FormatError
from runs.formats.imported import Imported, run_id_of
from runs.formats.manifest import Manifest
from runs.formats.source import Source

AUTO: Final = detection.AUTO
NATIVE: Final = "native"
# The names that `--as` knows.
KINDS: Final = (AUTO, NATIVE, *detection.NAMES)

Notes = Sequence[str]


def read_report(path: Path, kind: str = AUTO, baseline: Path | None = None) -> tuple[Report, Notes]:
    """The report, and notes on what could not be read. UsageError where there is none."""
    try:
        if is_spool(path):
            return _of_spool(path, kind, baseline)
        if kind == NATIVE or _is_kept_report(path, kind):
            return _kept_report(path, baseline), ()
        return _of_other_tool(path, kind, baseline)
    except FormatError as error:
        raise UsageError(_placed(path, error)) from error


def read_group(path: Path, kind: str = AUTO) -> tuple[list[Report], Notes]:
    """The reports of repeats: of every spool in a folder that is none itself, as `run --repeat`
    and `ab` leave them; else the one report of the path."""
    members = _spools_in(path)
    if not members:
        report, notes = read_report(path, kind)
        return [report], notes
    found = [read_report(member, kind) for member in members]
    notes = [
        f"{one.name}: {note}"
        for one, (_, told) in zip(members, found, strict=True)
        for note in told
    ]
    return [report for report, _ in found], notes


def _spools_in(path: Path) -> list[Path]:
    if not path.is_dir() or (path / spool.MANIFEST).exists():
        return []
    return sorted(one.parent for one in path.glob(f"*/{spool.MANIFEST}"))


def is_spool(path: Path) -> bool:
    """Whether a path is a spool's folder, or names one by its manifest."""
    return path.is_dir() or path.name == spool.MANIFEST or not path.exists()


def _placed(path: Path, error: FormatError) -> str:
    """Errors within a spool name the file, not the folder."""
    text = str(error)
    return text if str(path) in text else f"{path}: {text}"


def _of_spool(path: Path, kind: str, baseline: Path | None) -> tuple[Report, Notes]:
    if kind not in (AUTO, NATIVE):
        raise UsageError(f"{path} is a folder; --as {kind} reads a single file.")
    data, notes = _data_of_spool(path)
    before, more = _baseline(baseline) if baseline else (None, ())
    return reports.build(data, before), (*notes, *more)


def _data_of_spool(path: Path) -> tuple[RunData, Notes]:
    found = compact.of_spool(path.parent if path.name == spool.MANIFEST else path)
    return spool.run_data(found), found.notes


def _of_other_tool(path: Path, kind: str, baseline: Path | None) -> tuple[Report, Notes]:
    found = detection.read(path, kind)
    before, more = _baseline(baseline) if baseline else (None, ())
    return found.report(spool.info_of(_manifest(path, found)), before), (*found.notes, *more)


def _manifest(path: Path, found: Imported) -> Manifest:
    return found.manifest(run_id_of(detection.digest_of(path)))


def _baseline(path: Path) -> tuple[list[RunData], Notes]:
    """The run of a path, or the repeats that stand in a folder."""
    read = [_run_data(one) for one in _spools_in(path) or [path]]
    return [data for data, _ in read], [note for _, notes in read for note in notes]


def _run_data(path: Path) -> tuple[RunData, Notes]:
    """The frames of a baseline, whatever wrote it."""
    if is_spool(path):
        return _data_of_spool(path)
    found = detection.read(path)
    return found.run_data(spool.info_of(_manifest(path, found))), found.notes


def _is_kept_report(path: Path, kind: str) -> bool:
    return kind == AUTO and f'"{reports.FORMAT}"'.encode() in Source(path).head


def _kept_report(path: Path, baseline: Path | None) -> Report:
    if baseline is not None:
        raise UsageError(
            f"{path} is a finished report, which --baseline cannot change. Name the spool."
        )
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} cannot be read: neither a spool folder nor a report in JSON ({error})."
        ) from error
    if not isinstance(document, dict) or document.get("format") != reports.FORMAT:
        raise UsageError(
            f"{path} is JSON, but not a report: its key 'format' is not '{reports.FORMAT}'."
        )
    try:
        return report_json.load(document)
    except FormatError as error:
        raise UsageError(f"{path}: {error}") from error
