"""autocannon's JSON: milliseconds, with a set of percentiles that varies between versions. Errors
include timeouts; answers that are not 2xx are counted apart from them."""

from typing import Any, Final

from runs.formats import document, raw, summaries
from runs.formats.imported import Imported
from runs.formats.source import Source

NAME: Final = "autocannon"


def recognises(head: bytes) -> bool:
    start = head.lstrip()
    return start.startswith(b"{") and b'"non2xx"' in head and b'"latency"' in head


def read(source: Source) -> Imported:
    found = document.read(source)
    found = found if isinstance(found, dict) else {}
    latency = found.get("latency")
    errors, timeouts = (summaries.count(found.get(key)) for key in ("errors", "timeouts"))
    timeouts = min(timeouts, errors)
    statuses = _statuses(found)
    outcomes = summaries.outcomes_of(statuses)
    answered = sum(statuses.values())
    if not answered:
        answered, outcomes = _by_class(found)
    outcomes |= {"timeout": timeouts, "connection_error": errors - timeouts}
    count = answered + errors
    if not count or not isinstance(latency, dict):
        raise source.error(1, 1, "nothing can be read: it counts no request.")
    spread = summaries.spread(
        latency,
        min="min",
        mean="mean" if "mean" in latency else "average",
        p50="p50",
        p90="p90",
        p95="p95",
        p99="p99",
        p99_9="p99_9" if "p99_9" in latency else "p999",
        max="max",
    )
    length_us = round(min(summaries.number(found.get("duration")) or 0, 1e9) * 1e6)
    row = summaries.row(
        count,
        length_us=length_us,
        outcomes=outcomes,
        statuses=statuses,
        all_ms=spread,
        knows_classes=True,
    )
    return summaries.of_rows(
        source,
        NAME,
        [row, summaries.whole(row)],
        samples_are="summary",
        started_at_us=raw.time_of(found.get("start")),
        length_us=length_us,
        notes=("autocannon rounds latencies to whole milliseconds, and has none for errors.",),
    )


def _statuses(found: dict[str, Any]) -> dict[str, int]:
    listed = found.get("statusCodeStats")
    return {
        str(code): summaries.count(one.get("count"))
        for code, one in (listed.items() if isinstance(listed, dict) else ())
        if isinstance(one, dict)
    }


def _by_class(found: dict[str, Any]) -> tuple[int, dict[str, int]]:
    """Answers of older versions, which count classes of statuses only."""
    counts = {f"{at}00": summaries.count(found.get(f"{at}xx")) for at in range(1, 6)}
    return sum(counts.values()), summaries.outcomes_of(counts)
