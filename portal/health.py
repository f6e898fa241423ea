"""For the machines that watch the portal: is it well, and how much it has to do."""

from collections.abc import Iterator

from django.db import DatabaseError, connection
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse

from ingest import queue
from runs import store
from runs.models import Action, Run


def healthz(_request: HttpRequest) -> JsonResponse:
    """200 where the database answers and the store takes files, else 503."""
    found = {"database": _database_answers(), "store": store.is_writable()}
    is_well = all(found.values())
    words = {name: "ok" if well else "failed" for name, well in found.items()}
    body = {"status": "ok" if is_well else "failed", **words}
    return JsonResponse(body, status=200 if is_well else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def metrics(_request: HttpRequest) -> HttpResponse:
    """Counts in the text format of Prometheus; no names of anything, so that anyone may read."""
    text = "\n".join(_lines()) + "\n"
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _lines() -> Iterator[str]:
    runs = Run.objects.values_list("processing").annotate(count=Count("pk")).order_by()
    by_processing = {str(name): 0 for name in Run.Processing} | dict(runs)
    yield from _gauge("headroom_runs", "Runs by processing state.", "processing", by_processing)
    actions = Action.objects.values_list("state").annotate(count=Count("pk")).order_by()
    by_state = {str(name): 0 for name in Action.State} | dict(actions)
    yield from _gauge("headroom_actions", "Tuning actions by state.", "state", by_state)
    yield from _gauge("headroom_queue", "Runs in the queue of work.", "state", queue.depth())


def _gauge(name: str, text: str, label: str, counts: dict[str, int]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"
    for value, count in counts.items():
        yield f'{name}{{{label}="{value}"}} {count}'
