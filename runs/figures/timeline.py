"""A run second by second: latency, throughput, outcomes, in flight, probes, on one time axis."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runs.analysis import wording
from runs.figures import chart
from runs.figures.chart import Chart, Figure
from runs.figures.palette import colour

AXIS = "time"
PHASE_NAME = "phase"
HEIGHT = 280
PROBE_HEIGHT = 200
_MARGIN_PX = 64
_PERCENTILES = ("p50", "p95", "p99")
# What the chart of outcomes stacks, from the bottom up, and the report's outcomes in each.
_OUTCOMES = {
    "ok": ("ok",),
    "refused": ("refused",),
    "4xx": ("client_error",),
    "5xx": ("server_error",),
    "time-out": ("timeout",),
    "no connection": ("connection_error",),
    "check failed": ("check_failed",),
    "never sent, cut": ("dropped", "generator_error", "cut"),
}
_TINTS = {
    "ok": "ok",
    "refused": "refused",
    "4xx": "client_error",
    "5xx": "server_error",
    "time-out": "timeout",
    "no connection": "connection_error",
    "check failed": "check_failed",
    "never sent, cut": "unsent",
}
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Clock:
    """The time axis of all charts of a run: bins' middles in s or, for long runs, in min."""

    times: list[float | None]
    end: float
    unit: str
    per: float

    # The bins before the end of the last phase; what follows is the last answers coming in.
    planned: int

    @property
    def end_s(self) -> float:
        return self.end * self.per

    @property
    def axis(self) -> Figure:
        title = f"time since the start, {self.unit}"
        return chart.axis(title, range=[0, self.end], showgrid=False)


def clock_of(timeline: Document) -> Clock:
    """Seconds up to ten minutes, minutes beyond."""
    half = timeline["bin_s"] / 2
    end_s = (timeline["t_s"] or [0.0])[-1] + timeline["bin_s"]
    unit, per = ("s", 1.0) if end_s <= 600 else ("min", 60.0)
    middles = chart.rounded((start + half) / per for start in timeline["t_s"])
    planned_s = max((band["end_s"] for band in timeline["phases"]), default=end_s)
    planned = sum(start < planned_s for start in timeline["t_s"])
    return Clock(middles, end_s / per, unit, per, planned)


def draw(timeline: Document, scenario: str | None) -> list[Chart]:
    """The charts of one scenario, or of all of them together (`None`), in reading order.

    `timeline` is runs.analysis.timeline's Timeline as JSON.
    """
    track = timeline["total"] if scenario is None else timeline["scenarios"][scenario]
    clock = clock_of(timeline)
    bands = phases(timeline, scenario)
    frame = _Frame(track, clock, bands, timeline["bin_s"])
    return [frame.latency(), frame.throughput(), frame.outcomes(), frame.in_flight()]


def probes(timeline: Document, scenario: str | None, ceilings: Mapping[str, float]) -> list[Chart]:
    """One small chart for each metric of the target's own, with its ceiling where it has one."""
    clock = clock_of(timeline)
    bands = phases(timeline, scenario)
    return [
        _probe(index, probe, ceilings.get(probe["metric"]), clock, bands)
        for index, probe in enumerate(timeline["probes"])
    ]


def phases(timeline: Document, scenario: str | None) -> list[Document]:
    """The phases to shade; for all scenarios together only where they share one plan."""
    every = timeline["phases"]
    if scenario is not None:
        return [band for band in every if band["scenario"] == scenario]
    spans: dict[str, list[tuple[Any, ...]]] = {}
    for band in every:
        key = (band["phase"], band["start_s"], band["end_s"])
        spans.setdefault(band["scenario"], []).append(key)
    plans = list(spans.values())
    first = next(iter(spans), None)
    same = all(plan == plans[0] for plan in plans)
    return [band for band in every if same and band["scenario"] == first]


def shading(bands: Sequence[Document], clock: Clock) -> tuple[list[Figure], list[Figure]]:
    """Quiet bands, every second one tinted, with the phases' names on top where they fit."""
    shapes, names = [], []
    for index, band in enumerate(bands):
        start, end = band["start_s"] / clock.per, band["end_s"] / clock.per
        if index % 2 == 0:
            shapes.append(chart.vertical_band(start, end, colour("band")))
        names.append(_phase_name(band["phase"], start, end, clock))
    return shapes, [name for name in names if name]


def _phase_name(phase: str, start: float, end: float, clock: Clock) -> Figure | None:
    """The name, or the number of a stage, or nothing where even that has no room."""
    room = (end - start) / clock.end * 110  # characters on a screen of usual width
    words = phase if len(phase) <= room else phase.rpartition("_")[2]
    if len(words) > room:
        return None
    return {
        "xref": "x",
        "x": (start + end) / 2,
        "yref": "paper",
        "y": 1,
        "yanchor": "bottom",
        "text": chart.plain(words),
        # By this name the page's script finds them, to shorten them on a narrow screen.
        "name": PHASE_NAME,
        "showarrow": False,
        "font": {"size": 11, "color": colour("ink-3")},
    }


@dataclass(frozen=True)
class _Frame:
    """What the charts of one track share."""

    track: Document
    clock: Clock
    bands: Sequence[Document]
    bin_s: float

    def _layout(self, yaxis: Figure, notes: Iterable[Figure] = (), **more: Any) -> Figure:
        shapes, names = shading(self.bands, self.clock)
        marks = {"shapes": shapes, "annotations": [*names, *notes]}
        axes = {"xaxis": self.clock.axis, "yaxis": yaxis}
        return chart.layout(HEIGHT, **axes, **marks, **more)

    def _chart(self, key: str, title: str, note: str, figure: Figure) -> Chart:
        return Chart(key, title, note, HEIGHT, figure, axis=AXIS)

    def _line(self, name: str, values: Sequence[float | None], tint: str, **line: Any) -> Figure:
        return {
            "type": "scatter",
            "mode": "lines",
            "name": chart.plain(name),
            "x": self.clock.times,
            "y": chart.rounded(values),
            "line": {"color": colour(tint), "width": 1.75} | line,
        }

    def _rate(self, column: str) -> list[float | None]:
        return [count / self.bin_s for count in self.track[column]]

    def _end(self, values: Sequence[float | None]) -> float | None:
        """Where a line ends: its last value, above zero, while load was put on."""
        return next((value for value in reversed(values[: self.clock.planned]) if value), None)

    def latency(self) -> Chart:
        title = "Response time: half, 95 % and 99 % of the requests were answered within"
        known = [
            value
            for name in _PERCENTILES
            for value in self.track[f"{name}_ms"]
            if value is not None and value > 0
        ]
        if not known:
            missing = "No request got its expected answer."
            return Chart("latency", title, height=HEIGHT, missing=missing)
        low, high = min(known), max(known)
        log = high / low > 30
        span = (low * 0.8, high * 1.25) if log else (0.0, high * 1.1)
        unit = "response time, ms"
        yaxis = chart.log_axis(unit, low, high) if log else chart.axis(unit, range=list(span))
        data = [
            self._line(name, self.track[f"{name}_ms"], name, dash=dash)
            for name, dash in zip(_PERCENTILES, ("solid", "solid", "dot"), strict=True)
        ]
        data += self._unanswered(span[1])
        figure = {"data": data, "layout": self._layout(yaxis, self._names(span, log))}
        note = "By the moment at which a request was due. "
        note += "A triangle at the top: the percentile falls among requests without their "
        return self._chart("latency", title, note + "expected answer.", figure)

    def _names(self, span: tuple[float, float], log: bool) -> list[Figure]:
        ends = [(name, self._end(self.track[f"{name}_ms"]), colour(name)) for name in _PERCENTILES]
        return chart.end_labels(ends, span, HEIGHT - _MARGIN_PX, log=log)

    def _unanswered(self, top: float) -> list[Figure]:
        """A mark at the top for each bin whose percentile has no finite value."""
        outcomes = self.track["outcomes"]
        unranked = [outcomes.get(name, ()) for name in ("refused", "generator_error")]
        due = self.track["due"]
        ranked = [
            count - sum(column[index] for column in unranked if column)
            for index, count in enumerate(due)
        ]
        marks = []
        for name in reversed(_PERCENTILES):
            values = self.track[f"{name}_ms"]
            at = [
                time
                for time, value, count in zip(self.clock.times, values, ranked, strict=True)
                if value is None and count > 0
            ]
            if at:
                marks.append(_triangles(name, at, top))
        return marks

    def throughput(self) -> Chart:
        rates = {"wanted": "due", "answered": "answered", "good": "good"}
        values = {name: self._rate(column) for name, column in rates.items()}
        high = max((v for column in values.values() for v in column if v is not None), default=0.0)
        span = (0.0, high * 1.1 or 1.0)
        tints = {"wanted": "wanted", "answered": "reached", "good": "goodput"}
        data = [
            self._line(name, column, tints[name], dash="dash" if name == "wanted" else "solid")
            for name, column in values.items()
        ]
        ends = [(name, self._end(column), colour(tints[name])) for name, column in values.items()]
        labels = chart.end_labels(ends, span, HEIGHT - _MARGIN_PX)
        layout = self._layout(chart.axis("requests/s", range=list(span)), labels)
        return self._chart(
            "throughput",
            "Throughput: requests wanted, answered, and answered as expected",
            "",
            {"data": data, "layout": layout},
        )

    def outcomes(self) -> Chart:
        data = []
        for name, codes in _OUTCOMES.items():
            columns = [self.track["outcomes"][code] for code in codes if _some(self.track, code)]
            if columns:
                rates = [sum(counts) / self.bin_s for counts in zip(*columns, strict=True)]
                data.append(self._area(name, rates))
        legend = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.09, "yanchor": "bottom"}
        layout = self._layout(
            chart.axis("requests/s", rangemode="tozero"),
            showlegend=True,
            legend=legend | {"traceorder": "normal"},
            margin={"l": 56, "r": 84, "t": 48, "b": 40},
        )
        title = "Outcomes: how the requests due in each moment ended"
        return self._chart("outcomes", title, "", {"data": data, "layout": layout})

    def _area(self, name: str, rates: Sequence[float | None]) -> Figure:
        tint = colour(_TINTS[name])
        line = {"width": 0.5, "color": tint, "shape": "hvh"}
        # What went well is the quiet ground on which the rest stands out.
        fill = colour("good-area") if name == "ok" else tint
        area = {"stackgroup": "outcomes", "fillcolor": fill}
        return self._line(name, rates, "ink") | {"line": line} | area

    def in_flight(self) -> Chart:
        values = self.track["in_flight"]
        line = self._line("in flight", values, "in_flight", shape="hvh")
        axis = chart.axis("requests", rangemode="tozero")
        figure = {"data": [line], "layout": self._layout(axis)}
        return self._chart("in-flight", "In flight: requests sent and not answered yet", "", figure)


def _some(track: Document, code: str) -> bool:
    return any(track["outcomes"].get(code, ()))


def _triangles(name: str, at: Sequence[float | None], top: float) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{name} among the unanswered",
        "x": list(at),
        "y": [float(f"{top:.4g}")] * len(at),
        "marker": {"symbol": "triangle-up", "size": 7, "color": colour(name)},
        "cliponaxis": False,
        "hovertemplate": f"{name}: without an expected answer<extra></extra>",
    }


def _probe(
    index: int,
    probe: Document,
    ceiling: float | None,
    clock: Clock,
    bands: Sequence[Document],
) -> Chart:
    shapes, names = shading(bands, clock)
    values = probe["values"]
    title = f"{wording.name(probe['metric'])} ({probe['probe']})"
    key = f"probe-{index}"
    if not values:
        return Chart(key, title, height=PROBE_HEIGHT, missing="The probe read nothing here.")
    if ceiling is not None:
        shapes.append(chart.horizontal_line(ceiling, colour("limit")))
        names.append(_ceiling_words(ceiling))
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": chart.plain(wording.name(probe["metric"])),
        "x": chart.rounded(time / clock.per for time in probe["t_s"]),
        "y": chart.rounded(values),
        "line": {"color": colour("probe"), "width": 1.5},
        "marker": {"size": 3, "color": colour("probe")},
    }
    layout = chart.layout(
        PROBE_HEIGHT,
        xaxis=clock.axis,
        yaxis=chart.axis("", rangemode="tozero"),
        margin={"l": 48, "r": 12, "t": 24, "b": 40},
        shapes=shapes,
        annotations=names,
    )
    return Chart(
        key, title, height=PROBE_HEIGHT, figure={"data": [trace], "layout": layout}, axis=AXIS
    )


def _ceiling_words(ceiling: float) -> Figure:
    return {
        "xref": "paper",
        "x": 0,
        "xanchor": "left",
        "xshift": 4,
        "y": ceiling,
        "yanchor": "top",
        "text": f"ceiling {wording.number(ceiling)}",
        "showarrow": False,
        "font": {"size": 12, "color": colour("ink-2")},
    }
