"""The report: everything that the analysis says about one run, as one document."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from runs.analysis import (
    bottlenecks,
    columns,
    criteria,
    journeys,
    own_knee,
    probes,
    saturation,
    series,
    slo_capacity,
    validity,
)
from runs.analysis.bottlenecks import Bottleneck
from runs.analysis.criteria import Judgement
from runs.analysis.journeys import Journeys
from runs.analysis.probes import ProbeSummary
from runs.analysis.run_data import RunData, RunInfo
from runs.analysis.saturation import Saturation
from runs.analysis.series import Series
from runs.analysis.validity import Validity

FORMAT: Final = "headroom-report/1"
Verdict = Literal["pass", "fail", "inconclusive", "invalid", "none"]
Baseline = RunData | Sequence[RunData] | None


@dataclass(frozen=True)
class Report:
    """The document `headroom-report/1`; its JSON has the same keys in the same order.

    `verdict` is `invalid` where the run may not be believed, else the worst of the criteria:
    fail, then inconclusive, then pass; `none` where there are no criteria.
    """

    format: Literal["headroom-report/1"]
    run: RunInfo
    validity: Validity
    series: tuple[Series, ...]
    journeys: tuple[Journeys, ...]
    saturation: tuple[Saturation, ...]
    bottlenecks: tuple[Bottleneck, ...]
    probes: tuple[ProbeSummary, ...]
    criteria: tuple[Judgement, ...]
    verdict: Verdict


def build(data: RunData, baseline: Baseline = None) -> Report:
    """Everything about a run; relative criteria are judged against `baseline`, a run or repeats of
    one."""
    believed = validity.judge(data)
    points = slo_capacity.added(saturation.find(data), saturation.kept_up(data), data)
    points = own_knee.without(points, believed, data.plan)
    judged = _judged(data, points, baseline)
    if believed.verdict == "invalid":
        judged = tuple(criteria.unjudged(one) for one in judged)
    return Report(
        format=FORMAT,
        run=_info(data),
        validity=believed,
        series=series.rows(data),
        journeys=journeys.rows(data),
        saturation=points,
        bottlenecks=bottlenecks.find(data, points),
        probes=probes.rows(data),
        criteria=judged,
        verdict=verdict(believed, judged),
    )


def _info(data: RunData) -> RunInfo:
    """A spool that another program wrote need not say when requests were due: its response times
    then count from their start, as other tools' do."""
    is_due = columns.of(data).is_due
    if is_due.any() or not len(is_due):
        return data.info
    return replace(data.info, fidelity=replace(data.info.fidelity, schedule=False))


def verdict(believed: Validity, judged: Sequence[Judgement]) -> Verdict:
    """One word for the whole run."""
    if believed.verdict == "invalid":
        return "invalid"
    found = {one.verdict for one in judged}
    worst: tuple[Verdict, ...] = ("fail", "inconclusive", "pass")
    return next((one for one in worst if one in found), "none")


def _judged(
    data: RunData, points: tuple[Saturation, ...], baseline: Baseline
) -> tuple[Judgement, ...]:
    """A criterion that cannot be read, or names nothing in this run, is inconclusive: another
    program may have written it, and the rest of the report is still worth having."""
    if not data.plan.criteria:
        return ()
    bench = criteria.Bench(criteria.Figures(data, points), _before(baseline), None)
    return tuple(bench.judge_text(text) for text in data.plan.criteria)


def _before(baseline: Baseline) -> criteria.Measures | None:
    """What the baseline measured; of repeats those count that may be believed."""
    runs = [baseline] if isinstance(baseline, RunData) else list(baseline or ())
    if len(runs) > 1:
        runs = [one for one in runs if validity.judge(one).verdict != "invalid"]
    if not runs:
        return None
    return criteria.Repeats([criteria.Figures(one, saturation.find(one)) for one in runs])
