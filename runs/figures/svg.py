"""A figure as SVG: the same Plotly document, drawn without a script, for reports and for print.

Draws what our figures are made of: lines, marks, areas, heatmaps, shapes, annotations and error
bars, on linear and logarithmic axes. No style attributes, so that it stands under any policy.
"""

import html
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from runs.figures.chart import Figure

WIDTH: Final = 920
_FONT: Final = 12
_TICKS: Final = 6
_BARE: Final = {"l": 56, "r": 84, "t": 24, "b": 40}
_DASHES: Final = {"dash": "6 4", "dot": "2 3"}
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Scale:
    """From data to pixels; a logarithmic range is in powers of ten, as in plotly."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool

    def at(self, value: float) -> float:
        shown = math.log10(value) if self.is_log and value > 0 else value
        return self.power(shown)

    def power(self, shown: float) -> float:
        """Of a value that is already a power of ten where the axis is logarithmic."""
        return self.start + (shown - self.low) / ((self.high - self.low) or 1) * (
            self.end - self.start
        )

    def holds(self, value: float) -> bool:
        shown = math.log10(value) if self.is_log and value > 0 else value
        return self.low - 1e-9 <= shown <= self.high + 1e-9


@dataclass(frozen=True)
class Frame:
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x: Scale
    ys: Mapping[str, Scale]

    def y_of(self, item: Document, key: str = "yaxis") -> Scale:
        return self.ys.get(item.get(key, "y"), self.ys["y"])


def draw(figure: Figure, title: str, width: int = WIDTH) -> str:
    """The figure as one `<svg>`; `title` is its text alternative."""
    layout, data = figure["layout"], figure["data"]
    frame = _frame(layout, data, width)
    parts = [
        *_shapes(layout, frame, below=True),
        *_axes(layout, frame),
        *_traces(data, frame),
        *_shapes(layout, frame, below=False),
        *_annotations(layout, frame),
        *_legend(layout, data, frame),
    ]
    name = html.escape(title, quote=True)
    return (
        f'<svg viewBox="0 0 {width} {layout["height"]}" role="img" aria-label="{name}" '
        f'font-family="system-ui, sans-serif" font-size="{_FONT}">{"".join(parts)}</svg>'
    )


def _frame(layout: Document, data: Sequence[Document], width: int) -> Frame:
    margin = _BARE | dict(layout.get("margin", {}))
    height = layout["height"]
    left, right = margin["l"], width - margin["r"]
    top, bottom = margin["t"], height - margin["b"]
    x = _scale(layout.get("xaxis", {}), data, "x", left, right)
    ys = {}
    for key, name in (("y", "yaxis"), ("y2", "yaxis2")):
        axis = layout.get(name)
        if axis is None:
            continue
        low, high = axis.get("domain", (0.0, 1.0))
        span = bottom - top
        ys[key] = _scale(axis, _of(data, key), "y", bottom - low * span, bottom - high * span)
    return Frame(width, height, left, right, top, bottom, x, ys)


def _of(data: Sequence[Document], key: str) -> list[Document]:
    return [trace for trace in data if trace.get("yaxis", "y") == key]


def _scale(axis: Document, data: Sequence[Document], key: str, start: float, end: float) -> Scale:
    is_log = axis.get("type") == "log"
    if "range" in axis:
        low, high = (float(one) for one in axis["range"])
    else:
        known = _extent(data, key)
        low = 0.0 if axis.get("rangemode") == "tozero" else min(known, default=0.0)
        high = max(known, default=1.0) * 1.05 or 1.0
    return Scale(low, high, start, end, is_log)


def _extent(data: Sequence[Document], key: str) -> list[float]:
    """Every value; of stacked areas their sums."""
    stacked = [trace for trace in data if trace.get("stackgroup")]
    values = [v for trace in data if not trace.get("stackgroup") for v in trace.get(key, ()) if v]
    if key == "y" and stacked:
        columns = zip(*(trace["y"] for trace in stacked), strict=True)
        values += [sum(one or 0.0 for one in column) for column in columns]
    return [float(value) for value in values]


def _axes(layout: Document, frame: Frame) -> Iterator[str]:
    ink, grid = "#5c656f", "#e6e9eb"
    for key, name in (("y", "yaxis"), ("y2", "yaxis2")):
        if key not in frame.ys:
            continue
        axis, scale = layout[name], frame.ys[key]
        for value, words in _ticks(axis, scale):
            at = scale.at(value)
            if axis.get("showgrid", True):
                yield _line(frame.left, at, frame.right, at, grid)
            yield _text(frame.left - 6, at + 4, words, ink, "end")
        middle = (scale.start + scale.end) / 2
        turned = f' transform="rotate(-90 14 {middle:.1f})"'
        yield _text(14, middle, _title(axis), ink, "middle", turned)
    axis = layout.get("xaxis", {})
    for value, words in _ticks(axis, frame.x):
        at = frame.x.at(value)
        if axis.get("showgrid", True):
            yield _line(at, frame.top, at, frame.bottom, grid)
        yield _text(at, frame.bottom + 16, words, ink, "middle")
    yield _line(frame.left, frame.bottom, frame.right, frame.bottom, "#b9c0c7")
    yield _text((frame.left + frame.right) / 2, frame.height - 6, _title(axis), ink, "middle")


def _title(axis: Document) -> str:
    title = axis.get("title") or {}
    return str(title.get("text", "") if isinstance(title, Mapping) else title)


def _ticks(axis: Document, scale: Scale) -> list[tuple[float, str]]:
    if "tickvals" in axis:
        words = axis.get("ticktext") or [f"{value:g}" for value in axis["tickvals"]]
        pairs = zip(axis["tickvals"], words, strict=True)
        return [(value, str(text)) for value, text in pairs if scale.holds(value)]
    return [(value, f"{value:,.6g}") for value in _round_steps(scale.low, scale.high)]


def _round_steps(low: float, high: float) -> list[float]:
    """About six values at a distance of 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return []
    rough = span / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(one * power for one in (1, 2, 5, 10) if one * power >= rough)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _traces(data: Sequence[Document], frame: Frame) -> Iterator[str]:
    floors: list[float] | None = None
    for trace in data:
        if trace.get("stackgroup"):
            floors, area = _area(trace, frame, floors)
            yield area
        elif trace["type"] == "heatmap":
            yield from _heatmap(trace, frame)
        else:
            yield from _scatter(trace, frame)


def _points(trace: Document, frame: Frame) -> list[tuple[float, float] | None]:
    scale = frame.y_of(trace)
    pairs = zip(trace.get("x", ()), trace.get("y", ()), strict=True)
    return [
        None
        if x is None or y is None or (scale.is_log and y <= 0)
        else (frame.x.at(x), scale.at(y))
        for x, y in pairs
    ]


def _scatter(trace: Document, frame: Frame) -> Iterator[str]:
    points = _points(trace, frame)
    mode = trace.get("mode", "lines")
    if "lines" in mode:
        line = trace.get("line", {})
        for part in _parts(points):
            yield _polyline(part, line)
    if "error_y" in trace:
        yield from _whiskers(trace, frame, points)
    if "markers" in mode:
        marker = trace.get("marker", {})
        symbols = marker.get("symbol", "circle")
        for index, point in enumerate(points):
            symbol = symbols if isinstance(symbols, str) else symbols[index]
            if point is not None:
                yield _marker(point, symbol, marker)


def _parts(points: Sequence[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    """Stretches without a gap."""
    part: list[tuple[float, float]] = []
    for point in (*points, None):
        if point is not None:
            part.append(point)
        elif part:
            yield part
            part = []


def _polyline(points: Sequence[tuple[float, float]], line: Document) -> str:
    where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = _DASHES.get(line.get("dash", ""), "")
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    colour, width = _colour(line.get("color", "#434b54")), line.get("width", 1.5)
    paint = f'fill="none" {colour("stroke")} stroke-width="{width}"{dashed}'
    return f'<polyline points="{where}" {paint}/>'


def _area(trace: Document, frame: Frame, floors: list[float] | None) -> tuple[list[float], str]:
    """A stacked area as steps; its top is the next one's floor."""
    values = [value or 0.0 for value in trace["y"]]
    below = floors or [0.0] * len(values)
    tops = [low + value for low, value in zip(below, values, strict=True)]
    scale = frame.y_of(trace)
    xs = [frame.x.at(x) for x in trace["x"]]
    up = [(x, scale.at(top)) for x, top in zip(xs, tops, strict=True)]
    down = [(x, scale.at(low)) for x, low in zip(xs, below, strict=True)]
    where = " ".join(f"{x:.1f},{y:.1f}" for x, y in (*up, *reversed(down)))
    return tops, f'<polygon points="{where}" {_colour(trace["fillcolor"])("fill")}/>'


def _heatmap(trace: Document, frame: Frame) -> Iterator[str]:
    xs = [frame.x.at(x) for x in trace["x"]]
    scale = frame.y_of(trace)
    ys = [scale.at(y) for y in trace["y"]]
    for row, cells in enumerate(trace["z"]):
        for column, value in enumerate(cells):
            if value is None:
                continue
            share = (value - trace["zmin"]) / ((trace["zmax"] - trace["zmin"]) or 1)
            fill = _stop(trace["colorscale"], share)
            top = min(ys[row], ys[row + 1])
            yield (
                f'<rect x="{xs[column]:.1f}" y="{top:.1f}" '
                f'width="{xs[column + 1] - xs[column]:.1f}" '
                f'height="{abs(ys[row + 1] - ys[row]):.1f}" fill="{fill}"/>'
            )


def _stop(scale: Sequence[Sequence[Any]], share: float) -> str:
    """The nearest of the scale's colours: steps that an eye can tell apart."""
    return str(min(scale, key=lambda stop: abs(stop[0] - share))[1])


def _whiskers(
    trace: Document, frame: Frame, points: Sequence[tuple[float, float] | None]
) -> Iterator[str]:
    bars, scale = trace["error_y"], frame.y_of(trace)
    for index, point in enumerate(points):
        if point is None:
            continue
        value = trace["y"][index]
        up, down = bars["array"][index] or 0, bars["arrayminus"][index] or 0
        if up or down:
            low, high = scale.at(value - down), scale.at(value + up)
            yield _line(point[0], low, point[0], high, bars["color"])


def _marker(point: tuple[float, float], symbol: str, marker: Document) -> str:
    x, y = point
    colour = _colour(marker.get("color", "#434b54"))
    radius = marker.get("size", 6) / 2
    paint = f'fill="#ffffff" {colour("stroke")}' if symbol.endswith("-open") else colour("fill")
    if symbol.startswith("circle"):
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" {paint}/>'
    corners = _CORNERS.get(symbol.removesuffix("-open"), _CORNERS["square"])
    where = " ".join(f"{x + radius * dx:.1f},{y + radius * dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{where}" {paint}/>'


_CORNERS: Final = {
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "diamond": ((0, -1), (1, 0), (0, 1), (-1, 0)),
    "triangle-up": ((0, -1), (1, 1), (-1, 1)),
    "x": ((-1, -1), (0, -0.3), (1, -1), (0.3, 0), (1, 1), (0, 0.3), (-1, 1), (-0.3, 0)),
}


def _shapes(layout: Document, frame: Frame, *, below: bool) -> Iterator[str]:
    for shape in layout.get("shapes", ()):
        if (shape.get("layer") == "below") != below:
            continue
        x0, x1 = (_x(frame, shape, shape[key]) for key in ("x0", "x1"))
        y0, y1 = (_y(frame, shape, shape[key]) for key in ("y0", "y1"))
        if shape["type"] == "rect":
            left, top = max(min(x0, x1), frame.left), min(y0, y1)
            width = min(max(x0, x1), frame.right) - left
            if width > 0:
                fill = _colour(shape["fillcolor"])("fill")
                yield (
                    f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
                    f'height="{abs(y1 - y0):.1f}" {fill}/>'
                )
        else:
            line = shape["line"]
            dash = _DASHES.get(line.get("dash", ""), "")
            yield _line(x0, y0, x1, y1, line["color"], line.get("width", 1), dash)


def _x(frame: Frame, item: Document, value: Any) -> float:
    if item.get("xref") == "paper":
        return frame.left + float(value) * (frame.right - frame.left)
    return frame.x.power(float(value))


def _y(frame: Frame, item: Document, value: Any) -> float:
    if item.get("yref") == "paper":
        return frame.bottom - float(value) * (frame.bottom - frame.top)
    scale = frame.y_of(item, "yref")
    # Shapes stand in data units; annotations on a logarithmic axis in powers of ten.
    return scale.power(float(value)) if "text" in item else scale.at(float(value))


def _annotations(layout: Document, frame: Frame) -> Iterator[str]:
    anchors = {"left": "start", "right": "end", "center": "middle"}
    for note in layout.get("annotations", ()):
        x = _x(frame, note, note["x"]) + note.get("xshift", 0)
        y = _y(frame, note, note["y"]) - note.get("yshift", 0)
        y += {"top": 12, "bottom": -4}.get(note.get("yanchor", ""), 4)
        font = note.get("font", {})
        anchor = anchors.get(note.get("xanchor", "center"), "middle")
        weight = font.get("weight", 400)
        bold = f' font-weight="{weight}"' if weight != 400 else ""
        yield _text(x, y, html.unescape(note["text"]), font.get("color", "#434b54"), anchor, bold)


def _legend(layout: Document, data: Sequence[Document], frame: Frame) -> Iterator[str]:
    if not layout.get("showlegend"):
        return
    x = frame.left
    for trace in data:
        if trace.get("showlegend") is False or not trace.get("name"):
            continue
        tint = trace.get("fillcolor") or trace.get("line", {}).get("color", "#434b54")
        name = html.unescape(trace["name"])
        yield f'<rect x="{x:.1f}" y="4" width="10" height="10" {_colour(tint)("fill")}/>'
        yield _text(x + 14, 13, name, "#434b54", "start")
        x += 26 + 7 * len(name)


def _text(x: float, y: float, words: str, tint: str, anchor: str, more: str = "") -> str:
    shown = html.escape(words.replace("<br>", " "))
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{tint}"{more}>{shown}</text>'
    )


def _line(
    x0: float, y0: float, x1: float, y1: float, tint: str, width: float = 1, dash: str = ""
) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" '
        f'{_colour(tint)("stroke")} stroke-width="{width}"{dashed}/>'
    )


def _colour(tint: str) -> Callable[[str], str]:
    """`rgba(…)` as a colour and its opacity, which every reader of SVG understands."""
    if not tint.startswith("rgba("):
        return lambda name: f'{name}="{tint}"'
    red, green, blue, alpha = (part.strip() for part in tint[5:-1].split(","))
    return lambda name: f'{name}="rgb({red},{green},{blue})" {name}-opacity="{alpha}"'
