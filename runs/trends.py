"""One statistic over the runs of a project, from their stored reports: no samples are read."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from django.core.cache import caches
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
_READ_AT_ONCE: Final = 50  # reports
# What is shown of a run beside its figure.
_SHOWN: Final = (
    "campaign",
    "commit",
    "branch",
    "environment",
    "started_at",
    "validity",
    "verdict",
    "headline",
)
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
    statistic = _of_everything(statistic)
    atom = _atom(statistic)
    shown = runs.filter(processing=Run.Processing.READY)
    if not with_invalid:
        shown = shown.exclude(validity=Run.Validity.INVALID)
    newest = shown.order_by("-started_at", "-id").select_related(None).only(*_SHOWN)[:most]
    known = list(reversed(newest))
    figures = figures_of({statistic: known})
    lines: dict[Place, list[Point]] = {}
    for run in known:
        for place, figure in figures[statistic, run.pk]:
            lines.setdefault(place, []).append(Point(run, figure))
    return Trend(statistic, _UNITS[atom.statistic.measure], lines, _better(atom))


def _of_everything(statistic: str) -> str:
    is_bare = statistic.replace(".", "").replace("_", "").isalnum()
    return f"{statistic}(*)" if is_bare else statistic


Figures = list[tuple[Place, Figure]]


def figures_of(wanted: Mapping[str, Collection[Run]]) -> dict[tuple[str, UUID], Figures]:
    """What the reports of runs say of statistics, in one query for all that is not known yet.

    A report says the same until its digest changes, so that it is read once for a statistic.
    """
    kept = caches["figures"]
    pairs = {(name, run.pk): _key(name, run) for name, runs in wanted.items() for run in runs}
    known = kept.get_many([key for key in pairs.values() if key])
    found = {pair: known[key] for pair, key in pairs.items() if key in known}
    fresh = _read(pair for pair in pairs if pair not in found)
    kept.set_many({pairs[pair]: one for pair, one in fresh.items() if pairs[pair]}, timeout=None)
    return found | fresh


def _key(statistic: str, run: Run) -> str:
    """Empty for a run from before reports had digests: what it says is read each time."""
    digest = run.headline.get("digest")
    name = sha256(statistic.encode()).hexdigest()[:32]
    return f"{run.pk}:{digest}:{name}" if digest else ""


def _read(pairs: Iterable[tuple[str, UUID]]) -> dict[tuple[str, UUID], Figures]:
    """From the reports themselves."""
    asked: dict[UUID, list[str]] = {}
    for statistic, pk in pairs:
        asked.setdefault(pk, []).append(statistic)
    if not asked:
        return {}
    atoms = {name: _atom(name) for names in asked.values() for name in names}
    # As text, for a parser that takes a third of the time of Python's own.
    texts = Run.every.filter(pk__in=asked).annotate(text=Cast("report", TextField())).order_by()
    found: dict[tuple[str, UUID], Figures] = {}
    for pk, text in texts.values_list("pk", "text").iterator(chunk_size=_READ_AT_ONCE):
        report = from_json(text or "{}")
        for name in asked[pk]:
            part = _PARTS.get(atoms[name].statistic.kind, "series")
            found[name, pk] = list(_figures(atoms[name], report.get(part) or []))
    return found


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
