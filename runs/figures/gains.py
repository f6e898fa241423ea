"""Expected against reached gain: a mark an action, and the line on which both are the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from runs.analysis import wording
from runs.figures import chart
from runs.figures.chart import Chart, Table
from runs.figures.palette import colour

HEIGHT: Final = 320


@dataclass(frozen=True)
class Estimate:
    """`expected` and `reached` are after / before; 0.7 is 30 % less."""

    ref: str
    expected: float
    reached: float
    statistic: str


def draw(estimates: Sequence[Estimate]) -> Chart:
    title = "Expected and reached change"
    table = Table(
        ("Action", "Statistic", "Expected", "Reached"),
        tuple(
            (one.ref, one.statistic, wording.change(one.expected), wording.change(one.reached))
            for one in estimates
        ),
    )
    if not estimates:
        missing = "No action with an estimate has been measured yet."
        return Chart("gains", title, height=HEIGHT, missing=missing, table=table)
    note = "On the dashed line what was expected came; the axes are the change in per cent."
    xs = chart.rounded((one.expected - 1) * 100 for one in estimates)
    ys = chart.rounded((one.reached - 1) * 100 for one in estimates)
    every = [value for value in (*xs, *ys, 0.0) if value is not None]
    low, high = min(every) - 10, max(every) + 10
    figure = {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "x": [low, high],
                "y": [low, high],
                "line": {"color": colour("limit"), "width": 1.5, "dash": "dash"},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "mode": "markers+text",
                "x": xs,
                "y": ys,
                "text": [chart.plain(one.ref) for one in estimates],
                "textposition": "top center",
                "marker": {"size": 11, "color": colour("blue")},
                "customdata": [[chart.plain(one.statistic)] for one in estimates],
                "hovertemplate": "%{text}, %{customdata[0]}<br>expected %{x:+.3~g} %"
                "<br>reached %{y:+.3~g} %<extra></extra>",
            },
        ],
        "layout": chart.layout(
            HEIGHT,
            hovermode="closest",
            margin={"l": 64, "r": 24, "t": 24, "b": 48},
            xaxis=chart.axis("expected change, %", range=[low, high]),
            yaxis=chart.axis("reached change, %", range=[low, high]),
        ),
    }
    return Chart("gains", title, note, HEIGHT, figure, table)
