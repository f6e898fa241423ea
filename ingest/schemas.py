"""The shapes of the upload API."""

from typing import Annotated
from uuid import UUID

from ninja import Field, Schema

from ingest import imports
from runs.access import Scope
from runs.formats import detection, raw
from runs.schemas import ErrorOut, In, Processing

__all__ = ["ErrorOut", "ImportIn", "LimitsOut", "ReceivedFileOut", "ReceivedRunOut"]


class ReceivedRunOut(Schema):
    """A run on its way in; `files` are the names that have come."""

    id: UUID
    project: str
    processing: Processing
    files: list[str]
    url: str


class ImportIn(In):
    """What the sender says of a result file. `as` is the tool that wrote it, `name` the file's
    name, `label` is KEY:VALUE and may be given several times."""

    reader: str = Field(default=detection.AUTO, alias="as", max_length=40)
    name: str = Field(default="import.dat", max_length=100)
    campaign: str = Field(default="", max_length=200)
    label: list[Annotated[str, Field(pattern=r"^[^:]+:.*$", max_length=400)]] = Field(
        default=[], max_length=50
    )

    def wanted(self) -> imports.Wanted:
        named = (one.split(":", 1) for one in self.label)
        return imports.Wanted(
            reader=self.reader,
            file=self.name,
            campaign=raw.name_of(self.campaign) if self.campaign else "",
            labels={raw.name_of(key): raw.name_of(value) for key, value in named},
        )


class ReceivedFileOut(Schema):
    name: str
    bytes: int
    sha256: str


class LimitsOut(Schema):
    """What the portal takes. Sizes are bytes, as sent; a run's files may hold so many once
    inflated, so many samples, and so many different scenarios, steps, phases and metrics.
    `calls_per_minute` is what one token may make, null where there is no limit."""

    file_bytes: int
    manifest_bytes: int
    files_per_run: int
    inflated_bytes_per_run: int
    samples_per_run: int
    series_per_run: int
    longest_wait_s: int
    calls_per_minute: int | None
    file_names: list[str]
    scopes: dict[Scope, str]
