"""What pages and the API ask about runs: selections of runs, their data, their verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.functions import Cast, StrIndex
from django.db.models.query_utils import Q

from runs import doubt, noise, standing, store
from runs.analysis import columns, comparison, report
from runs.analysis.comparison import Comparison
from runs.analysis.criteria import Bench, SummedUp
from runs.analysis.report import Report
from runs.analysis.run_data import RunData
from runs.documents import plain
from runs.errors import ConflictError, Fault, RefusedError
from runs.formats import compact, report_json, spool
from runs.formats.manifest import Manifest
from runs.formats.spool import Spool
from runs.models import Retest, Run

MOST_COMPARED = 6
MOST_IN_GROUPS = 60


@dataclass(frozen=True)
class RunFilter:
    """What is empty does not filter; a run must carry all of `labels`."""

    project: str = ""
    campaign: str = ""
    scenario: str = ""
    processing: str = ""
    state: str = ""
    validity: str = ""
    verdict: str = ""
    branch: str = ""
    commit: str = ""
    environment: str = ""
    text: str = ""
    started_after: datetime | None = None
    started_before: datetime | None = None
    is_baseline: bool | None = None
    is_pinned: bool | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


class _Label(Func):
    """The value of a label, its key taken literally: Django's own key lookups read digits as an
    index and a double underscore as a path."""

    output_field = TextField()

    def __init__(self, key: str) -> None:
        super().__init__(F("labels"), Value(key))

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = """JSON_EXTRACT(%(expressions)s || '"')"""
        joiner = """, '$."' || """
        return self.as_sql(compiler, connection, template=template, arg_joiner=joiner, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template, joiner = "(%(expressions)s)", " ->> "
        return self.as_sql(compiler, connection, template=template, arg_joiner=joiner, **extra)


def selected(runs: QuerySet[Run], wanted: RunFilter) -> QuerySet[Run]:
    """The runs that the filter leaves, newest first, without their large documents."""
    conditions = {
        "project__slug": wanted.project,
        "campaign": wanted.campaign,
        "processing": wanted.processing,
        "state": wanted.state,
        "validity": wanted.validity,
        "verdict": wanted.verdict,
        "branch": wanted.branch,
        "environment": wanted.environment,
        "commit__startswith": wanted.commit,
        "started_at__gte": wanted.started_after,
        "started_at__lt": wanted.started_before,
        "is_baseline": wanted.is_baseline,
        "is_pinned": wanted.is_pinned,
    }
    found = runs.filter(**{key: one for key, one in conditions.items() if one not in ("", None)})
    if wanted.scenario:
        line = StrIndex("scenarios", Value(f"\n{wanted.scenario}\n"))
        found = found.alias(at=line).filter(at__gt=0)
    for key, value in wanted.labels.items():
        found = found.alias(label=_label(key)).filter(label=value)
    for word in wanted.text.split():
        found = found.alias(all_labels=Cast("labels", TextField())).filter(_mentions(word))
    return found.select_related("project").defer(*Run.DOCUMENTS).order_by("-started_at", "-id")


def _label(key: str) -> _Label:
    if not key or any(character in key for character in '"\\\0'):
        raise RefusedError(
            "label_name",
            f"'{key}' cannot be the name of a label: quotes and backslashes are not allowed.",
            [Fault("label", "KEY:VALUE is expected")],
        )
    return _Label(key)


def _mentions(word: str) -> Q:
    text = Q()
    for column in ("campaign", "branch", "environment", "notes", "all_labels", "source"):
        text |= Q(**{f"{column}__icontains": word})
    return text | Q(commit__istartswith=word) | Q(pk__istartswith=word)


def run_data(run: Run) -> RunData:
    """The frames of a run that was processed, as the analysis takes them."""
    frames = {name: store.read_frame(run.pk, name) for name in ("readings", "health")}
    manifest = Manifest.model_validate(run.manifest)
    more = columns.needs(spool.info_of(manifest).source)
    kept = compact.of_table(store.current().table(run.pk, "samples"), more)
    return spool.run_data(Spool(manifest=manifest, samples=kept, notes=(), **frames))


def document(run: Run) -> dict[str, Any]:
    """The report `headroom-report/1`, with the labels as they are now; ConflictError before it is
    ready."""
    require_ready(run)
    found: dict[str, Any] = dict(run.report or {})
    return {**found, "run": {**found["run"], "labels": run.labels}}


def load(run: Run) -> Report:
    return report_json.load(document(run))


def require_ready(run: Run) -> None:
    if not run.is_ready:
        why = f": {run.reason}" if run.reason else ""
        raise ConflictError(
            "run_not_ready",
            f"Run {run.pk} is {run.processing}{why}, so it has no figures yet. "
            f"GET runs/{run.pk}/verdict?wait=60 waits for them.",
        )


def baseline_of(run: Run) -> Run | None:
    """The newest run that people marked as the baseline of this project and campaign."""
    marked = Run.objects.filter(
        project=run.project_id,
        campaign=run.campaign,
        is_baseline=True,
        processing=Run.Processing.READY,
    )
    return marked.exclude(pk=run.pk).exclude(validity=Run.Validity.INVALID).first()


@dataclass(frozen=True)
class Verdict:
    """Where a run stands; `verdict` and `validity` are empty until it is ready."""

    run: Run
    validity: str
    verdict: str
    criteria: list[dict[str, Any]]
    retests: Sequence[Retest]


def verdict_of(run: Run, baseline: Run | None = None) -> Verdict:
    """The run's verdict as it was computed, or judged anew against a baseline."""
    if not run.is_ready:
        return Verdict(run, "", "", [], ())
    retests = tuple(run.retests.select_related("action").order_by("action__number"))
    if baseline is None:
        criteria = (run.report or {}).get("criteria", [])
        return Verdict(run, run.validity, run.verdict, criteria, retests)
    require_ready(baseline)
    again = _again(run, baseline)
    return Verdict(run, again.validity.verdict, again.verdict, plain(again.criteria), retests)


def _again(run: Run, baseline: Run) -> Report:
    """Judged as when the run came in: by the project's criteria too, and by nobody's where a
    person does not believe it."""
    try:
        found = _held_against(run, baseline)
    except FileNotFoundError as error:
        raise ConflictError(
            "samples_gone",
            f"The samples of run {run.pk} or of run {baseline.pk} are not in the store, so that "
            "it cannot be judged anew; without `baseline` the verdict is the one it was given.",
        ) from error
    mark = doubt.mark_of(run)
    return found if mark is None else doubt.doubted(found, mark)


def _held_against(run: Run, baseline: Run) -> Report:
    if load(run).run.fidelity.samples == "raw":
        return report.build(standing.applied(run_data(run), run.project), run_data(baseline))
    return _again_by_rows(load(run), _summed_up(run), _summed_up(baseline))


def _again_by_rows(found: Report, own: SummedUp, before: SummedUp) -> Report:
    """Of another tool's summary, which has no samples to judge by."""
    bench = Bench(own, before, None)
    judged = tuple(bench.judge_text(one.text) for one in found.criteria)
    return replace(found, criteria=judged, verdict=report.verdict(found.validity, judged))


def _summed_up(run: Run) -> SummedUp:
    plan = Manifest.model_validate(run.manifest).plan()
    return SummedUp(plan, load(run).series)


def compare(runs: Sequence[Run]) -> Comparison:
    """The first run is the one that the others are held against."""
    return compare_groups([[run] for run in runs])


def compare_groups(groups: Sequence[Sequence[Run]]) -> Comparison:
    """Groups of repeats, of one run each where none are named; the noise between runs is what the
    project's other repeats have taught."""
    every = [run for group in groups for run in group]
    if not 2 <= len(groups) <= MOST_COMPARED or len(every) > MOST_IN_GROUPS or not all(groups):
        raise RefusedError(
            "runs_to_compare",
            f"2 to {MOST_COMPARED} runs can be compared; found {len(groups)}.",
            [
                Fault(
                    "runs",
                    f"RUN,RUN,… is expected, or groups of repeats RUN:RUN,RUN:RUN,… of at most"
                    f" {MOST_IN_GROUPS} runs together",
                )
            ],
        )
    reports = [[load(run) for run in group] for group in groups]
    return comparison.compare_groups(reports, noise.of(every))


def is_settled(run_id: UUID) -> bool:
    settled = (Run.Processing.READY, Run.Processing.FAILED)
    return Run.objects.filter(pk=run_id, processing__in=settled).exists()
