"""Anything that holds a run's results, read as a report: a spool, or a report that was kept."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from loadrunner.errors import UsageError
from runs.analysis import report as reports
from runs.analysis.report import Report
from runs.analysis.run_data import RunData
from runs.formats import report_json, spool
from runs.formats.errors import FormatError

AUTO: Final = "auto"
READABLE: Final = (AUTO, "native")
# The names that `--as` knows; those that are not in READABLE have no reader yet.
KINDS: Final = (
    *READABLE,
    *("k6", "jmeter", "locust", "gatling", "vegeta", "artillery"),
    *("oha", "hey", "ab", "wrk", "autocannon", "hyperfoil"),
)


def read_report(
    path: Path, kind: str = AUTO, baseline: Path | None = None
) -> tuple[Report, Sequence[str]]:
    """The report, and notes on what could not be read. UsageError where there is none."""
    _check_kind(kind)
    try:
        if path.is_file() and path.name != spool.MANIFEST:
            return _kept_report(path, baseline), ()
        data, notes = _run(path)
        before, more = _run(baseline) if baseline else (None, ())
        return reports.build(data, before), (*notes, *more)
    except FormatError as error:
        raise UsageError(_placed(path, error)) from error


def _placed(path: Path, error: FormatError) -> str:
    """Errors within a spool name the file, not the folder."""
    text = str(error)
    return text if str(path) in text else f"{path}: {text}"


def _check_kind(kind: str) -> None:
    if kind not in READABLE:
        raise UsageError(
            f"--as {kind}: there is no reader for it yet. What can be read is"
            f" {' and '.join(READABLE)}: a spool folder, or a report in JSON."
        )


def _run(path: Path) -> tuple[RunData, Sequence[str]]:
    found = spool.read(path.parent if path.name == spool.MANIFEST else path)
    return spool.run_data(found), found.notes


def _kept_report(path: Path, baseline: Path | None) -> Report:
    if baseline is not None:
        raise UsageError(
            f"{path} is a finished report, which --baseline cannot change. Name the spool."
        )
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
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
