"""What every figure is made of: a title, a Plotly document as a plain dict, and its table.

Figures are plain dicts, not plotly's objects: fifty times faster to build, and as valid.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from runs.figures.palette import colour

Figure = dict[str, Any]
FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"
# The mode bar without the button that would send a figure to somebody else's server.
CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "responsive": True,
    "scrollZoom": False,
    "doubleClick": "reset",
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
}
_LONGEST = 60


@dataclass(frozen=True)
class Table:
    """The same figures as words; cells are text, escaped by whoever prints them."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Chart:
    """A figure with what a page says around it.

    `figure` is None where there is nothing to draw; `missing` then says why. Without a `table`
    the page's script writes one from the traces (long time series). Charts of one `axis` share
    their zoom.
    """

    key: str
    title: str
    note: str = ""
    height: int = 280
    figure: Figure | None = None
    table: Table | None = None
    missing: str = ""
    axis: str = ""


def plain(text: object) -> str:
    """Text from outside, harmless in a figure: plotly reads a subset of HTML in every label."""
    words = str(text)
    if len(words) > _LONGEST:
        words = words[: _LONGEST - 1] + "…"
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def layout(height: int, **more: Any) -> Figure:
    """The frame that all figures share; `more` goes over it."""
    base: Figure = {
        "height": height,
        "autosize": True,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 12, "color": colour("ink-2")},
        "margin": {"l": 56, "r": 84, "t": 24, "b": 40},
        "showlegend": False,
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": colour("surface"),
            "bordercolor": colour("axis"),
            "font": {"family": FONT, "size": 12, "color": colour("ink")},
        },
        "shapes": [],
        "annotations": [],
    }
    return base | more


def axis(title: str, **more: Any) -> Figure:
    """A quiet axis: a light grid, no frame, its unit in the title."""
    base: Figure = {
        "title": {"text": title, "standoff": 8, "font": {"color": colour("ink-3"), "size": 12}},
        "gridcolor": colour("grid"),
        "linecolor": colour("axis"),
        "tickcolor": colour("axis"),
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "automargin": False,
        "fixedrange": False,
        "hoverformat": ".4~g",
    }
    return base | more


def log_axis(title: str, low: float, high: float) -> Figure:
    """A logarithmic axis that says so, with ticks at 1, 2 and 5 only."""
    ticks = _one_two_five(low, high)
    return axis(
        f"{title}, log scale",
        type="log",
        tickvals=ticks,
        ticktext=[f"{tick:,.10g}" for tick in ticks],
        range=[math.log10(low * 0.8), math.log10(high * 1.25)],
    )


def _one_two_five(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if math.log10(high / low) < 2.5 else (1,)
    every = (step * 10.0**power for power in powers for step in steps)
    return [tick for tick in every if low * 0.8 <= tick <= high * 1.25]


def end_labels(
    ends: Iterable[tuple[str, float | None, str]],
    span: tuple[float, float],
    pixels: int,
    *,
    log: bool = False,
    yref: str = "y",
) -> list[Figure]:
    """Names at the ends of lines, pushed apart where they would overlap.

    `ends` are (name, last value, colour); `span` is the axis' range in data units and `pixels`
    its length. A name stands in ink beside a dot in the line's colour, so that it can be read.
    """
    known = [(name, value, tint) for name, value, tint in ends if value is not None]
    heights = [_height(value, span, pixels, log) for _, value, _ in known]
    labels: list[Figure] = []
    for (name, value, tint), shift in zip(known, _spread(heights), strict=True):
        at = math.log10(value) if log else value
        labels.append(_end("●", at, shift, 6, tint, yref))
        labels.append(_end(plain(name), at, shift, 20, colour("ink-2"), yref))
    return labels


def _end(text: str, at: float, yshift: float, xshift: float, tint: str, yref: str) -> Figure:
    """Two annotations a line: inline colours would need style attributes, which pages forbid."""
    return {
        "xref": "paper",
        "x": 1,
        "xanchor": "left",
        "xshift": xshift,
        "yref": yref,
        "y": at,
        "yshift": yshift,
        "text": text,
        "showarrow": False,
        "font": {"size": 12, "color": tint},
    }


def _height(value: float, span: tuple[float, float], pixels: int, log: bool) -> float:
    low, high = span
    if log:
        value, low, high = math.log10(value), math.log10(low), math.log10(high)
    return (value - low) / ((high - low) or 1) * pixels


def _spread(heights: Sequence[float], gap: float = 16) -> list[float]:
    """Shifts in pixels that leave `gap` between neighbours, from the lowest upwards."""
    shifts = [0.0] * len(heights)
    floor = -math.inf
    for index in sorted(range(len(heights)), key=heights.__getitem__):
        at = max(heights[index], floor)
        shifts[index] = at - heights[index]
        floor = at + gap
    return shifts


def vertical_band(low: float, high: float, fill: str, **more: Any) -> Figure:
    """A band over the whole height of the figure."""
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": low,
        "x1": high,
        "y0": 0,
        "y1": 1,
        "fillcolor": fill,
        "line": {"width": 0},
        "layer": "below",
    } | more


def vertical_line(at: float, tint: str, dash: str = "solid", width: float = 2) -> Figure:
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": 1,
        "line": {"color": tint, "width": width, "dash": dash},
    }


def horizontal_line(at: float, tint: str, dash: str = "dash", yref: str = "y") -> Figure:
    return {
        "type": "line",
        "xref": "paper",
        "yref": yref,
        "x0": 0,
        "x1": 1,
        "y0": at,
        "y1": at,
        "line": {"color": tint, "width": 1.5, "dash": dash},
    }


def rounded(values: Iterable[float | None]) -> list[float | None]:
    """Four significant digits: what a chart can show, in a third of the bytes."""
    return [
        None if value is None or not math.isfinite(value) else float(f"{value:.4g}")
        for value in values
    ]
