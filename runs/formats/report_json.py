"""The report as JSON, both ways: `headroom-report/1`."""

import json
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from runs.analysis.report import Report
from runs.formats.errors import FormatError


@cache
def _adapter() -> TypeAdapter[Report]:
    # Built on first use: it takes some 50 ms, which only who reads or writes a report pays.
    return TypeAdapter(Report)


def dumps(report: Report) -> bytes:
    """Compact JSON; what is not a finite number is null."""
    return _adapter().dump_json(report)


def dump(report: Report) -> dict[str, Any]:
    """The same as plain dicts and lists."""
    document: dict[str, Any] = json.loads(dumps(report))
    return document


def load(document: dict[str, Any]) -> Report:
    """The report of a parsed document; a FormatError names the first key that is wrong."""
    try:
        return _adapter().validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"]) or "the document"
        raise FormatError(f"not a report (headroom-report/1): {at}: {first['msg']}.") from error


def loads(text: str | bytes) -> Report:
    """The report of a JSON text; a FormatError where it is not one."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise FormatError(f"not a report (headroom-report/1): not JSON: {error}.") from error
    return load(document)
