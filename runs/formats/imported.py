"""What a reader makes of another tool's file: samples or ready rows, and what they can support.

Raw sources become frames like our own runner's, with a plan of one phase a scenario that covers
what was measured. Sources of histograms and summaries become rows of the report directly; what
they do not hold is null there, and said in words.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from uuid import NAMESPACE_URL, uuid5

import polars as pl

from runs.analysis import criteria, series
from runs.analysis import report as reports
from runs.analysis.criteria import Bench, Catalogue, SummedUp
from runs.analysis.plan import PLATEAU, Phase, Plan
from runs.analysis.report import Report
from runs.analysis.run_data import Fidelity, RunData, RunInfo
from runs.analysis.saturation import Saturation
from runs.analysis.series import Series
from runs.analysis.validity import Reason, Validity
from runs.formats import health
from runs.formats import samples as sample_rows
from runs.formats.manifest import CampaignEntry, ImportEntry, Manifest, PhaseEntry, ToolEntry
from runs.formats.segment import Notes
from runs.formats.spool import READINGS_SCHEMA

State = Literal["complete", "incomplete"]

# What sources that know no names of their own are called.
ALL: Final = "all"
REQUESTS: Final = "requests"
PHASE: Final = PLATEAU


@dataclass(frozen=True)
class Imported:
    """A run of another tool.

    `samples` has the columns of runs.formats.samples, numbers that are no times in as few bits as
    they need; `apart` the same for rows that come on top of samples (transactions, sub-results) and
    are in no total. Where the source holds no samples, `rows` are the report's series.
    `started_at_us` is microseconds since 1970, None if unknown.
    """

    tool: str
    campaign: str
    plan: Plan
    fidelity: Fidelity
    samples: pl.DataFrame = field(default_factory=sample_rows.empty)
    apart: pl.DataFrame = field(default_factory=sample_rows.empty)
    rows: tuple[Series, ...] = ()
    started_at_us: int | None = None
    length_us: int = 0
    state: State = "complete"
    notes: Notes = ()

    @property
    def holds_samples(self) -> bool:
        return self.fidelity.samples == "raw"

    @property
    def count(self) -> int:
        """Requests that the figures stand on."""
        if self.holds_samples:
            return self.samples.height
        return sum(row.count for row in self.rows if not row.pooled)

    @property
    def catalogue(self) -> Catalogue:
        """What criteria may name."""
        if self.holds_samples:
            return criteria.catalogue_of(self.plan, self.samples)
        return SummedUp(self.plan, self.rows).catalogue

    def manifest(
        self,
        run_id: str,
        labels: Mapping[str, str] | None = None,
        *,
        file: str = "",
        reader: str = "auto",
    ) -> Manifest:
        """The manifest that a spool of this run would have; without a known start it says 0."""
        started_ns = (self.started_at_us or 0) * 1000
        return Manifest(
            format="headroom-spool/1",
            run_id=run_id,
            state=self.state,
            campaign=CampaignEntry(name=self.campaign),
            tool=ToolEntry(name=self.tool),
            labels=dict(labels or {}),
            started_at_ns=started_ns,
            ended_at_ns=started_ns + self.length_us * 1000,
            phases=[_entry(phase) for phase in self.plan.phases],
            imported=ImportEntry(
                file=file,
                reader=reader,
                samples=self.fidelity.samples,
                schedule=self.fidelity.schedule,
                failures=self.fidelity.failures,
                absolute_time=self.fidelity.absolute_time,
            ),
        )

    def run_data(self, info: RunInfo) -> RunData:
        return RunData(
            info=info,
            plan=self.plan,
            samples=self.samples,
            readings=pl.DataFrame(schema=READINGS_SCHEMA),
            health=health.empty(),
        )

    def report(self, info: RunInfo, baseline: reports.Baseline = None) -> Report:
        """Everything that the source supports; the rest is null and said to be missing.

        `info` is what runs.formats.spool.info_of makes of the manifest.
        """
        if not self.holds_samples:
            return _report_of_rows(self, info)
        built = reports.build(self.run_data(info), baseline)
        series = tuple(unplanned(row) for row in (*built.series, *self.rows_apart(info)))
        if self.fidelity.failures:
            return replace(built, series=series)
        return replace(
            built,
            series=tuple(without_failures(row) for row in series),
            journeys=tuple(replace(one, success_rate=None) for one in built.journeys),
            saturation=tuple(
                _no_saturation(name, _FAILURES_UNKNOWN, _WITH_FAILURES)
                for name in self.plan.scenarios
            ),
        )

    def rows_apart(self, info: RunInfo) -> Iterable[Series]:
        """Transactions and sub-results as rows of their own. They come on top of the samples: they
        count as pooled, so that the judged rows add up to the whole, and no other row holds them.
        """
        if self.apart.is_empty():
            return ()
        data = replace(self.run_data(info), samples=self.apart)
        rows = (row for row in series.rows(data) if not row.pooled and row.count)
        return (replace(row, pooled=True) for row in rows)


def unplanned(row: Series) -> Series:
    """What was due and never sent, and what was sent again, no other tool's requests tell."""
    return replace(row, drop_rate=None, retry_rate=None)


def without_failures(row: Series) -> Series:
    """A row of a source that does not hold what failed: no share of failures, and none of the
    percentiles among which failures would rank. Goodput stays where statuses are known."""
    response = replace(
        row.response_ms,
        p50=None,
        p90=None,
        p95=None,
        p99=None,
        p99_9=None,
        unanswered=None,
        ci=dict.fromkeys(row.response_ms.ci),
    )
    return replace(
        row,
        error_rate=None,
        rate_4xx=None,
        rate_5xx=None,
        goodput_rps=row.goodput_rps if row.statuses else None,
        response_ms=response,
    )


def run_id_of(*parts: str) -> str:
    """The same run gets the same id wherever it is read: a UUID of its file's digest."""
    return str(uuid5(NAMESPACE_URL, "headroom-import:" + ":".join(parts)))


def _entry(phase: Phase) -> PhaseEntry:
    return PhaseEntry(
        scenario=phase.scenario, phase=phase.phase, start_us=phase.start_us, end_us=phase.end_us
    )


def _report_of_rows(found: Imported, info: RunInfo) -> Report:
    believed = Validity("suspect", (Reason("no_samples", None, _UNKNOWN_VALIDITY),))
    bench = Bench(SummedUp(found.plan, found.rows), None, None)
    judged = tuple(bench.judge_text(text) for text in found.plan.criteria)
    return Report(
        format=reports.FORMAT,
        run=info,
        validity=believed,
        series=found.rows,
        journeys=(),
        saturation=tuple(
            _no_saturation(name, _SAMPLES_UNKNOWN, _WITH_SAMPLES) for name in found.plan.scenarios
        ),
        bottlenecks=(),
        probes=(),
        criteria=judged,
        verdict=reports.verdict(believed, judged),
    )


_UNKNOWN_VALIDITY: Final = (
    "The source holds no single requests, so whether the generator kept up and whether the warm-up"
    " is inside the figures cannot be seen."
)


_SAMPLES_UNKNOWN: Final = "The source does not hold it: a saturation point needs single requests."
_WITH_SAMPLES: Final = "Let the tool write its raw results; docs/formats.md says how for each tool."
_FAILURES_UNKNOWN: Final = (
    "The source does not hold it: without the requests that failed, neither the load that was"
    " offered nor what was lost of it is known."
)
_WITH_FAILURES: Final = (
    "Let a tool measure that keeps failed requests too; docs/formats.md says which do."
)


def _no_saturation(scenario: str, explanation: str, next_run: str) -> Saturation:
    return Saturation(
        scenario=scenario,
        verdict="inconclusive",
        bound="lower",
        capacity_jps=None,
        ci_jps=None,
        capacity_rps=None,
        ci_rps=None,
        up_to_jps=None,
        onset_jps=None,
        sustained_jps=None,
        slo_capacity_jps=None,
        cause="unknown",
        scope="unknown",
        quota=None,
        headroom=None,
        explanation=explanation,
        next_run=next_run,
    )
