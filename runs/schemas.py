"""The shapes of the read API: what comes in is checked here, once."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from runs import reports
from runs.models import Project, Run, RunFile

Processing = Literal["receiving", "received", "processing", "ready", "failed"]
# U+0000 is a character that PostgreSQL does not hold.
Text = Annotated[str, Field(max_length=20_000, pattern=r"^[^\x00]*$")]
Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00\r\n]*$")]
Labels = Annotated[dict[Line, Line], Field(max_length=100)]


class In(Schema):
    """What comes in: a key that we do not know is a mistake of the sender's, so it is refused."""

    model_config = ConfigDict(extra="forbid")


class FaultOut(Schema):
    at: str
    message: str


class ErrorOut(Schema):
    """Every error of the API."""

    code: str
    detail: str
    errors: list[FaultOut]


class PartialOut(Schema):
    """`timeline` is that of `/timeseries`, null where nothing has come; `series` are rows of the
    report, over the phases as far as they have lasted until `until_s`."""

    run: UUID
    processing: Processing
    state: str
    segments: list[str]
    bytes: int
    samples: int
    until_s: float
    timeline: dict[str, Any] | None
    series: list[dict[str, Any]]
    notes: list[str]


class ProjectOut(Schema):
    """`keep_days` and `keep_runs` are the retention; null keeps every run."""

    slug: str
    name: str
    description: str
    peak_jps: dict[str, float]
    keep_days: int | None
    keep_runs: int | None
    created_at: datetime
    url: str

    @staticmethod
    def resolve_url(project: Project, context: Any) -> str:
        return address(project, context)


class ProjectsOut(Schema):
    items: list[ProjectOut]
    count: int
    next: str | None


class ProjectIn(In):
    """What is left out stays; null ends a retention."""

    name: Line = ""
    description: Text = ""
    peak_jps: dict[Line, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}
    keep_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    keep_runs: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class CapacityOut(Schema):
    scenario: str | None
    capacity_jps: float | None
    ci: list[float | None] | None
    verdict: str


class HeadlineOut(Schema):
    """Whole-run figures of a run list; null until the run is ready."""

    goodput_rps: float | None = None
    p95_ms: float | None = None
    error_rate: float | None = None
    peak_jps: float | None = None
    capacity: list[CapacityOut] = []


class RunOut(Schema):
    """A run without its report. `validity` and `verdict` are null until it is ready."""

    id: UUID
    project: str
    campaign: str
    scenarios: list[str]
    source: str
    state: str
    processing: Processing
    stage: str
    reason: str
    started_at: datetime
    ended_at: datetime | None
    duration_s: float | None
    labels: dict[str, str]
    commit: str
    branch: str
    environment: str
    seed: int | None
    validity: str | None
    verdict: str | None
    samples: int
    headline: HeadlineOut
    reading_notes: list[str]
    is_baseline: bool
    is_pinned: bool
    notes: str
    uploaded_at: datetime
    deleted_at: datetime | None
    calculation_version: int
    url: str

    @staticmethod
    def resolve_project(run: Run) -> str:
        return run.project.slug

    @staticmethod
    def resolve_scenarios(run: Run) -> list[str]:
        return run.scenarios.split("\n")[1:-1]

    @staticmethod
    def resolve_validity(run: Run) -> str | None:
        return run.validity or None

    @staticmethod
    def resolve_verdict(run: Run) -> str | None:
        return run.verdict or None

    @staticmethod
    def resolve_url(run: Run, context: Any) -> str:
        return address(run, context)


class RunsOut(Schema):
    items: list[RunOut]
    count: int
    next: str | None


class RunIn(In):
    """What people may change about a run."""

    labels: Labels | None = None
    notes: Text | None = None
    is_pinned: bool | None = None
    is_baseline: bool | None = None


class RunQuery(In):
    """The filters of the run list; `label` is KEY:VALUE and may be given several times.

    `after` is the place that `next` names: pages do not shift when new runs come in, as those of
    `page` do. `is_deleted` lists the runs that can still be restored, and nothing else.
    """

    project: str = ""
    campaign: str = ""
    scenario: str = ""
    processing: Processing | Literal[""] = ""
    state: Literal["", "running", "complete", "interrupted", "incomplete"] = ""
    validity: Literal["", "valid", "suspect", "invalid"] = ""
    verdict: Literal["", "pass", "fail", "inconclusive", "invalid", "none"] = ""
    branch: str = ""
    commit: str = ""
    environment: str = ""
    q: str = Field(default="", max_length=200)
    started_after: datetime | None = None
    started_before: datetime | None = None
    is_baseline: bool | None = None
    is_pinned: bool | None = None
    label: list[Annotated[str, Field(pattern=r"^[^:]+:.*$")]] = []
    is_deleted: bool = False
    after: str = Field(default="", max_length=200)
    page: int = Field(default=1, ge=1, le=1_000_000)
    per_page: int = Field(default=50, ge=1, le=500)

    def wanted(self) -> reports.RunFilter:
        same = self.model_dump(exclude={"q", "label", "is_deleted", "after", "page", "per_page"})
        labels = dict(one.split(":", 1) for one in self.label)
        return reports.RunFilter(text=self.q, labels=labels, **same)


class FileOut(Schema):
    name: str
    bytes: int
    sha256: str
    received_at: datetime
    url: str

    @staticmethod
    def resolve_url(file: RunFile, context: Any) -> str:
        address = f"/api/v1/runs/{file.run_id}/files/{file.name}"
        return str(context["request"].build_absolute_uri(address))


class RetestOfRunOut(Schema):
    """What a run said about an action."""

    id: int
    ref: str
    title: str
    retest: str
    reason: str
    state: str


class VerdictOut(Schema):
    """Where a run stands; `validity` and `verdict` are null until it is ready."""

    run: UUID
    processing: Processing
    stage: str
    reason: str
    validity: str | None
    verdict: str | None
    criteria: list[dict[str, Any]]
    actions: list[RetestOfRunOut]
    url: str


def address(thing: Project | Run, context: Any) -> str:
    return str(context["request"].build_absolute_uri(thing.get_absolute_url()))


class PurgeOut(Schema):
    """A run that is gone, or the next to go: why, and the room that it gives back."""

    run: UUID
    campaign: str
    started_at: datetime
    bytes: int
    reason: str
    at: datetime | None = None


class RetentionOut(Schema):
    """A project's room in the store: what it takes, what was purged last, and what is next."""

    keep_days: int | None
    keep_runs: int | None
    runs: int
    deleted_runs: int
    raw_bytes: int
    derived_bytes: int
    bytes: int
    purged: list[PurgeOut]
    next: list[PurgeOut]
    next_bytes: int


class TrendPointOut(Schema):
    """`value` is null where the run does not know it; `ci` where the report holds no interval."""

    run: UUID
    started_at: datetime
    commit: str
    branch: str
    environment: str
    validity: str
    value: float | None
    ci: tuple[float | None, float | None] | None
    count: int | None
    url: str


class TrendChangeOut(Schema):
    """`run` is the first at the new level, `runs` how many stand at it; `ratio` is `after` over
    `before` with its 95 % interval `ci`, null where `before` is not above zero."""

    run: UUID
    started_at: datetime
    commit: str
    status: Literal["confirmed", "suspected"]
    direction: Literal["better", "worse", "changed"]
    before: float
    after: float
    ratio: float | None
    ci: tuple[float, float] | None
    runs: int
    reason: str


class TrendSeriesOut(Schema):
    """`more_runs` is how many are missing before a change can be told, and `reason` says so."""

    scenario: str | None
    step: str | None
    phase: str | None
    points: list[TrendPointOut]
    changes: list[TrendChangeOut]
    more_runs: int
    reason: str


class TrendOut(Schema):
    """One series for each scenario, step and phase that the statistic names, the oldest run
    first; times in `ms`, shares of 1, rates per second."""

    statistic: str
    unit: str
    series: list[TrendSeriesOut]
