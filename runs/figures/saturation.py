"""Goodput and latency over the offered load: where a scenario stops giving more."""

from collections.abc import Mapping, Sequence
from typing import Any

from runs.analysis import wording
from runs.figures import chart
from runs.figures.chart import Chart, Figure, Table
from runs.figures.palette import colour

HEIGHT = 440
_TOP, _BOTTOM = (0.4, 1.0), (0.0, 0.3)
_MARGIN_PX = 64  # the top and bottom margins
Point = Mapping[str, Any]


def draw(key: str, verdict: Point, points: Sequence[Point]) -> Chart:
    """The chart of one entry of the report's `saturation` with its stages.

    `points` are runs.analysis.saturation's LoadPoints as JSON, in any order.
    """
    stages = sorted(points, key=lambda point: (point["offered_jps"], point["phase"]))
    title = f"{wording.who(verdict.get('scenario'))}: goodput and latency over the offered load"
    if not stages:
        missing = "No stage of this run has enough journeys to draw."
        return Chart(key, title, height=HEIGHT, missing=missing)
    return Chart(
        key,
        title,
        note="Each point is a phase; on the dashed diagonal everything that was due is served.",
        height=HEIGHT,
        figure=_figure(verdict, stages),
        table=_table(stages),
    )


def _figure(verdict: Point, stages: Sequence[Point]) -> Figure:
    most = max(point["offered_jps"] for point in stages)
    right = 1.06 * max(most, *beyond(verdict, most))
    latency = LatencyAxis([stage["p95_ms"] for stage in stages] + [s["p50_ms"] for s in stages])
    ceiling = 1.12 * max(most, *(stage["goodput_jps"] for stage in stages))
    frame = chart.layout(
        HEIGHT,
        hovermode="closest",
        xaxis=chart.axis("offered load, journeys/s", range=[0, right], anchor="y2"),
        yaxis=chart.axis("goodput, journeys/s", range=[0, ceiling], domain=list(_TOP)),
        yaxis2=latency.axis(domain=list(_BOTTOM), anchor="x"),
    )
    shapes, notes = marks(verdict, colour("saturation"))
    shapes += [_unserved(most)]
    notes += end_labels(stages, ceiling, latency)
    frame |= {"shapes": shapes, "annotations": notes}
    return {"data": traces(stages), "layout": frame}


def beyond(verdict: Point, most: float) -> tuple[float, ...]:
    """Loads to have in the picture although no stage went there.

    What lies at more than twice the highest load would leave the stages no room, and stays out.
    """
    peak = (verdict.get("headroom") or {}).get("peak_jps")
    _, high = wording.bounds(verdict.get("ci_jps"))
    return (0.0, *(load for load in (peak, high) if load is not None and load <= 2 * most))


class LatencyAxis:
    """Linear from zero, or logarithmic where the stages lie a factor of 20 apart."""

    def __init__(self, values: Sequence[float | None], title: str = "ms") -> None:
        known = [value for value in values if value is not None and value > 0]
        self.high = max(known, default=1.0)
        self.low = min(known, default=self.high)
        self.is_log = self.high / self.low > 20
        self._title = title

    @property
    def span(self) -> tuple[float, float]:
        if self.is_log:
            return self.low * 0.8, self.high * 1.25
        return 0.0, self.high * 1.12

    def axis(self, **more: Any) -> Figure:
        if self.is_log:
            return chart.log_axis(self._title, self.low, self.high) | more
        return chart.axis(self._title, range=list(self.span)) | more


def _unserved(most: float) -> Figure:
    line = {"color": colour("wanted"), "width": 1, "dash": "dash"}
    ends = {"x0": 0, "y0": 0, "x1": most, "y1": most}
    return {"type": "line", "xref": "x", "yref": "y", "line": line, "layer": "below"} | ends


def traces(
    stages: Sequence[Point],
    tint: str | None = None,
    name: str = "",
    symbol: str = "circle",
) -> list[Figure]:
    """Goodput above and the latencies below; one colour for a run where several are overlaid."""
    good = _line(stages, "goodput_jps", f"{name} goodput".strip(), tint or colour("goodput"), "y")
    good["marker"]["symbol"] = [
        f"{symbol}-open" if stage["is_overloaded"] else symbol for stage in stages
    ]
    good["error_y"] = _whiskers(stages, tint or colour("goodput"))
    slow = _line(stages, "p95_ms", f"{name} p95".strip(), tint or colour("p95"), "y2")
    slow["marker"]["symbol"] = symbol
    if tint:
        return [good, slow]
    median = _line(stages, "p50_ms", "p50", colour("p50"), "y2")
    return [good, slow, median]


def _line(stages: Sequence[Point], column: str, name: str, tint: str, yaxis: str) -> Figure:
    unit = "journeys/s" if yaxis == "y" else "ms"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": chart.plain(name),
        "x": chart.rounded(stage["offered_jps"] for stage in stages),
        "y": chart.rounded(stage[column] for stage in stages),
        "xaxis": "x",
        "yaxis": yaxis,
        "line": {"color": tint, "width": 2},
        "marker": {"color": tint, "size": 8, "line": {"width": 2, "color": tint}},
        "customdata": [[chart.plain(stage["phase"]), _losses(stage)] for stage in stages],
        "hovertemplate": (
            "%{customdata[0]}<br>offered %{x:.4~g}/s<br>"
            f"%{{fullData.name}} %{{y:.4~g}} {unit}<br>%{{customdata[1]}}<extra></extra>"
        ),
    }


def _losses(stage: Point) -> str:
    refused = wording.percent(stage["refusal_rate"])
    return f"{refused} refused, {wording.percent(stage['error_rate'])} errors"


def _whiskers(stages: Sequence[Point], tint: str) -> Figure:
    above, below = [], []
    for stage in stages:
        low, high = wording.bounds(stage["goodput_ci"])
        at = stage["goodput_jps"]
        above.append(0.0 if high is None else max(high - at, 0.0))
        below.append(0.0 if low is None else max(at - low, 0.0))
    bars = {"array": chart.rounded(above), "arrayminus": chart.rounded(below)}
    return {"type": "data", "color": tint, "thickness": 1, "width": 3} | bars


def marks(verdict: Point, tint: str, caption: str = "") -> tuple[list[Figure], list[Figure]]:
    """The saturation point as a line with its interval as a band, and its figure beside it."""
    shapes: list[Figure] = []
    notes: list[Figure] = []
    value, low, high = verdict.get("capacity_jps"), *wording.bounds(verdict.get("ci_jps"))
    if verdict.get("verdict") == "reached" and value is not None:
        if low is not None and high is not None:
            shapes.append(chart.vertical_band(low, high, colour("interval")))
        shapes.append(chart.vertical_line(value, tint))
        notes.append(_flag(value, caption + _figure_words(verdict)))
    peak = (verdict.get("headroom") or {}).get("peak_jps")
    if peak and not caption:
        shapes.append(chart.vertical_line(peak, colour("ink-3"), "dot", 1.5))
        notes.append(_flag(peak, f"peak {wording.per_second(peak)}", row=0.93, weight=400))
    return shapes, notes


def _figure_words(verdict: Point) -> str:
    value, interval = wording.figure_and_interval(verdict["capacity_jps"], verdict.get("ci_jps"))
    return f"{value}/s" + (f" ({interval})" if interval else "")


def _flag(at: float, words: str, row: float = 1.0, weight: int = 600) -> Figure:
    """Words at the top of a vertical line, on its left: the right holds the loads beyond it."""
    return {
        "xref": "x",
        "x": at,
        "xanchor": "right",
        "xshift": -5,
        "yref": "paper",
        "y": row,
        "yanchor": "top",
        "text": words,
        "showarrow": False,
        "bgcolor": colour("surface"),
        "font": {"color": colour("ink"), "size": 12, "weight": weight},
    }


def end_labels(stages: Sequence[Point], ceiling: float, latency: LatencyAxis) -> list[Figure]:
    drawn = HEIGHT - _MARGIN_PX
    last = stages[-1]
    top = chart.end_labels(
        [
            ("goodput", last["goodput_jps"], colour("goodput")),
            ("due", last["offered_jps"], colour("wanted")),
        ],
        (0.0, ceiling),
        round(drawn * (_TOP[1] - _TOP[0])),
    )
    bottom = chart.end_labels(
        [("p95", last["p95_ms"], colour("p95")), ("p50", last["p50_ms"], colour("p50"))],
        latency.span,
        round(drawn * (_BOTTOM[1] - _BOTTOM[0])),
        log=latency.is_log,
        yref="y2",
    )
    return top + bottom


def _table(stages: Sequence[Point]) -> Table:
    head = (
        "Phase",
        "Offered, journeys/s",
        "Goodput, journeys/s",
        "95 % interval",
        "p50",
        "p95",
        "Refused",
        "Errors",
        "Journeys",
        "Overloaded",
    )
    return Table(head, tuple(_row(stage) for stage in stages))


def _row(stage: Point) -> tuple[str, ...]:
    goodput, interval = wording.figure_and_interval(stage["goodput_jps"], stage["goodput_ci"])
    return (
        str(stage["phase"]),
        wording.number(stage["offered_jps"]),
        goodput,
        interval or wording.UNKNOWN,
        wording.milliseconds(stage["p50_ms"]),
        wording.milliseconds(stage["p95_ms"]),
        wording.percent(stage["refusal_rate"]),
        wording.percent(stage["error_rate"]),
        f"{stage['count']:,}",
        "yes" if stage["is_overloaded"] else "no",
    )
