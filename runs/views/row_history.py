"""What a comparison's rows were in the runs before: a small line beside each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import TextField
from django.db.models.functions import Cast
from pydantic_core import from_json

from runs.analysis import wording
from runs.analysis.comparison import Row
from runs.models import Run

MOST_RUNS: Final = 20
WIDTH: Final = 96
HEIGHT: Final = 20
_PAD: Final = 3
_COLUMNS: Final = {"throughput": "throughput_rps", "error_rate": "error_rate"}
Key = tuple[str | None, str | None, str | None]


@dataclass(frozen=True)
class Spark:
    """`points` of a polyline, and where its last point stands."""

    points: str
    x: float
    y: float
    words: str


class RowHistory:
    """The newest valid runs of a run's project and campaign, the oldest first."""

    def __init__(self, run: Run) -> None:
        found = Run.objects.filter(
            project=run.project_id, campaign=run.campaign, processing="ready"
        )
        newest = found.exclude(validity=Run.Validity.INVALID).values_list("pk", flat=True)
        texts = Run.objects.filter(pk__in=list(newest[:MOST_RUNS]))
        texts = texts.annotate(text=Cast("report", TextField())).order_by("started_at", "pk")
        documents = [from_json(text or "{}") for text in texts.values_list("text", flat=True)]
        self._series = [_by_key(one.get("series") or []) for one in documents]
        self._points = [_by_scenario(one.get("saturation") or []) for one in documents]

    def spark(self, row: Row) -> Spark | None:
        """None where fewer than three runs have the figure."""
        values = [value for value in self._values(row) if value is not None]
        return _spark(values, row.unit) if len(values) >= 3 else None

    def _values(self, row: Row) -> list[float | None]:
        if row.statistic == "capacity":
            return [points.get(row.scenario) for points in self._points]
        key = (row.scenario, row.step, row.phase)
        return [_figure(series.get(key), row.statistic) for series in self._series]


def _by_key(rows: Sequence[Mapping[str, Any]]) -> dict[Key, Mapping[str, Any]]:
    return {(row["scenario"], row["step"], row["phase"]): row for row in rows}


def _by_scenario(points: Sequence[Mapping[str, Any]]) -> dict[str | None, float | None]:
    return {point["scenario"]: point["capacity_jps"] for point in points}


def _figure(row: Mapping[str, Any] | None, statistic: str) -> float | None:
    if row is None:
        return None
    column, times = _COLUMNS.get(statistic), "response_ms"
    if statistic.startswith("all_"):
        statistic, times = statistic.removeprefix("all_"), "all_ms"
    found = row[column] if column else row[times].get(statistic)
    return None if found is None else float(found) * (100 if statistic == "error_rate" else 1)


def _spark(values: Sequence[float], unit: str) -> Spark:
    low, high = min(values), max(values)
    step = (WIDTH - 2 * _PAD) / (len(values) - 1)
    room = HEIGHT - 2 * _PAD
    spots = [
        (_PAD + at * step, HEIGHT - _PAD - (value - low) / ((high - low) or 1) * room)
        for at, value in enumerate(values)
    ]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    span = f"{wording.measured(low, unit)} to {wording.measured(high, unit)}"
    words = f"{len(values)} runs: {span}, last {wording.measured(values[-1], unit)}"
    return Spark(points, *spots[-1], words)
