"""Changes of a project's figures, told to its webhooks when a run makes or confirms one.

Told are p95 and error rate of every step, and the capacity of every scenario, over the runs of one
campaign and environment; what counts as a change is decided by runs/analysis/history.py.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from runs import trends, webhooks
from runs.analysis import history
from runs.analysis.history import Change
from runs.models import Run, Webhook
from runs.trends import Better, Place, Point

MOST_RUNS: Final = 60
STATISTICS: Final[tuple[tuple[str, Better], ...]] = (
    ("p95", "lower"),
    ("error_rate", "lower"),
    ("capacity", "higher"),
)
_EVENTS: Final = {
    "suspected": Webhook.Event.CHANGE_SUSPECTED,
    "confirmed": Webhook.Event.CHANGE_CONFIRMED,
}


def announce(run_id: UUID) -> None:
    """Tell what the run has changed; nothing is computed where no webhook asks for it."""
    run = Run.objects.defer(*Run.DOCUMENTS).filter(pk=run_id).first()
    if run is None or run.validity == Run.Validity.INVALID or not _is_asked(run.project_id):
        return
    for event, key, payload in list(_found(run)):
        with transaction.atomic():
            webhooks.announce(run.project_id, event, key, payload)


def _is_asked(project_id: int) -> bool:
    wanted = set(_EVENTS.values())
    hooks = Webhook.objects.filter(project=project_id).values_list("events", flat=True)
    return any(wanted & set(events) for events in hooks)


def _found(run: Run) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each change of this run as (event, key, payload)."""
    alike = Run.objects.filter(
        project=run.project_id,
        campaign=run.campaign,
        environment=run.environment,
        started_at__lte=run.started_at,
    )
    for statistic, better in STATISTICS:
        for place, points in trends.of(alike, f"{statistic}(*)", MOST_RUNS).lines.items():
            if points[-1].run.pk == run.pk:
                yield from _of_line(statistic, place, points, better)


def _of_line(
    statistic: str, place: Place, points: Sequence[Point], better: Better
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    found = history.detect([point.figure.value for point in points], better)
    for change in found.changes:
        # One that was confirmed long ago was told then, or came before the webhook.
        if len(points) - change.at <= history.FRESH:
            first = points[change.at].run
            what = f"{statistic}({_words(place)})"
            event = _EVENTS[change.status]
            yield event, f"{event}:{first.pk}:{what}"[:200], _payload(what, first, points, change)


def _words(place: Place) -> str:
    step = f"/{place.step}" if place.step else ""
    phase = f"@{place.phase}" if place.phase else ""
    return f"{place.scenario}{step}{phase}"


def _payload(what: str, first: Run, points: Sequence[Point], change: Change) -> dict[str, Any]:
    newest = points[-1].run
    return {
        "statistic": what,
        "status": change.status,
        "direction": change.direction,
        "before": change.before,
        "after": change.after,
        "ratio": change.ratio,
        "ci": list(change.ci) if change.ci else None,
        "since": str(first.pk),
        "run": str(newest.pk),
        "campaign": newest.campaign,
        "commit": first.commit,
        "reason": change.reason,
        "path": newest.get_absolute_url(),
    }
