"""One statistic over the runs of a project: points with intervals, levels, changes, markers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from runs.analysis import wording
from runs.analysis.history import Change, History, Level
from runs.figures import chart
from runs.figures.chart import Chart, Figure, Table
from runs.figures.palette import colour

HEIGHT: Final = 320
AXIS: Final = "trend"
_LONGEST: Final = 24


@dataclass(frozen=True)
class Point:
    """What one run measured; `is_counted` is false for an invalid run, which is drawn hollow."""

    run: str
    address: str
    at: datetime
    value: float | None
    ci: tuple[float | None, float | None] | None
    count: int | None
    verdict: str
    is_counted: bool = True


@dataclass(frozen=True)
class Mark:
    """Something that happened to the service."""

    at: datetime
    kind: str
    text: str


@dataclass(frozen=True)
class Line:
    """`history` is of the counted points, in their order."""

    title: str
    unit: str
    points: Sequence[Point]
    history: History
    marks: Sequence[Mark] = field(default=())

    @property
    def counted(self) -> list[Point]:
        return [point for point in self.points if point.is_counted]


def draw(key: str, line: Line) -> Chart:
    known = [point for point in line.points if point.value is not None]
    if not known:
        missing = "No run of this selection has the figure."
        return Chart(key, line.title, height=HEIGHT, missing=missing, table=_table(line))
    note = "Each point is a run with its 95 % interval; bands are the levels, with what a further "
    note += "run is expected in. Hollow points are invalid runs."
    figure = {"data": _traces(line, known), "layout": _layout(line, known)}
    return Chart(key, line.title, note, HEIGHT, figure, _table(line), axis=AXIS)


def _traces(line: Line, known: Sequence[Point]) -> list[Figure]:
    # A few runs have a median, but no level that a further one could be held against.
    levels = () if line.history.more_runs else line.history.levels
    return [
        *(_level_band(line, level) for level in levels if level.low is not None),
        *(_level_line(line, level) for level in levels),
        _points(line, [point for point in known if point.is_counted], "runs"),
        _points(line, [point for point in known if not point.is_counted], "invalid runs"),
    ]


def _points(line: Line, points: Sequence[Point], name: str) -> Figure:
    tint = colour("reached")
    is_hollow = name != "runs"
    trace: Figure = {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [_time(point.at) for point in points],
        "y": chart.rounded(_scaled(line, point.value) for point in points),
        "customdata": [
            [point.address, chart.plain(point.run), _words(line, point)] for point in points
        ],
        "marker": {
            "size": 8,
            "color": tint,
            "symbol": "circle-open" if is_hollow else "circle",
            "line": {"width": 2 if is_hollow else 0, "color": tint},
        },
        "hovertemplate": "%{customdata[1]}: %{customdata[2]}<extra></extra>",
    }
    up, down = zip(*(_arms(line, point) for point in points), strict=True) if points else ((), ())
    if any(up) or any(down):
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": chart.rounded(up),
            "arrayminus": chart.rounded(down),
            "color": tint,
            "thickness": 1,
            "width": 0,
        }
    return trace


def _arms(line: Line, point: Point) -> tuple[float, float]:
    """How far the interval reaches up and down."""
    low, high = wording.bounds(point.ci)
    if low is None or high is None or point.value is None:
        return 0.0, 0.0
    value = point.value
    factor = _factor(line)
    return max(high - value, 0.0) * factor, max(value - low, 0.0) * factor


def _span(line: Line, level: Level) -> tuple[str, str]:
    points = line.counted
    return _time(points[level.first].at), _time(points[level.last].at)


def _level_band(line: Line, level: Level) -> Figure:
    first, last = _span(line, level)
    low, high = ((one or 0.0) * _factor(line) for one in (level.low, level.high))
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [first, last, last, first],
        "y": chart.rounded([low, low, high, high]),
        "fill": "toself",
        "fillcolor": colour("level"),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _level_line(line: Line, level: Level) -> Figure:
    middle = level.median * _factor(line)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(_span(line, level)),
        "y": chart.rounded([middle, middle]),
        "line": {"width": 1.5, "color": colour("wanted"), "dash": "dash"},
        "hoverinfo": "skip",
    }


def _layout(line: Line, known: Sequence[Point]) -> Figure:
    shapes, notes = [], []
    for number, change in enumerate(line.history.changes):
        at = _time(line.counted[change.at].at)
        dash = "solid" if change.status == "confirmed" else "dot"
        shapes.append(_upright(at, colour("saturation"), dash))
        notes.append(_note(at, change_words(change), 1.0 - 0.07 * (number % 3), "left"))
    for mark in _within(line.marks, known):
        shapes.append(_upright(_time(mark.at), colour("wanted"), "dash"))
        notes.append(_note(_time(mark.at), _short(mark.text), 0.02, "right"))
    values = [_scaled(line, point.value) or 0.0 for point in known]
    tops = [value + _arms(line, p)[0] for value, p in zip(values, known, strict=True)]
    return chart.layout(
        HEIGHT,
        hovermode="closest",
        margin={"l": 56, "r": 24, "t": 24, "b": 64},
        xaxis=chart.axis(
            "when the run started, UTC", type="date", showgrid=False, range=_range(known)
        ),
        yaxis=chart.axis(_unit(line), range=[0, max(tops, default=1.0) * 1.2 or 1.0]),
        shapes=shapes,
        annotations=notes,
    )


def _range(known: Sequence[Point]) -> list[str]:
    """From the first run to the last with room on both sides, an hour at least."""
    first, last = min(point.at for point in known), max(point.at for point in known)
    room = max((last - first) * 0.04, timedelta(minutes=30))
    return [_time(first - room), _time(last + room)]


def _within(marks: Sequence[Mark], known: Sequence[Point]) -> list[Mark]:
    """Those of the time that the chart shows."""
    first, last = min(point.at for point in known), max(point.at for point in known)
    return [mark for mark in marks if first <= mark.at <= last]


def _upright(at: str, tint: str, dash: str) -> Figure:
    span = {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1}
    return span | {"line": {"color": tint, "width": 1.5, "dash": dash}}


def _note(at: str, text: str, height: float, anchor: str) -> Figure:
    return {
        "xref": "x",
        "x": at,
        "xanchor": anchor,
        "xshift": 4 if anchor == "left" else -4,
        "yref": "paper",
        "y": height,
        "yanchor": "top" if height > 0.5 else "bottom",
        "text": chart.plain(text),
        "showarrow": False,
        "font": {"size": 12, "color": colour("ink-2")},
    }


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def change_words(change: Change) -> str:
    """'worse +18 %', or 'suspected: better −12 %'."""
    told = f"{change.direction} {wording.change(change.ratio)}"
    return told if change.status == "confirmed" else f"suspected: {told}"


def change_sentence(line: Line, change: Change) -> str:
    """A change in words: what, by how much with its interval, since which run."""
    low, high = change.ci or (None, None)
    span = f" ({wording.change(low)} to {wording.change(high)})" if low and high else ""
    ratio = f" by {wording.change(change.ratio)}{span}" if change.ratio else ""
    values = (figure(line.unit, change.before), figure(line.unit, change.after))
    told = f"{line.title} went from {values[0]} to {values[1]}{ratio}: {change.direction}"
    return told if change.status == "confirmed" else f"{told}. {change.reason}"


def figure(unit: str, value: float | None) -> str:
    """A value in its unit; a share as per cent, a bare number as it is."""
    match unit:
        case "ms":
            return wording.milliseconds(value)
        case "/s":
            return wording.per_second(value)
        case "%":
            return wording.percent(value)
        case _:
            return wording.number(value)


def _words(line: Line, point: Point) -> str:
    low, high = wording.bounds(point.ci)
    span = ""
    if low is not None and high is not None:
        span = f" ({figure(line.unit, low)} to {figure(line.unit, high)})"
    count = f", {wording.plural(point.count, 'request')}" if point.count else ""
    return f"{figure(line.unit, point.value)}{span}{count}"


def _factor(line: Line) -> float:
    return 100.0 if line.unit == "%" else 1.0


def _scaled(line: Line, value: float | None) -> float | None:
    return None if value is None else value * _factor(line)


def _unit(line: Line) -> str:
    names: Mapping[str, str] = {"ms": "ms", "/s": "per second", "%": "%", "×": "times the peak"}
    return names.get(line.unit, line.unit)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _table(line: Line) -> Table:
    rows = tuple(
        (
            f"{point.at:%Y-%m-%d %H:%M} UTC",
            point.run,
            _words(line, point),
            point.verdict if point.is_counted else "invalid",
        )
        for point in reversed(line.points)
    )
    return Table(("Started", "Run", line.title, "Verdict"), rows)
