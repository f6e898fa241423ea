"""What an action's criterion measured, run after run, against its limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runs.analysis import wording
from runs.figures import chart
from runs.figures.chart import Chart, Figure, Table
from runs.figures.palette import colour

HEIGHT = 240
# Verdicts by shape as well as by colour.
_LOOKS = {
    "pass": ("circle", "green"),
    "fail": ("x", "vermillion"),
    "inconclusive": ("diamond-open", "orange"),
}
_OTHER = ("circle-open", "grey")


@dataclass(frozen=True)
class Measurement:
    """One judgement (an entry of the report's `criteria`) and the run it comes from."""

    run: str
    at: str
    judgement: Mapping[str, Any]

    @property
    def interval(self) -> tuple[float | None, float | None]:
        return wording.bounds(self.judgement.get("ci"))

    def value(self, column: str) -> float | None:
        found = self.judgement.get(column)
        return None if found is None else float(found)


def draw(key: str, criterion: str, measurements: Sequence[Measurement]) -> Chart:
    """`measurements` oldest first; those without a figure stand in the table only."""
    known = [entry for entry in measurements if entry.value("measured") is not None]
    table = _table(measurements)
    if not known:
        missing = "No run has measured this yet."
        return Chart(key, criterion, height=HEIGHT, missing=missing, table=table)
    note = "Measured value with its 95 % interval; the dashed line is the limit."
    return Chart(key, criterion, note, HEIGHT, _figure(known), table)


def _figure(known: Sequence[Measurement]) -> Figure:
    unit = str(known[-1].judgement.get("unit") or "")
    labels = [chart.plain(f"{entry.at} · {entry.run}") for entry in known]
    frame = chart.layout(
        HEIGHT,
        hovermode="closest",
        margin={"l": 56, "r": 16, "t": 16, "b": 48},
        xaxis=chart.axis(
            "",
            tickvals=list(range(len(labels))),
            ticktext=[label.replace(" ", "<br>", 1).rpartition(" · ")[0] for label in labels],
            tickangle=0,
            range=[-0.5, max(len(labels), 2) - 0.5],
        ),
        yaxis=chart.axis(unit or "value", rangemode="tozero"),
        annotations=_limit_words(known, unit),
    )
    return {"data": [_limits(known), _values(known, labels, unit)], "layout": frame}


def _values(known: Sequence[Measurement], labels: Sequence[str], unit: str) -> Figure:
    looks = [_LOOKS.get(str(entry.judgement.get("verdict")), _OTHER) for entry in known]
    values = [entry.value("measured") or 0.0 for entry in known]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "measured",
        "x": list(range(len(labels))),
        "text": list(labels),
        "y": chart.rounded(values),
        "line": {"color": colour("axis"), "width": 1},
        "marker": {
            "symbol": [symbol for symbol, _ in looks],
            "color": [colour(tint) for _, tint in looks],
            "size": 11,
        },
        "error_y": {
            "type": "data",
            "array": _distances(known, values, 1),
            "arrayminus": _distances(known, values, 0),
            "color": colour("ink-3"),
            "thickness": 1.5,
            "width": 5,
        },
        "customdata": [[str(entry.judgement.get("verdict"))] for entry in known],
        "hovertemplate": f"%{{text}}<br>%{{y:.4~g}} {chart.plain(unit)}<br>%{{customdata[0]}}"
        "<extra></extra>",
    }


def _distances(known: Sequence[Measurement], values: Sequence[float], end: int) -> list[Any]:
    ends = [entry.interval[end] for entry in known]
    return chart.rounded(
        0.0 if bound is None else abs(bound - value)
        for bound, value in zip(ends, values, strict=True)
    )


def _limits(known: Sequence[Measurement]) -> Figure:
    """A dashed step for each run: a limit relative to a baseline may differ between runs."""
    limits = [entry.value("limit") for entry in known]
    xs: list[float] = []
    ys: list[float | None] = []
    for index, limit in enumerate(limits):
        xs += [index - 0.5, index + 0.5 if index < len(limits) - 1 else index + 1.5]
        ys += [limit, limit]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "limit",
        "x": xs,
        "y": chart.rounded(ys),
        "line": {"color": colour("limit"), "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }


def _limit_words(known: Sequence[Measurement], unit: str) -> list[Figure]:
    limit = known[-1].value("limit")
    if limit is None:
        return []
    return [
        {
            "xref": "paper",
            "x": 0,
            "xanchor": "left",
            "xshift": 4,
            "y": limit,
            "yanchor": "bottom",
            "text": f"limit {wording.measured(limit, unit)}",
            "showarrow": False,
            "font": {"color": colour("ink-2"), "size": 12},
        }
    ]


def _table(measurements: Sequence[Measurement]) -> Table:
    head = ("Started", "Run", "Measured", "95 % interval", "Limit", "Verdict", "Reason")
    return Table(head, tuple(_row(entry) for entry in reversed(measurements)))


def _row(entry: Measurement) -> tuple[str, ...]:
    unit = str(entry.judgement.get("unit") or "")
    low, high = entry.interval
    span = f"{wording.measured(low, unit)} to {wording.measured(high, unit)}"
    return (
        entry.at,
        entry.run,
        wording.measured(entry.value("measured"), unit),
        span if low is not None else wording.UNKNOWN,
        wording.measured(entry.value("limit"), unit),
        wording.name(str(entry.judgement.get("verdict") or "none")),
        str(entry.judgement.get("reason") or ""),
    )
