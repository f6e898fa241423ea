"""The probes: which of the target's own figures are read, and what they may reach."""

from collections.abc import Collection, Mapping

from loadrunner.campaign.document import Path
from loadrunner.campaign.model import ProbePlan
from loadrunner.campaign.reading import Reading
from loadrunner.campaign.schema import MetricSection, ProbeSection
from runs.analysis.plan import ProbeMetric


def probes(
    sections: Mapping[str, ProbeSection], identities: Collection[str], reading: Reading
) -> tuple[ProbePlan, ...]:
    """Metric names are unique over all probes, since criteria name them alone."""
    _check_unique(sections, reading)
    metrics = {name for section in sections.values() for name in section.metrics}
    for probe, section in sections.items():
        path: Path = ("probes", probe)
        reading.check_name(section.identity, identities, "identity", (*path, "identity"))
        for name, metric in section.metrics.items():
            _check_feeds(name, metric, metrics, (*path, "metrics", name, "feeds"), reading)
    return tuple(_probe(name, section) for name, section in sections.items())


def _check_unique(sections: Mapping[str, ProbeSection], reading: Reading) -> None:
    owner: dict[str, str] = {}
    for probe, section in sections.items():
        for name in section.metrics:
            if owner.setdefault(name, probe) != probe:
                reading.problems.add(
                    ("probes", probe, "metrics", name),
                    f"found the metric '{name}' of the probe {owner[name]} again,"
                    " allowed: names that are unique over all probes",
                )


def _check_feeds(
    name: str, metric: MetricSection, metrics: Collection[str], path: Path, reading: Reading
) -> None:
    others = sorted(set(metrics) - {name})
    for index, fed in enumerate(metric.feeds):
        reading.check_name(fed, others, "metric", (*path, index))


def _probe(name: str, section: ProbeSection) -> ProbePlan:
    metrics = section.metrics.items()
    return ProbePlan(
        name=name,
        path=section.path,
        metrics=tuple(_metric(key, metric) for key, metric in metrics),
        values={key: metric.json_path for key, metric in metrics},
        ceilings={key: metric.ceiling for key, metric in metrics if metric.ceiling is not None},
        identity=section.identity,
        every_s=section.every,
    )


def _metric(name: str, section: MetricSection) -> ProbeMetric:
    """A ceiling that stands in the target's answer is known only once it is read."""
    fixed = section.ceiling if isinstance(section.ceiling, float) else None
    return ProbeMetric(name, section.area, section.better, fixed, tuple(section.feeds))
