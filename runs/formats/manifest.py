"""The manifest of a spool: who ran what against which plan, and the list of its segments."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from runs.analysis.plan import Better, Model, Phase, Plan, Probe, ProbeMetric
from runs.formats.errors import ManifestError
from runs.formats.limits import LATEST_US, LONGEST_NAME, LONGEST_TEXT

FORMAT = "headroom-spool/1"
State = Literal["running", "complete", "interrupted", "incomplete"]
Micros = Annotated[int, Field(ge=0, le=LATEST_US)]
# Neither a table nor a database holds control characters in a name.
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f\x7f]*$")]
Rate = Annotated[float, Field(ge=0, le=1e9)]
Users = Annotated[int, Field(ge=0, le=10**9)]
Criterion = Annotated[str, Field(max_length=2_000)]
Label = Annotated[str, Field(max_length=LONGEST_TEXT)]


class _Entry(BaseModel):
    """Keys that a newer writer adds are kept, so that a manifest survives the round trip."""

    model_config = ConfigDict(extra="allow", frozen=True)


class CampaignEntry(_Entry):
    name: Name
    text: str = ""
    sha256: str = ""


class ToolEntry(_Entry):
    name: str
    version: str = ""


class GitEntry(_Entry):
    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None


class PhaseEntry(_Entry):
    scenario: Name
    phase: Name
    start_us: Micros
    end_us: Micros
    model: Model = "open"
    rate_from: Rate | None = None
    rate_to: Rate | None = None
    users: Users | None = None
    users_from: Users | None = None
    users_to: Users | None = None
    think_time_s: float | None = Field(default=None, ge=0, le=LATEST_US / 1e6)
    warm_up_us: Micros | None = None

    @field_validator("end_us")
    @classmethod
    def _ends_after_its_start(cls, end_us: int, info: ValidationInfo) -> int:
        if end_us < info.data.get("start_us", 0):
            raise ValueError("a phase cannot end before it starts")
        return end_us


class MetricEntry(_Entry):
    name: Name
    area: str = "other"
    better: Better = "lower"
    ceiling: float | None = Field(default=None, allow_inf_nan=False)
    feeds: list[Name] = []


class ProbeEntry(_Entry):
    name: Name
    metrics: list[MetricEntry] = []


class Segment(_Entry):
    """One sealed file of samples: its rows, its bytes on disk and their SHA-256 in hex."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=100)]
    samples: int = Field(ge=0)
    bytes: int = Field(ge=0)
    sha256: str


class ImportEntry(_Entry):
    """The raw file of another tool's run, and what it can support; absent in a spool of our own."""

    file: str = ""
    reader: str = "auto"
    samples: Literal["raw", "histogram", "summary"] = "raw"
    schedule: bool = False
    failures: bool = True
    absolute_time: bool = True


class Manifest(_Entry):
    """The manifest, in full; unknown keys are carried along."""

    format: Literal["headroom-spool/1"]
    run_id: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
    state: State
    campaign: CampaignEntry
    seed: int | None = None
    tool: ToolEntry
    host: dict[str, Any] | None = None
    git: GitEntry | None = None
    labels: Annotated[dict[Label, Label], Field(max_length=200)] = {}
    started_at_ns: int = Field(ge=0)
    ended_at_ns: int | None = Field(default=None, ge=0)
    phases: Annotated[list[PhaseEntry], Field(max_length=10_000)]
    probes: Annotated[list[ProbeEntry], Field(max_length=1_000)] = []
    criteria: Annotated[list[Criterion], Field(max_length=1_000)] = []
    peak_jps: dict[Name, Rate] = {}
    growth_per_year: Rate | None = None
    segments: list[Segment] = []
    imported: ImportEntry | None = None

    def plan(self) -> Plan:
        """The part that the analysis reads."""
        return Plan(
            phases=tuple(_phase(entry) for entry in self.phases),
            probes=tuple(_probe(entry) for entry in self.probes),
            criteria=tuple(self.criteria),
            peak_jps=dict(self.peak_jps),
            growth_per_year=self.growth_per_year or None,
        )

    def to_json(self) -> str:
        return self.model_dump_json(indent=1)


def probes_of(document: Mapping[str, Any]) -> tuple[Probe, ...]:
    """The probes alone of a manifest that was taken in before."""
    return tuple(_probe(ProbeEntry.model_validate(one)) for one in document.get("probes") or ())


def _phase(entry: PhaseEntry) -> Phase:
    return Phase(
        scenario=entry.scenario,
        phase=entry.phase,
        start_us=entry.start_us,
        end_us=entry.end_us,
        model=entry.model,
        rate_from=entry.rate_from,
        rate_to=entry.rate_to,
        users=entry.users,
        users_from=entry.users_from,
        users_to=entry.users_to,
        think_time_s=entry.think_time_s or 0.0,
        warm_up_us=entry.warm_up_us or 0,
    )


def _probe(entry: ProbeEntry) -> Probe:
    return Probe(entry.name, tuple(_metric(metric) for metric in entry.metrics))


def _metric(entry: MetricEntry) -> ProbeMetric:
    return ProbeMetric(
        entry.name, entry.area, entry.better, entry.ceiling, feeds=tuple(entry.feeds)
    )


def parse(text: str | bytes) -> Manifest:
    """Read a manifest; a ManifestError names the first key that is wrong."""
    try:
        return Manifest.model_validate(json.loads(text))
    except ValueError as error:
        raise _manifest_error(error) from error


def _manifest_error(error: ValueError) -> ManifestError:
    if not isinstance(error, ValidationError):
        return ManifestError("the document", f"is not JSON: {error}")
    first = error.errors()[0]
    at = ".".join(str(part) for part in first["loc"]) or "the document"
    wrong = first["msg"].removeprefix("Value error, ")
    return ManifestError(at, f"{wrong} (found {_short(first['input'])})")


def _short(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
