"""From raw files to everything that pages and machines read about a run.

Each step replaces what an earlier, broken try left: processing twice is the same as once.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import polars as pl

from runs import curation, importing, memory, partial, reports, shape, standing, store, tuning
from runs.analysis import columns, report, saturation, seconds, series, timeline
from runs.analysis.plan import PLATEAU, Phase, Plan
from runs.analysis.report import Report
from runs.analysis.run_data import RunData
from runs.analysis.timeline import Timeline
from runs.documents import digest, plain
from runs.formats import compact, report_json, samples, spool
from runs.formats.compact import Compact
from runs.formats.manifest import Manifest
from runs.formats.spool import Spool
from runs.limits import limits
from runs.models import Run

# Rises whenever the same raw files would give other figures.
CALCULATION_VERSION: Final = 3

_LARGE: Final = 3_000_000  # samples
_SLICE: Final = 250_000

Progress = Callable[[str], None]


def process(run_id: UUID, progress: Progress, *, announce: bool = True) -> None:
    """Read the raw files, write Parquet, compute the documents, and judge open actions.

    `progress` is told each stage before it starts and may raise to stop. With `announce` false
    the re-tests that exist are judged again, and no action changes its state. Raises FormatError
    where the files cannot be read.
    """
    run = Run.every.select_related("project").get(pk=run_id)
    if importing.is_imported(run):
        _process_import(run, progress, announce=announce)
        return
    progress("reading")
    raw = _read(run_id)
    progress("storing")
    store.write_frames(run_id, readings=raw.readings, health=raw.health)
    progress("analysing")
    data = standing.applied(spool.run_data(raw), run.project)
    found, course = _analysed(run, data)
    built = curation.as_marked(run, found)
    documents = _documents(data, built, course)
    progress("saving")
    partial.forget(run_id)
    _save(run, raw.manifest.state, data, built, documents, raw.notes)
    progress("re-testing")
    tuning.retest(run, data, built, announce=announce)


def _read(run_id: UUID) -> Spool:
    """The spool, with the part of its samples that the analysis needs; all of them go to Parquet
    as they are read, so that memory holds a few pieces at a time."""
    reading, kept = spool.Reading(store.spool_of(run_id), limits()), Compact()
    parts = memory.trimmed(kept.seeing(reading.samples()))
    store.stream_frames(run_id, "samples", samples.CODED, parts)
    memory.trim()
    return reading.spool(kept.frame())


def _analysed(run: Run, data: RunData) -> tuple[Report, Timeline]:
    """The report, and beside it the tables and the course over time: on another core, unless the
    run is so large that what both need at the same time would matter."""
    baseline = _baseline_data(run, data.plan)
    if data.samples.height > _LARGE:
        with memory.handed_back_at_once():
            course = _beside(run.pk, data)
            # What takes the most comes alone, and is kept for the report.
            saturation.find(data)
            return report.build(data, baseline), course
    with ThreadPoolExecutor(1) as other:
        beside = other.submit(_beside, run.pk, data)
        built = report.build(data, baseline)
        return built, beside.result()


def _beside(run_id: UUID, data: RunData) -> Timeline:
    series.rows(data)
    store.write_frames(run_id, seconds=seconds.of(data), histograms=seconds.histograms(data))
    series.let_go(data)
    if data.samples.height > _LARGE:
        memory.trim()
    return timeline.of(data)


def _process_import(run: Run, progress: Progress, *, announce: bool) -> None:
    """The same for another tool's file. Without samples there is no course over time."""
    progress("reading")
    found = importing.read(run, limits())
    importing.describe(run, found)
    asked = standing.plan_with(found.plan, found.catalogue, run.project)
    info = spool.info_of(Manifest.model_validate(run.manifest))
    progress("storing")
    _store_samples(run.pk, found.samples)
    # From here on without the columns that no figure is made of: they are half of the memory.
    needed = compact.needed(found.samples, columns.needs(info.source))
    found = replace(found, plan=asked, samples=needed)
    data = found.run_data(info)
    store.write_frames(run.pk, readings=data.readings, health=data.health)
    progress("analysing")
    store.write_frames(run.pk, seconds=seconds.of(data), histograms=seconds.histograms(data))
    baseline = _baseline_data(run, data.plan) if found.holds_samples else None
    built = curation.as_marked(run, found.report(data.info, baseline))
    has_course = found.holds_samples
    documents = _documents(data, built, timeline.of(data)) if has_course else _report_alone(built)
    progress("saving")
    importing.save(run)
    _save(run, found.state, data, built, documents, found.notes)
    progress("re-testing")
    tuning.retest(run, data, built, announce=announce)


def _store_samples(run_id: UUID, every: pl.DataFrame) -> None:
    """A slice at a time: in the table columns have values that in the frame take no memory."""
    slices = (part.cast(pl.Schema(samples.CODED)) for part in every.iter_slices(_SLICE))
    store.stream_frames(run_id, "samples", samples.CODED, slices)


def _report_alone(built: Report) -> dict[str, Any]:
    return {"report": report_json.dump(built), "timeline": None, "curves": {}}


def _baseline_data(run: Run, plan: Plan) -> RunData | None:
    """Only where a criterion asks for it: reading a run costs time."""
    baseline = reports.baseline_of(run)
    if baseline is None or not any("baseline" in text for text in plan.criteria):
        return None
    return reports.run_data(baseline)


def _documents(data: RunData, built: Report, course: Timeline) -> dict[str, Any]:
    scenarios = data.plan.scenarios
    return {
        "report": report_json.dump(built),
        "timeline": plain(course),
        "curves": {name: plain(saturation.curve(data, name)) for name in scenarios},
    }


def _save(
    run: Run,
    state: str,
    data: RunData,
    built: Report,
    documents: dict[str, Any],
    notes: tuple[str, ...],
) -> None:
    """Columns of processing only: what people changed meanwhile stays."""
    Run.every.filter(pk=run.pk).update(
        # Whoever wrote it is gone: this is all there will ever be.
        state="incomplete" if state == "running" else state,
        validity=built.validity.verdict,
        verdict=built.verdict,
        samples=data.samples.height,
        calculation_version=CALCULATION_VERSION,
        headline=headline(documents["report"], data.plan) | {"target": shape.target(run.manifest)},
        reading_notes=list(notes),
        scenarios=scenario_lines(data.plan.scenarios),
        derived_bytes=store.current().derived_bytes(run.pk),
        **documents,
    )


def scenario_lines(names: Iterable[str]) -> str:
    """As `Run.scenarios` holds them: a name a line, each between two line ends."""
    return "".join(f"\n{name}" for name in dict.fromkeys(names)) + "\n"


def headline(document: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """The few figures of a run list, from its report."""
    whole = next(
        (
            row
            for row in document["series"]
            if row["scenario"] is row["step"] is row["phase"] is None
        ),
        None,
    )
    return {
        "digest": digest(document),
        "goodput_rps": whole["goodput_rps"] if whole else None,
        "p95_ms": whole["response_ms"]["p95"] if whole else None,
        "error_rate": whole["error_rate"] if whole else None,
        "plateau_goodput_rps": _plateau_goodput(document),
        "peak_jps": peak_jps(plan),
        "shape": shape.words(plan),
        "headroom": _least_headroom(document),
        "capacity": [
            {
                "scenario": row["scenario"],
                "capacity_jps": row["capacity_jps"],
                "ci": row["ci_jps"],
                "verdict": row["verdict"],
            }
            for row in document["saturation"]
        ],
    }


def _least_headroom(document: dict[str, Any]) -> dict[str, Any] | None:
    """Of the scenario that is nearest to its peak; None where no peak is stated."""
    known = [
        {"scenario": row["scenario"], **row["headroom"]}
        for row in document["saturation"]
        if row["headroom"] and row["headroom"]["ratio"] is not None
    ]
    return min(known, key=lambda one: one["ratio"], default=None)


def _plateau_goodput(document: dict[str, Any]) -> float | None:
    """Expected answers per second over all steps that have a plateau; None where none has."""
    rows = [
        row["goodput_rps"]
        for row in document["series"]
        if row["phase"] == PLATEAU and not row["pooled"] and row["goodput_rps"] is not None
    ]
    return sum(rows) if rows else None


def peak_jps(plan: Plan) -> float | None:
    """The highest load planned, in journeys/s over all open scenarios; None in a closed model.

    Rates are linear within a phase, so that the sum peaks at the edge of one.
    """
    phases = [one for one in plan.phases if one.model == "open" and one.rate_to is not None]
    edges = {edge for phase in phases for edge in (phase.start_us, phase.end_us - 1)}
    return max((sum(_rate(phase, edge) for phase in phases) for edge in edges), default=None)


def _rate(phase: Phase, at_us: int) -> float:
    """Journeys/s that the phase plans at that moment."""
    if not phase.start_us <= at_us < phase.end_us:
        return 0.0
    first, last = phase.rate_from or 0.0, phase.rate_to or 0.0
    if at_us == phase.end_us - 1:
        return last
    return first + (last - first) * (at_us - phase.start_us) / (phase.end_us - phase.start_us)
