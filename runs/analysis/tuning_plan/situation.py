"""What the rules look at: a report, and the metrics that its run's probes read."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Final

from runs.analysis import wording
from runs.analysis.bottlenecks import Bottleneck
from runs.analysis.criteria.expression import Name
from runs.analysis.plan import Probe, ProbeMetric
from runs.analysis.priority import Level
from runs.analysis.probes import ProbeSummary
from runs.analysis.report import Report
from runs.analysis.saturation import Saturation
from runs.analysis.series import Series
from runs.analysis.tuning_plan.proposal import Evidence

AT_CEILING: Final = 0.93
# Ten samples beyond a p95: with fewer its interval is so wide that no run could decide.
ENOUGH: Final = 200
HIGH_IMPACT_HEADROOM: Final = 1.5  # capacity over the production peak under which it is urgent


@dataclass(frozen=True)
class Suspect:
    """A metric that moves with the harm of a scenario that saturates; rank 0 explains it best."""

    point: Saturation
    scenario: str
    bottleneck: Bottleneck
    metric: ProbeMetric
    readings: ProbeSummary | None
    rank: int

    @property
    def is_at_ceiling(self) -> bool:
        """Whether the metric reached what the target says is its most."""
        most = self.readings.during.max if self.readings else None
        return bool(self.metric.ceiling and most and most >= AT_CEILING * self.metric.ceiling)

    @property
    def used(self) -> str:
        """'4 of 4 in use', as far as it is known."""
        most = self.readings.during.max if self.readings else None
        if most is None:
            return f"{self.metric.name} was read"
        of = f" of {wording.number(self.metric.ceiling)}" if self.metric.ceiling else ""
        return f"{self.metric.name} reads up to {wording.number(most)}{of}"


class Situation:
    """A report with the questions that rules ask of it."""

    def __init__(self, report: Report, probes: Sequence[Probe] = ()) -> None:
        self.report = report
        self.metrics = {metric.name: metric for probe in probes for metric in probe.metrics}
        self.readings = {one.metric: one for one in report.probes}

    @cached_property
    def reached(self) -> tuple[tuple[str, Saturation], ...]:
        """Scenarios that saturate, with their points."""
        return tuple(
            (point.scenario, point)
            for point in self.report.saturation
            if point.scenario is not None and point.verdict == "reached"
        )

    def suspects(self, area: str) -> Iterator[Suspect]:
        """Metrics of the area that explain a saturation: the first of each scenario, and others
        only where they are likely."""
        for scenario, point in self.reached:
            mine = [one for one in self.report.bottlenecks if one.scenario == scenario]
            for rank, one in enumerate(mine):
                if one.area == area and (rank == 0 or one.strength == "likely"):
                    metric = self.metrics.get(one.metric) or ProbeMetric(one.metric, one.area)
                    readings = self.readings.get(one.metric)
                    yield Suspect(point, scenario, one, metric, readings, min(rank, 1))

    def cells(self, scenario: str) -> list[Series]:
        """The judged rows of a scenario's steps, in the order of the report."""
        return [one for one in self.report.series if one.scenario == scenario and not one.pooled]


def impact_of(point: Saturation) -> Level:
    """High where production is near the limit, or where nobody said what production needs."""
    ratio = point.headroom.ratio if point.headroom else None
    if ratio is None or ratio < HIGH_IMPACT_HEADROOM:
        return "high"
    return "medium" if ratio < 2 * HIGH_IMPACT_HEADROOM else "low"


def saturation_evidence(point: Saturation) -> Evidence:
    words = f"{wording.capacity(asdict(point))}. {wording.seen(point.explanation)}".strip()
    return Evidence("saturation", point.scenario, words)


def bottleneck_evidence(suspect: Suspect) -> Evidence:
    return Evidence("bottleneck", suspect.scenario, suspect.bottleneck.evidence)


def quoted(name: str) -> str:
    """A name as criteria write it."""
    return str(Name(name))


def capacity_criterion(scenario: str, factor: float) -> str:
    """The capacity must grow by half of what is expected: more is asked for than noise gives,
    less than a perfect outcome."""
    asked = 1 + (factor - 1) / 2
    return f"capacity({quoted(scenario)}) >= {asked:.2g} * baseline"


def gain(scenario: str, factor: float) -> str:
    return f"capacity of {quoted(scenario)} +{(factor - 1) * 100:.0f} %"


def latency_criteria(
    situation: Situation, scenario: str, point: Saturation, factor: float
) -> list[str]:
    """In the first stage beyond today's capacity that the change should carry, the response time
    must come down to at most twice what it is in the last stage that is carried today."""
    capacity = point.capacity_jps or point.sustained_jps
    if capacity is None:
        return []
    rows = situation.cells(scenario)
    steps = {row.step for row in rows}
    if len(steps) != 1:
        return []  # journeys of several steps: their requests per second are not journeys
    carried = [row for row in rows if (row.offered_rps or 0) <= capacity]
    beyond = [row for row in rows if capacity * 1.02 < (row.offered_rps or 0) <= capacity * factor]
    if not carried or not beyond or beyond[0].count < ENOUGH:
        return []
    usual, today = carried[-1].response_ms.p95, beyond[0].response_ms.p95
    if usual is None or (today is not None and today <= 2.5 * usual):
        return []
    where = f"{quoted(scenario)}/{quoted(str(beyond[0].step))}@{quoted(str(beyond[0].phase))}"
    return [f"p95({where}) < {_round_up(2 * usual)}ms"]


def _round_up(milliseconds: float) -> int:
    """To the next 10 ms: a limit that people can remember."""
    return int(-(-milliseconds // 10) * 10)
