"""The figures of a run: one row for each scenario, step and phase, and the pooled rows.

Defined in docs/reading-results.md. Everything is exact: percentiles are nearest ranks over
integer microseconds, rates are counts over the length of the phase less its declared warm-up.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain
from operator import add
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from runs.analysis import cells, columns, intervals, percentiles
from runs.analysis.cells import Cell, Cells, Span
from runs.analysis.columns import NO_TOKEN, OK, Key, Micros
from runs.analysis.estimate import Estimate
from runs.analysis.outcomes import FAILED, OUTCOMES, UNDECLARED, UNRANKED, UNSENT
from runs.analysis.percentiles import QUANTILES, Spread
from runs.analysis.plan import Plan
from runs.analysis.run_data import RunData

Interval = tuple[float | None, float | None]
LoadModel = Literal["open", "closed", "mixed"]

INTERVALS: Final = ("p50", "p95", "p99")  # the percentiles of response_ms that carry one

_IS_UNSENT: Final = columns.table(UNSENT)
_IS_UNDECLARED: Final = columns.table(UNDECLARED)
_IS_UNRANKED: Final = columns.table(UNRANKED)


@dataclass(frozen=True)
class Response:
    """The headline: response times in ms of everything that was due but not refused.

    Requests without their expected answer rank above every finite time: a percentile that falls
    among them is null, and `unanswered` is their share. `few` names the percentiles with fewer
    than ten samples beyond them, `ci` holds 95 % intervals.
    """

    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p99_9: float | None
    unanswered: float | None
    few: tuple[str, ...]
    ci: dict[str, Interval | None]


@dataclass(frozen=True)
class ClassTimes:
    """The response times in ms of one class of statuses, such as 2xx."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True)
class Series:
    """One row of the report's `series`; rates per second, shares of 1, times in ms.

    `scenario`, `step` and `phase` are null where the row pools all of them. `model` says how the
    load was put on: figures of an open and of a closed model are never compared. It is null
    where the plan does not know the phase.
    """

    scenario: str | None
    step: str | None
    phase: str | None
    pooled: bool
    window_us: tuple[int, int]
    count: int
    outcomes: dict[str, int]
    statuses: dict[str, int]
    offered_rps: float | None
    throughput_rps: float | None
    goodput_rps: float | None
    error_rate: float | None
    refusal_rate: float | None
    rate_4xx: float | None
    rate_5xx: float | None
    drop_rate: float | None
    retry_rate: float | None
    response_ms: Response
    ok_ms: Spread
    service_ms: Spread
    all_ms: Spread
    first_token_ms: Spread | None
    dispatch_delay_ms: Spread
    by_class: dict[str, ClassTimes]
    model: LoadModel | None = None


def rows(data: RunData) -> tuple[Series, ...]:
    """Every scenario, step and phase in the plan's order, then the pooled rows.

    A step that had no request in one of its scenario's phases has a row with a count of 0.
    """
    table = cells.of(data)
    build = _Build(table, data.plan)
    judged = [build.row(*key, keys=(key,)) for key in build.keys]
    return (*judged, *_pooled(build, table))


def _keys(table: Cells) -> list[Key]:
    return [
        Key(scenario, step, phase)
        for scenario, steps in table.steps.items()
        for step in steps
        for phase in table.phases(scenario)
    ]


def _pooled(build: "_Build", table: Cells) -> Iterable[Series]:
    for scenario, steps in table.steps.items():
        for phase in table.phases(scenario):
            yield build.row(scenario, None, phase, [Key(scenario, step, phase) for step in steps])
        for step in steps:
            keys = [Key(scenario, step, phase) for phase in table.phases(scenario)]
            yield build.row(scenario, step, None, keys)
        yield build.row(scenario, None, None, [key for key in build.keys if key[0] == scenario])
    if table.steps:
        yield build.row(None, None, None, build.keys)


@dataclass(frozen=True)
class _Part:
    """What a row adds up: counts, and the times in microseconds as arrays of one cell each."""

    counts: Micros = field(default_factory=lambda: np.zeros(len(OUTCOMES), dtype=np.int64))
    statuses: Counter[int] = field(default_factory=Counter)
    undeclared: Counter[int] = field(default_factory=Counter)  # by class: 4 and 5
    retries: int = 0
    ok: tuple[Micros, ...] = ()
    service: tuple[Micros, ...] = ()
    sent: tuple[Micros, ...] = ()
    delay: tuple[Micros, ...] = ()
    first_token: tuple[Micros, ...] = ()
    by_class: Mapping[int, tuple[Micros, ...]] = field(default_factory=dict)

    def __add__(self, other: "_Part") -> "_Part":
        return _Part(
            self.counts + other.counts,
            self.statuses + other.statuses,
            self.undeclared + other.undeclared,
            self.retries + other.retries,
            self.ok + other.ok,
            self.service + other.service,
            self.sent + other.sent,
            self.delay + other.delay,
            self.first_token + other.first_token,
            {
                name: self.by_class.get(name, ()) + other.by_class.get(name, ())
                for name in sorted({*self.by_class, *other.by_class})
            },
        )


def _part(cell: Cell | None) -> _Part:
    if cell is None:
        return _Part()
    response, service = cell.ended_us - cell.due_us, cell.ended_us - cell.started_us
    is_ok = cell.outcome == OK
    is_sent = ~_IS_UNSENT[cell.outcome]
    undeclared = cell.status[_IS_UNDECLARED[cell.outcome]] // 100
    return _Part(
        counts=np.bincount(cell.outcome, minlength=len(OUTCOMES)),
        statuses=_counted(cell.status[cell.status >= 0]),
        undeclared=_counted(undeclared),
        retries=cell.retries,
        ok=(response[is_ok],),
        service=(service[is_ok],),
        sent=((cell.ended_us - cell.all_from_us)[is_sent],),
        delay=((cell.started_us - cell.due_us)[is_sent & cell.is_timed],),
        first_token=_first_tokens(cell, is_ok),
        by_class=_by_class(cell, response),
    )


def _counted(values: NDArray[np.integer[Any]]) -> Counter[int]:
    names, counts = np.unique(values, return_counts=True)
    return Counter(dict(zip(names.tolist(), counts.tolist(), strict=True)))


def _first_tokens(cell: Cell, is_ok: NDArray[np.bool_]) -> tuple[Micros, ...]:
    """Empty where no answer was a stream."""
    has = is_ok & (cell.first_token_us != NO_TOKEN)
    return ((cell.first_token_us - cell.due_us)[has],) if has.any() else ()


def _by_class(cell: Cell, response: Micros) -> dict[int, tuple[Micros, ...]]:
    classes = cell.status // 100
    return {int(one): (response[classes == one],) for one in np.unique(classes[cell.status >= 0])}


class _Build:
    """Rows from parts. What is spread over the same cells is worked out once: a scenario of one
    step, or of one phase, pools nothing."""

    def __init__(self, table: Cells, plan: Plan) -> None:
        self._table = table
        self._plan = plan
        self._parts = {key: _part(table.cells.get(key)) for key in _keys(table)}
        self._known: dict[tuple[Key, ...], dict[str, Any]] = {}

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(self._parts)

    def row(
        self, scenario: str | None, step: str | None, phase: str | None, keys: Sequence[Key]
    ) -> Series:
        part = reduce(add, (self._parts[key] for key in keys), _Part())
        spans = self._spans(scenario, phase)
        is_cell = None not in (scenario, step, phase)
        return Series(
            scenario=scenario,
            step=step,
            phase=phase,
            pooled=not is_cell,
            window_us=(spans[0][0], spans[-1][1]) if spans else (0, 0),
            **_counts(part),
            **_rates(part),
            **self._speeds(part, spans, keys, phase),
            response_ms=_response(part, self._intervals(keys[0]) if is_cell else {}),
            **self._times(tuple(keys), part),
            model=self._model(scenario, phase),
        )

    def _model(self, scenario: str | None, phase: str | None) -> LoadModel | None:
        models = {
            one.model
            for one in self._plan.phases
            if scenario in (None, one.scenario) and phase in (None, one.phase)
        }
        return "mixed" if len(models) > 1 else next(iter(models), None)

    def _spans(self, scenario: str | None, phase: str | None) -> tuple[Span, ...]:
        if scenario is None:
            return cells.merged(chain.from_iterable(self._table.windows.values()))
        if phase is None:
            return self._table.spans(scenario)
        return cells.merged(self._table.windows[scenario, phase])

    def _speeds(
        self, part: _Part, spans: Sequence[Span], keys: Sequence[Key], phase: str | None
    ) -> dict[str, Any]:
        answered = good = 0
        for scenario, step in {key[:2] for key in keys}:
            arrivals = self._table.arrivals[scenario, step]
            more = arrivals.within(self._spans(scenario, phase))
            answered, good = answered + more[0], good + more[1]
        length_s = cells.length_s(spans)
        return {
            "offered_rps": _ratio(int(part.counts.sum()), length_s),
            "throughput_rps": _ratio(answered, length_s),
            "goodput_rps": _ratio(good, length_s),
        }

    def _intervals(self, key: Key) -> dict[str, Interval | None]:
        cell = self._table.cells.get(key)
        if cell is None:
            return {}
        ranked = ~_IS_UNRANKED[cell.outcome]
        values = np.where(cell.outcome == OK, (cell.ended_us - cell.due_us) / 1000, np.inf)
        found = intervals.quantiles(
            values[ranked],
            cell.due_us[ranked] / 1e6,
            tuple(QUANTILES[name] for name in INTERVALS),
        )
        return dict(zip(INTERVALS, map(_interval, found), strict=True))

    def _times(self, keys: tuple[Key, ...], part: _Part) -> dict[str, Any]:
        if keys not in self._known:
            self._known[keys] = _times(part)
        return self._known[keys]


def _counts(part: _Part) -> dict[str, Any]:
    return {
        "count": int(part.counts.sum()),
        "outcomes": dict(zip(OUTCOMES, part.counts.tolist(), strict=True)),
        "statuses": {str(status): part.statuses[status] for status in sorted(part.statuses)},
    }


def _rates(part: _Part) -> dict[str, Any]:
    of = dict(zip(OUTCOMES, part.counts.tolist(), strict=True))
    count = sum(of.values())
    judged = count - of["dropped"] - of["generator_error"] - of["cut"]
    return {
        "error_rate": _ratio(sum(of[name] for name in FAILED), judged),
        "refusal_rate": _ratio(of["refused"], judged),
        "rate_4xx": _ratio(part.undeclared[4], judged),
        "rate_5xx": _ratio(part.undeclared[5], judged),
        "drop_rate": _ratio(of["dropped"], count),
        "retry_rate": _ratio(part.retries, judged),
    }


def _ratio(part: int, whole: float) -> float | None:
    return part / whole if whole else None


def _response(part: _Part, ci: dict[str, Interval | None]) -> Response:
    """The finite times are those of `ok`; everything else that is ranked stands above them."""
    ok_us = _joined(part.ok)
    unranked = int(part.counts[_IS_UNRANKED].sum())
    ranked = int(part.counts.sum()) - unranked
    ranks = {name: percentiles.rank(ranked, q) for name, q in QUANTILES.items()}
    found = percentiles.at_ranks(ok_us, ranks.values()) if ranked else {}
    return Response(
        **{name: found.get(rank) for name, rank in ranks.items()},
        unanswered=_ratio(ranked - len(ok_us), ranked),
        few=percentiles.few(ranked),
        ci={name: ci.get(name) for name in INTERVALS},
    )


def _interval(estimate: Estimate) -> Interval | None:
    return (_finite(estimate.low), _finite(estimate.high)) if estimate.has_interval else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _times(part: _Part) -> dict[str, Any]:
    token = _joined(part.first_token)
    return {
        "ok_ms": percentiles.spread(_joined(part.ok)),
        "service_ms": percentiles.spread(_joined(part.service)),
        "all_ms": percentiles.spread(_joined(part.sent)),
        "first_token_ms": percentiles.spread(token) if len(token) else None,
        "dispatch_delay_ms": percentiles.spread(_joined(part.delay)),
        "by_class": {f"{name}xx": _class_times(part.by_class[name]) for name in part.by_class},
    }


def _class_times(parts: tuple[Micros, ...]) -> ClassTimes:
    spread = percentiles.spread(_joined(parts))
    return ClassTimes(sum(map(len, parts)), spread.p50, spread.p95, spread.p99)


def _joined(parts: Sequence[Micros]) -> Micros:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
