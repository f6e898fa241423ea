"""Several runs on one picture: their goodput and latency over the offered load."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runs.analysis import wording
from runs.figures import chart, saturation, timeline
from runs.figures.chart import Chart, Figure, Table
from runs.figures.palette import series_colours

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star", "hexagon")
Point = Mapping[str, Any]


@dataclass(frozen=True)
class Side:
    """One run of the comparison: its letter on the page, its saturation entry and its stages."""

    name: str
    verdict: Point
    points: Sequence[Point]


def draw(key: str, scenario: str, sides: Sequence[Side]) -> Chart:
    """One scenario over all runs, each with its own colour and symbol."""
    title = f"{wording.who(scenario)}: goodput and p95 over the offered load"
    drawn = [side for side in sides if side.points]
    if not drawn:
        return Chart(key, title, missing="None of these runs has stages of this scenario.")
    return Chart(
        key,
        title,
        note="Vertical lines are saturation points with their intervals.",
        height=saturation.HEIGHT,
        figure=_figure(sides),
        table=_table(sides),
    )


@dataclass(frozen=True)
class Track:
    """One run of the comparison with its timeline (runs.analysis.timeline's, as JSON)."""

    name: str
    timeline: Point


def over_time(key: str, tracks: Sequence[Track]) -> Chart:
    """p95 of all requests since each run's start, one line a run."""
    title = "p95 of all requests, each run from its own start"
    known = [value for one in tracks for value in one.timeline["total"]["p95_ms"] if value]
    if not known:
        return Chart(key, title, missing="No request got its expected answer.")
    low, high = min(known), max(known)
    log = high / low > 30
    span = (low * 0.8, high * 1.25) if log else (0.0, high * 1.1)
    unit = "response time, ms"
    tints = series_colours(one.name for one in tracks)
    longest = max((timeline.clock_of(one.timeline) for one in tracks), key=lambda one: one.end_s)
    layout = chart.layout(
        timeline.HEIGHT,
        xaxis=longest.axis,
        yaxis=chart.log_axis(unit, low, high) if log else chart.axis(unit, range=list(span)),
        annotations=chart.end_labels(
            [(one.name, _last(one), tints[one.name]) for one in tracks],
            span,
            timeline.HEIGHT - 64,
            log=log,
        ),
    )
    data = [_track(one, longest, tints[one.name]) for one in tracks]
    note = "A line is broken where p95 falls among requests without their expected answer."
    return Chart(key, title, note, timeline.HEIGHT, {"data": data, "layout": layout})


def _track(one: Track, longest: timeline.Clock, tint: str) -> Figure:
    half = one.timeline["bin_s"] / 2
    return {
        "type": "scatter",
        "mode": "lines",
        "name": chart.plain(one.name),
        "x": chart.rounded((start + half) / longest.per for start in one.timeline["t_s"]),
        "y": chart.rounded(one.timeline["total"]["p95_ms"]),
        "line": {"color": tint, "width": 1.75},
    }


def _last(one: Track) -> float | None:
    """Where the line ends while load was put on."""
    planned = timeline.clock_of(one.timeline).planned
    values = one.timeline["total"]["p95_ms"][:planned]
    return next((value for value in reversed(values) if value), None)


def _figure(sides: Sequence[Side]) -> Figure:
    stages = [point for side in sides for point in side.points]
    top = max(point["offered_jps"] for point in stages)
    most = max(top, *(load for side in sides for load in saturation.beyond(side.verdict, top)))
    # Room at the top for the figures of the saturation points, one line a run.
    ceiling = max(point["goodput_jps"] for point in stages) * (1.05 + 0.13 * len(sides)) or 1.0
    latency = saturation.LatencyAxis([point["p95_ms"] for point in stages])
    frame = chart.layout(
        saturation.HEIGHT,
        hovermode="closest",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"},
        margin={"l": 56, "r": 24, "t": 40, "b": 40},
        xaxis=chart.axis("offered load, journeys/s", range=[0, most * 1.06], anchor="y2"),
        yaxis=chart.axis("goodput, journeys/s", range=[0, ceiling], domain=[0.4, 1]),
        yaxis2=latency.axis(domain=[0, 0.3], anchor="x"),
    )
    tints = series_colours(side.name for side in sides)
    data: list[Figure] = []
    for index, side in enumerate(sides):
        data += _traces(side, tints[side.name], _SYMBOLS[index % len(_SYMBOLS)])
        shapes, notes = saturation.marks(side.verdict, tints[side.name], f"{side.name} ")
        frame["shapes"] += shapes
        frame["annotations"] += [note | {"y": 1.0 - 0.07 * index} for note in notes]
    return {"data": data, "layout": frame}


def _traces(side: Side, tint: str, symbol: str) -> list[Figure]:
    stages = sorted(side.points, key=lambda point: point["offered_jps"])
    good, slow = saturation.traces(stages, tint, side.name, symbol)
    good |= {"name": chart.plain(side.name), "legendgroup": side.name}
    slow |= {"legendgroup": side.name, "showlegend": False}
    return [good, slow]


def _table(sides: Sequence[Side]) -> Table:
    head = ("Run", "Phase", "Offered, journeys/s", "Goodput, journeys/s", "p95")
    rows = tuple(
        (
            side.name,
            str(point["phase"]),
            wording.number(point["offered_jps"]),
            wording.number(point["goodput_jps"]),
            wording.milliseconds(point["p95_ms"]),
        )
        for side in sides
        for point in side.points
    )
    return Table(head, rows)
