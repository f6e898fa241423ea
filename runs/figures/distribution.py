"""How response times are spread: over time as a heatmap, and as a percentile spectrum."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from runs.analysis import wording
from runs.analysis.distribution import Distribution, Heatmap, SpectrumPoint
from runs.figures import chart
from runs.figures.chart import Chart, Figure, Table
from runs.figures.palette import colour, heat, series_colours
from runs.figures.timeline import AXIS, Clock, Document, shading

HEIGHT: Final = 320
MOST_LINES: Final = 8
_MARGIN_PX: Final = 64
_NINES: Final = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)


def heatmap(key: str, found: Heatmap, clock: Clock, bands: Sequence[Document]) -> Chart:
    """Darker where more requests took that long; on the time axis of the other charts."""
    title = "Latency heatmap: how many requests took how long, over time"
    if not found.counts:
        missing = "No request got its expected answer."
        return Chart(key, title, height=HEIGHT, missing=missing)
    note = "The stronger the colour, the more requests. A triangle at the top: requests without "
    note += "their expected answer."
    figure = _heat(found, clock, bands)
    return Chart(key, title, note, HEIGHT, figure, _heat_table(found), axis=AXIS)


def _heat(found: Heatmap, clock: Clock, bands: Sequence[Document]) -> Figure:
    times = [at / clock.per for at in [*found.t_s, found.t_s[-1] + found.bin_s]]
    edges = chart.rounded(found.edges_ms)
    low, high = found.edges_ms[0], found.edges_ms[-1]
    shapes, names = shading(bands, clock)
    most = max(max(row) for row in found.counts)
    trace = {
        "type": "heatmap",
        "name": "requests",
        "x": chart.rounded(times),
        "y": edges,
        # The logarithm, so that the few slow ones are seen beside the many quick ones.
        "z": [[round(math.log10(n), 3) if n else None for n in row] for row in found.counts],
        "customdata": [list(row) for row in found.counts],
        "zmin": -0.3,
        "zmax": math.log10(most),
        "colorscale": heat(),
        "showscale": False,
        "hovertemplate": "%{customdata} requests took about %{y:.3~g} ms<extra></extra>",
    }
    data = [trace, *_lost(found, clock, high)]
    axis = chart.log_axis("response time, ms", low, high)
    layout = chart.layout(
        HEIGHT,
        hovermode="closest",
        xaxis=clock.axis,
        yaxis=axis | {"showgrid": False},
        shapes=shapes,
        annotations=names,
    )
    return {"data": data, "layout": layout}


def _lost(found: Heatmap, clock: Clock, high: float) -> list[Figure]:
    at = [(start, lost) for start, lost in zip(found.t_s, found.unanswered, strict=True) if lost]
    if not at:
        return []
    middles = [(start + found.bin_s / 2) / clock.per for start, _ in at]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "without an expected answer",
            "x": chart.rounded(middles),
            "y": [float(f"{high * 1.1:.4g}")] * len(at),
            "customdata": [lost for _, lost in at],
            "marker": {"symbol": "triangle-up", "size": 7, "color": colour("server_error")},
            "cliponaxis": False,
            "hovertemplate": "%{customdata} without their expected answer<extra></extra>",
        }
    ]


def _heat_table(found: Heatmap) -> Table:
    """The response times at which the requests lie, over the whole of the picture."""
    total = sum(sum(row) for row in found.counts)
    rows = tuple(
        (wording.span_ms(low, high), f"{sum(row):,}", wording.percent(sum(row) / (total or 1)))
        for (low, high), row in zip(pairwise(found.edges_ms), found.counts, strict=True)
        if any(row)
    )
    return Table(("Response time", "Requests", "Share"), rows)


def spectrum(key: str, lines: Sequence[Distribution]) -> Chart:
    """Response times over the share that was answered within them, on an axis of nines."""
    title = "Percentile spectrum: within what time which share was answered"
    drawn = [line for line in lines if _points(line)][:MOST_LINES]
    if not drawn:
        return Chart(key, title, height=HEIGHT, missing="No request got its expected answer.")
    note = "Each tick to the right is one nine more; hollow marks rest on fewer than ten samples. "
    note += "A line ends where the percentile falls among requests without their expected answer."
    return Chart(key, title, note, HEIGHT, _spectrum(drawn), _spectrum_table(drawn))


def _points(line: Distribution) -> list[SpectrumPoint]:
    return [point for point in line.spectrum if point.ms is not None and point.ms > 0]


def _place(q: float, count: int) -> float:
    """Where a quantile stands: 0 at 0 %, 1 at 90 %, 2 at 99 %; the maximum at its own rank."""
    return math.log10(max(count, 1)) if q >= 1 else -math.log10(1 - q)


def _name(line: Distribution) -> str:
    return f"{line.step} @ {line.phase}"


def _labels(lines: Sequence[Distribution]) -> list[str]:
    """What tells the lines apart, and no more: on a phone there is room for little."""
    if len({line.step for line in lines}) == 1:
        return [line.phase for line in lines]
    if len({line.phase for line in lines}) == 1:
        return [line.step for line in lines]
    return [_name(line) for line in lines]


def _spectrum(lines: Sequence[Distribution]) -> Figure:
    known = [point.ms for line in lines for point in _points(line) if point.ms is not None]
    low, high = min(known), max(known)
    right = max(_place(line.spectrum[-1].q, line.count) for line in lines)
    tints = series_colours(_name(line) for line in lines)
    ticks = [q for q in _NINES if _place(q, 0) <= right]
    yaxis = chart.log_axis("response time, ms", low, high)
    ends = [
        (label, _points(line)[-1].ms, tints[_name(line)])
        for label, line in zip(_labels(lines), lines, strict=True)
    ]
    layout = chart.layout(
        HEIGHT,
        hovermode="closest",
        margin={"l": 56, "r": 140, "t": 40, "b": 40},
        xaxis=chart.axis(
            "share of the requests, axis of nines",
            range=[0, right * 1.02],
            tickvals=[round(_place(q, 0), 4) for q in ticks],
            ticktext=[f"{q * 100:.6g} %" for q in ticks],
        ),
        yaxis=yaxis,
        annotations=chart.end_labels(
            ends, (low * 0.8, high * 1.25), HEIGHT - _MARGIN_PX - 16, log=True
        ),
    )
    return {"data": [_line(line, tints[_name(line)]) for line in lines], "layout": layout}


def _line(line: Distribution, tint: str) -> Figure:
    points = _points(line)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": chart.plain(_name(line)),
        "x": chart.rounded(_place(point.q, line.count) for point in points),
        "y": chart.rounded(point.ms for point in points),
        "customdata": [_share(point.q) for point in points],
        "line": {"color": tint, "width": 1.75},
        "marker": {
            "size": 5,
            "color": tint,
            "symbol": ["circle-open" if point.few else "circle" for point in points],
        },
        "hovertemplate": "%{customdata}: %{y:.4~g} ms<extra>"
        + chart.plain(_name(line))
        + "</extra>",
    }


def _share(q: float) -> str:
    return "the slowest" if q >= 1 else f"{q * 100:.6g} % within"


def _spectrum_table(lines: Sequence[Distribution]) -> Table:
    wanted = (0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
    head = ("Step and phase", "Requests", "p50", "p90", "p95", "p99", "p99.9", "the slowest")
    return Table(head, tuple(_spectrum_row(line, wanted) for line in lines))


def _spectrum_row(line: Distribution, wanted: Sequence[float]) -> tuple[str, ...]:
    known = {point.q: point for point in line.spectrum}
    cells = [
        wording.milliseconds(known[q].ms) if q in known and not (known[q].few and q < 1) else "–"
        for q in wanted
    ]
    return (_name(line), f"{line.count:,}", *cells)


def modes_sentence(line: Distribution) -> str:
    """'quote @ stage_06 has 2 humps: 78 % around 45 ms, 22 % around 2.1 s'; empty for one."""
    if len(line.modes) < 2:
        return ""
    humps = ", ".join(
        f"{wording.percent(one.share)} around {wording.milliseconds(one.ms)}" for one in line.modes
    )
    return f"{_name(line)} has {len(line.modes)} humps: {humps}."
