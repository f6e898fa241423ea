"""One statistic over the runs of a project, from their stored reports: no samples are read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from pydantic_core import from_json

from runs.analysis import criteria
from runs.analysis.criteria import CriterionError
from runs.analysis.criteria.expression import Atom
from runs.errors import Fault, RefusedError
from runs.models import Run

Better = Literal["lower", "higher"]

MOST_RUNS: Final = 500
_PLATEAU: Final = "plateau"
_UNITS: Final = {"time": "ms", "share": "", "rate": "/s", "number": ""}
_FLOWS: Final = {"throughput": "throughput_rps", "goodput": "goodput_rps"}
_HIGHER_IS_BETTER: Final = ("throughput", "goodput", "capacity", "headroom")
# Where in the report a statistic stands.
_PARTS: Final = {"saturation": "saturation", "probe": "probes"}


class Place(NamedTuple):
    """What a line of the trend is about; None where that does not narrow it."""

    scenario: str | None
    step: str | None
    phase: str | None


@dataclass(frozen=True)
class Figure:
    """A statistic of one run, its 95 % interval where the report holds one, and of how many."""

    value: float | None
    ci: tuple[float | None, float | None] | None = None
    count: int | None = None


@dataclass(frozen=True)
class Point:
    run: Run
    figure: Figure


@dataclass(frozen=True)
class Trend:
    """`lines` hold the oldest run first."""

    statistic: str
    unit: str
    lines: Mapping[Place, list[Point]] = field(default_factory=dict)
    better: Better | None = None


def of(runs: QuerySet[Run], statistic: str, most: int, *, with_invalid: bool = False) -> Trend:
    """The newest `most` of the runs that are ready and, unless asked for, not invalid.

    `statistic` is written as in a criterion, without its limit: p95(chat/send_message@plateau).
    A name alone, p95, is that of every scenario and step.
    """
    statistic = (
        statistic if "(" in statistic or not statistic.strip() else f"{statistic.strip()}(*)"
    )
    atom = _atom(statistic)
    part = _PARTS.get(atom.statistic.kind, "series")
    shown = runs.filter(processing=Run.Processing.READY)
    if not with_invalid:
        shown = shown.exclude(validity=Run.Validity.INVALID)
    newest = list(shown.order_by("-started_at", "-id").values_list("pk", flat=True)[:most])
    # As text, for a parser that takes a third of the time of Python's own.
    texts = Run.objects.filter(pk__in=newest).annotate(text=Cast("report", TextField()))
    lines: dict[Place, list[Point]] = {}
    for run in texts.defer(*Run.DOCUMENTS).order_by("started_at", "pk"):
        report = from_json(vars(run)["text"] or "{}")
        for place, figure in _figures(atom, report.get(part, [])):
            lines.setdefault(place, []).append(Point(run, figure))
    return Trend(statistic, _UNITS[atom.statistic.measure], lines, _better(atom))


def _of_everything(statistic: str) -> str:
    is_bare = statistic.replace(".", "").replace("_", "").isalnum()
    return f"{statistic}(*)" if is_bare else statistic


def _better(atom: Atom) -> Better | None:
    """In which direction the statistic improves; None where that is nobody's to say."""
    if atom.statistic.kind == "probe" or atom.statistic.name == "count":
        return None
    return "higher" if atom.statistic.name in _HIGHER_IS_BETTER else "lower"


def _atom(text: str) -> Atom:
    """A criterion without its limit is read as one with a limit that any statistic can have."""
    if not text.strip():
        raise _unreadable(text, "it is empty", 1)
    try:
        expression = criteria.parse(f"{text} >= baseline").expression
    except CriterionError as error:
        # The sign that was added here is none of the user's.
        raise _unreadable(text, error.message.removeprefix("found '>'. "), error.column) from error
    if not isinstance(expression, Atom):
        raise _unreadable(text, "one statistic is expected, not several", 1)
    return expression


def _unreadable(text: str, message: str, column: int) -> RefusedError:
    return RefusedError(
        "statistic_unreadable",
        f"'{text[:100]}' is no statistic, column {column}: {message}",
        [Fault("query.statistic", "such as p95(chat/send_message@plateau) is expected")],
    )


def _figures(atom: Atom, rows: list[dict[str, Any]]) -> Iterator[tuple[Place, Figure]]:
    """Of one run: its rows of the report that the statistic names, and what they say."""
    if atom.statistic.kind == "saturation":
        yield from _capacities(atom, rows)
    elif atom.statistic.kind == "probe":
        yield from _probes(atom, rows)
    else:
        for row in _named(atom, rows):
            yield Place(row["scenario"], row["step"], row["phase"]), _figure(atom, row)


def _named(atom: Atom, rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    wanted = atom.selector
    judged = [row for row in rows if not row["pooled"] and _is(wanted.name, row["scenario"])]
    for row in judged:
        phase = wanted.phase.text if wanted.phase else _default_phase(judged, row["scenario"])
        if row["phase"] == phase and _is(wanted.step, row["step"]):
            yield row


def _is(name: Any, found: str | None) -> bool:
    return name is None or name.is_any or name.text == found


def _default_phase(rows: list[dict[str, Any]], scenario: str) -> str | None:
    """The plateau, or the only phase that there is, as in criteria."""
    phases = {row["phase"] for row in rows if row["scenario"] == scenario}
    if _PLATEAU in phases:
        return _PLATEAU
    return phases.pop() if len(phases) == 1 else None


def _figure(atom: Atom, row: dict[str, Any]) -> Figure:
    statistic, count = atom.statistic, row["count"]
    if statistic.kind == "percentile":
        name = statistic.name.removeprefix(f"{statistic.time}_").replace(".", "_")
        times = row[f"{statistic.time}_ms"] or {}
        ci = (times.get("ci") or {}).get(name)
        return Figure(times.get(name), tuple(ci) if ci else None, count)
    if statistic.kind in ("mean", "max"):
        return Figure(row["ok_ms"][statistic.name], None, count)
    return Figure(row[_FLOWS.get(statistic.name, statistic.name)], None, count)


def _capacities(atom: Atom, rows: list[dict[str, Any]]) -> Iterator[tuple[Place, Figure]]:
    for row in rows:
        if row["scenario"] is None or not _is(atom.selector.name, row["scenario"]):
            continue
        if atom.statistic.name == "headroom":
            known = row["headroom"] or {"ratio": None, "ci": None}
            figure = Figure(known["ratio"], _pair(known["ci"]))
        else:
            figure = Figure(row["capacity_jps"], _pair(row["ci_jps"]))
        yield Place(row["scenario"], None, None), figure


def _pair(ci: list[float | None] | None) -> tuple[float | None, float | None] | None:
    return (ci[0], ci[1]) if ci else None


def _probes(atom: Atom, rows: list[dict[str, Any]]) -> Iterator[tuple[Place, Figure]]:
    """The report keeps metrics over the whole run only."""
    if atom.selector.phase is not None:
        raise RefusedError(
            "statistic_unreadable",
            "The trend of a metric is that of whole runs; leave the phase away.",
            [Fault("query.statistic", f"{atom.statistic.name}(METRIC) is expected")],
        )
    which = "max" if atom.statistic.name == "probe_max" else "mean"
    for row in rows:
        if _is(atom.selector.name, row["metric"]):
            yield Place(None, row["metric"], None), Figure((row["during"] or {}).get(which))
