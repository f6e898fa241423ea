"""The noise between runs that a project's own repeats have taught, for comparisons."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from runs.analysis import comparison
from runs.analysis.comparison import Noise
from runs.analysis.report import Report
from runs.formats import report_json
from runs.models import Run

NEWEST: Final = 60  # runs of a campaign that are looked at
MOST_GROUPS: Final = 8
MOST_IN_GROUP: Final = 5
# Labels that repeats may differ in.
_OF_THE_RUN: Final = ("repeat",)


def of(runs: Sequence[Run]) -> Noise:
    """What the newest repeats of the first run's campaign teach; the runs that are compared are
    left out, as they would be measured with themselves."""
    first = runs[0]
    others = Run.objects.filter(
        project=first.project_id, campaign=first.campaign, processing=Run.Processing.READY
    )
    newest = (
        others.exclude(validity=Run.Validity.INVALID)
        .exclude(pk__in=[run.pk for run in runs])
        .exclude(commit="")
        .defer(*Run.DOCUMENTS)
        .order_by("-started_at", "-id")[:NEWEST]
    )
    groups = list(_repeats(newest))[:MOST_GROUPS]
    return comparison.learn(_reports(groups))


def _repeats(newest: Iterable[Run]) -> Iterator[list[Run]]:
    """Runs of one commit in one environment with the same labels, where there are two or more."""
    ordered = sorted(newest, key=_build)
    for _, mine in groupby(ordered, key=_build):
        group = list(mine)[:MOST_IN_GROUP]
        if len(group) > 1:
            yield group


def _build(run: Run) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    labels = {key: str(one) for key, one in run.labels.items() if key not in _OF_THE_RUN}
    return run.commit, run.environment, tuple(sorted(labels.items()))


def _reports(groups: Sequence[Sequence[Run]]) -> list[list[Report]]:
    """In one query, and none where there are no groups."""
    wanted = [run.pk for group in groups for run in group]
    found = {run.pk: run.report for run in Run.objects.filter(pk__in=wanted)} if wanted else {}
    return [
        [report_json.load(report) for run in group if (report := found.get(run.pk))]
        for group in groups
    ]
