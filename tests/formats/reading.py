"""How tests of the readers write a file, read it and look at what came of it."""

from pathlib import Path
from typing import Any

from runs.analysis.report import Report
from runs.analysis.series import Series
from runs.formats import detection, spool
from runs.formats.imported import Imported

DATA = Path(__file__).parent / "data"
RUN_ID = "00000000-0000-0000-0000-000000000001"


def read(folder: Path, content: str | bytes, kind: str = "auto", name: str = "results") -> Imported:
    """What the reader makes of a file with this content; its name says nothing."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return detection.read(path, kind)


def report_of(found: Imported) -> Report:
    return found.report(spool.info_of(found.manifest(RUN_ID)))


def row_of(found: Imported, step: str | None = None, scenario: str | None = None) -> Series:
    """The judged row of a step, or the only one there is."""
    rows = [row for row in report_of(found).series if not row.pooled]
    rows = [row for row in rows if step in (None, row.step) and scenario in (None, row.scenario)]
    assert len(rows) == 1, [(row.scenario, row.step) for row in rows]
    return rows[0]


def apart_of(found: Imported, step: str) -> Series:
    """A row that comes on top of the samples: pooled, with a step and a phase."""
    rows = [row for row in report_of(found).series if row.pooled and row.phase and row.step]
    return next(row for row in rows if row.step == step)


def whole_of(found: Imported) -> Series:
    """The row of the whole run."""
    return next(row for row in report_of(found).series if row.scenario is None)


def outcomes(row: Series) -> dict[str, int]:
    """Only those that occurred."""
    return {name: count for name, count in row.outcomes.items() if count}


def samples(found: Imported, *columns: str) -> list[tuple[Any, ...]]:
    return found.samples.select(columns).rows()
