"""Data sets from CSV files that stand beside the campaign."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path as FilePath

from loadrunner.campaign.document import Path
from loadrunner.campaign.found import one_of
from loadrunner.campaign.model import DataSet
from loadrunner.campaign.positions import is_secret_name
from loadrunner.campaign.reading import Reading
from loadrunner.campaign.schema import DataSection
from runs.analysis.wording import plural

Row = tuple[str, ...]


class DataError(Exception):
    """A CSV file that cannot be used; the text says what was found and what is allowed."""


def data_sets(sections: Mapping[str, DataSection], reading: Reading) -> dict[str, DataSet | None]:
    """The sets by name; None where a file could not be used, with its problem noted."""
    return {name: _data_set(name, section, reading) for name, section in sections.items()}


def _data_set(name: str, section: DataSection, reading: Reading) -> DataSet | None:
    path: Path = ("data", name, "file")
    file = reading.file.parent / section.file
    try:
        columns, rows = _table(_text(file, section.file), section.file)
    except DataError as error:
        reading.problems.add(path, str(error))
        return None
    for at, column in enumerate(columns):
        if is_secret_name(column):
            reading.secrets.update(row[at] for row in rows)
    return DataSet(name, columns, rows, section.order, section.at_end)


def _text(file: FilePath, shown: str) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"found {shown}, which is not UTF-8, allowed: a CSV file in UTF-8"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"found {shown}, which cannot be read ({reason}: {file}), allowed: a CSV file,"
            " its path relative to the campaign file"
        ) from error


def _table(text: str, shown: str) -> tuple[Row, tuple[Row, ...]]:
    """The header and the rows, all of one length; empty lines are passed over."""
    lines = _lines(text, shown)
    if not lines:
        raise DataError(f"found {shown}, which is empty, allowed: a header row and data rows")
    (_, columns), *rows = lines
    _check_columns(columns, shown)
    if not rows:
        raise DataError(f"found {shown} with a header alone, allowed: at least one row below it")
    for number, row in rows:
        if len(row) != len(columns):
            raise DataError(
                f"found {plural(len(row), 'value')} in line {number} of {shown},"
                f" allowed: {len(columns)}, one for each of {one_of(columns)}"
            )
    return columns, tuple(row for _, row in rows)


def _lines(text: str, shown: str) -> list[tuple[int, Row]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return [(reader.line_num, tuple(row)) for row in reader if row]
    except csv.Error as error:
        raise DataError(
            f"found {shown}, which is not CSV in line {reader.line_num} ({error}),"
            " allowed: values separated by commas, in double quotes if need be"
        ) from error


def _check_columns(columns: Row, shown: str) -> None:
    if "" in (column.strip() for column in columns):
        raise DataError(f"found a column without a name in {shown}, allowed: a name for each")
    twice = [column for column in columns if columns.count(column) > 1]
    if twice:
        raise DataError(f"found the column '{twice[0]}' twice in {shown}, allowed: each once")
