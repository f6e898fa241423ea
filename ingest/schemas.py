"""The shapes of the upload API."""

from uuid import UUID

from ninja import Schema

from runs.access import Scope
from runs.schemas import ErrorOut, Processing

__all__ = ["ErrorOut", "LimitsOut", "ReceivedFileOut", "ReceivedRunOut"]


class ReceivedRunOut(Schema):
    """A run on its way in; `files` are the names that have come."""

    id: UUID
    project: str
    processing: Processing
    files: list[str]
    url: str


class ReceivedFileOut(Schema):
    name: str
    bytes: int
    sha256: str


class LimitsOut(Schema):
    """What the portal takes. Sizes are bytes, as sent; a run's files may hold so many once
    inflated, and so many different scenarios, steps, phases and metrics."""

    file_bytes: int
    manifest_bytes: int
    files_per_run: int
    inflated_bytes_per_run: int
    series_per_run: int
    longest_wait_s: int
    file_names: list[str]
    scopes: dict[Scope, str]
