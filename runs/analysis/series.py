"""The figures of a run: one row for each scenario, step and phase, and the pooled rows.

Defined in docs/reading-results.md. Everything is exact: percentiles are nearest ranks over
integer microseconds, rates are counts over the length of the phase less its declared warm-up.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from runs.analysis import cells, columns, histogram, intervals, ordered, percentiles
from runs.analysis.cells import Cell, Cells, Span
from runs.analysis.columns import NO_TOKEN, OK, Key, Micros
from runs.analysis.estimate import Estimate
from runs.analysis.histogram import Histogram
from runs.analysis.intervals import UNANSWERED_US
from runs.analysis.ordered import Ordered
from runs.analysis.outcomes import FAILED, OUTCOMES, UNDECLARED, UNRANKED, UNSENT
from runs.analysis.percentiles import QUANTILES, Spread
from runs.analysis.plan import Phase
from runs.analysis.run_data import RunData

Interval = tuple[float | None, float | None]
LoadModel = Literal["open", "closed", "mixed"]

INTERVALS: Final = ("p50", "p95", "p99")  # the percentiles of response_ms that carry one

_Which = NDArray[np.bool_] | slice
_LARGE: Final = 200_000
_IS_OK: Final = columns.table(("ok",))
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
    where the plan does not know the phase. `users` is how many a closed phase has, `planned_jps`
    how many journeys a second the plan of an open one asks for, in the mean.
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
    users: int | None = None
    planned_jps: float | None = None


def rows(data: RunData) -> tuple[Series, ...]:
    """Every scenario, step and phase in the plan's order, then the pooled rows.

    A step that had no request in one of its scenario's phases has a row with a count of 0.
    """
    return data.derived(_rows)


def histograms(data: RunData) -> dict[Key, dict[str, Histogram]]:
    """The judged times of each series that has samples, by kind: `ok` and `all` are response
    times, `service` is that of `ok`."""
    parts = data.derived(_parts)
    return {
        key: {
            "ok": _histogram(part.ok),
            "service": _histogram(part.service),
            "all": _histogram(part.sent),
        }
        for key, part in parts.items()
        if part.counts.any()
    }


def _histogram(times: Ordered) -> Histogram:
    return histogram.merge(histogram.of_ordered(part) for part in times.parts)


def let_go(data: RunData) -> None:
    """Free the sorted times, once rows and histograms are made: half as much as the run itself."""
    data.let_go(_parts)


def _rows(data: RunData) -> tuple[Series, ...]:
    table = cells.of(data)
    build = _Build(table, data)
    judged = [build.row(*key, keys=(key,)) for key in build.keys]
    return (*judged, *_pooled(build, table))


def _parts(data: RunData) -> dict[Key, "_Part"]:
    """What every series adds up to, empty ones too."""
    table = cells.of(data)
    keys = _keys(table)
    mine = [table.cells.get(key) for key in keys]
    if data.samples.height < _LARGE:
        return dict(zip(keys, map(_part, mine), strict=True))
    # Sorting and picking out need no lock of Python's, so that two of them take half the time.
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(keys, pool.map(_part, mine), strict=True))


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
    """What a row adds up: counts, and the times in order. `ci` are the intervals of the headline's
    percentiles, which a row has that pools nothing."""

    counts: Micros = field(default_factory=lambda: np.zeros(len(OUTCOMES), dtype=np.int64))
    statuses: Counter[int] = field(default_factory=Counter)
    undeclared: Counter[int] = field(default_factory=Counter)  # by class: 4 and 5
    retries: int = 0
    ok: Ordered = ordered.NOTHING
    service: Ordered = ordered.NOTHING
    sent: Ordered = ordered.NOTHING
    delay: Ordered = ordered.NOTHING
    first_token: Ordered = ordered.NOTHING
    by_class: Mapping[int, Ordered] = field(default_factory=dict)
    ci: Mapping[str, Interval | None] = field(default_factory=dict)


def _pooled_part(parts: Sequence[_Part]) -> _Part:
    classes = sorted({name for part in parts for name in part.by_class})
    return _Part(
        sum((part.counts for part in parts), _Part().counts),
        sum((part.statuses for part in parts), Counter()),
        sum((part.undeclared for part in parts), Counter()),
        sum(part.retries for part in parts),
        ordered.together(part.ok for part in parts),
        ordered.together(part.service for part in parts),
        ordered.together(part.sent for part in parts),
        ordered.together(part.delay for part in parts),
        ordered.together(part.first_token for part in parts),
        {
            name: ordered.together(part.by_class.get(name, ordered.NOTHING) for part in parts)
            for name in classes
        },
    )


def _part(cell: Cell | None) -> _Part:
    """Most series have one outcome and one status: what all of them share is told by the counts,
    so that nothing is picked out of arrays that are taken whole."""
    if cell is None:
        return _Part()
    due, started, ended = cell.due_us, cell.started_us, cell.ended_us
    outcome, status = cell.outcome, cell.status
    counts = np.bincount(outcome, minlength=len(OUTCOMES))
    response = ended - due
    is_ok = _only(outcome, counts, _IS_OK)
    is_sent = _only(outcome, counts, ~_IS_UNSENT)
    ok, ci = _ranked(response, due, outcome, counts)
    answered = ok if counts[~_IS_UNSENT].sum() == ok.count else ordered.of(response[is_sent])
    whole = (ended - cell.all_from_us)[is_sent] if cell.has_own_durations else None
    statuses = _counted(status[status >= 0] if status.min(initial=0) < 0 else status)
    return _Part(
        counts=counts,
        statuses=statuses,
        undeclared=_undeclared(status, outcome, counts),
        retries=cell.retries,
        ok=ok,
        service=ordered.of((ended - started)[is_ok]),
        sent=answered if whole is None else ordered.of(whole),
        delay=_delays(cell, (started - due)[is_sent], is_sent),
        first_token=_first_tokens(cell, outcome == OK),
        by_class=_by_class(status, response, statuses, answered),
        ci=ci,
    )


def _only(outcome: NDArray[np.integer[Any]], counts: Micros, wanted: NDArray[np.bool_]) -> _Which:
    """The places of some outcomes: all of them as a slice, which copies nothing."""
    return wanted[outcome] if counts[~wanted].any() else slice(None)


def _delays(cell: Cell, delays: Micros, is_sent: _Which) -> Ordered:
    is_due = cell.is_due[is_sent]
    return ordered.of(delays if is_due.all() else delays[is_due])


def _undeclared(
    status: NDArray[np.integer[Any]], outcome: NDArray[np.integer[Any]], counts: Micros
) -> Counter[int]:
    """How many statuses that no step declared, by class."""
    if not counts[_IS_UNDECLARED].any():
        return Counter()
    return _counted(status[_IS_UNDECLARED[outcome]] // 100)


def _ranked(
    response: Micros, due: Micros, outcome: NDArray[np.integer[Any]], counts: Micros
) -> tuple[Ordered, dict[str, Interval | None]]:
    """The times of `ok` in order, and the intervals of the headline. Both come of one sorting:
    what got no answer ranks above every time."""
    ranked = _only(outcome, counts, ~_IS_UNRANKED)
    is_answered = counts[~_IS_OK & ~_IS_UNRANKED].sum() == 0
    took = response if is_answered else np.where(outcome == OK, response, UNANSWERED_US)
    wanted = tuple(QUANTILES[name] for name in INTERVALS)
    in_order, found = intervals.quantiles_of_micros(took[ranked], due[ranked], wanted)
    ok = ordered.of_sorted(in_order[: int(counts[OK])])
    return ok, dict(zip(INTERVALS, map(_interval, found), strict=True))


def _counted(values: NDArray[np.integer[Any]]) -> Counter[int]:
    """How often each value occurs; statuses are few and small, so that counting beats sorting."""
    if not len(values) or not 0 <= int(values.min()) <= int(values.max()) < 1 << 16:
        names, counts = np.unique(values, return_counts=True)
        return Counter(dict(zip(names.tolist(), counts.tolist(), strict=True)))
    counts = np.bincount(values)
    return Counter({int(one): int(counts[one]) for one in np.flatnonzero(counts)})


def _first_tokens(cell: Cell, is_ok: NDArray[np.bool_]) -> Ordered:
    """Empty where no answer was a stream."""
    token = cell.first_token_us
    has = is_ok & (token != NO_TOKEN)
    return ordered.of((token - cell.due_us)[has]) if has.any() else ordered.NOTHING


def _by_class(
    status: NDArray[np.integer[Any]], response: Micros, statuses: Counter[int], sent: Ordered
) -> dict[int, Ordered]:
    """Where every request that was sent has a status of one class, `sent` is that class."""
    counts = Counter[int]()
    for one, count in statuses.items():
        counts[one // 100] += count
    found: dict[int, Ordered] = {}
    for one in sorted(counts):
        is_all = counts[one] == sent.count == len(response)
        found[one] = sent if is_all else ordered.of(response[_is_of_class(status, one)])
    return found


def _is_of_class(status: NDArray[np.integer[Any]], one: int) -> NDArray[np.bool_]:
    """By comparing: a division costs ten times as much."""
    is_mine: NDArray[np.bool_] = (status >= 100 * one) & (status < 100 * one + 100)
    return is_mine


class _Build:
    """Rows from parts. What is spread over the same cells is worked out once: a scenario of one
    step, or of one phase, pools nothing."""

    def __init__(self, table: Cells, data: RunData) -> None:
        self._table = table
        self._plan = data.plan
        self._parts = data.derived(_parts)
        self._known: dict[tuple[Key, ...], dict[str, Any]] = {}

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(self._parts)

    def row(
        self, scenario: str | None, step: str | None, phase: str | None, keys: Sequence[Key]
    ) -> Series:
        is_cell = None not in (scenario, step, phase)
        mine = [self._parts[key] for key in keys]
        part = mine[0] if is_cell else _pooled_part(mine)
        spans = self._spans(scenario, phase)
        return Series(
            scenario=scenario,
            step=step,
            phase=phase,
            pooled=not is_cell,
            window_us=(spans[0][0], spans[-1][1]) if spans else (0, 0),
            **_counts(part),
            **_rates(part),
            **self._speeds(part, spans, keys, phase),
            response_ms=_response(part),
            **self._times(tuple(keys), part),
            model=self._model(scenario, phase),
            users=self._users(scenario, phase) if is_cell else None,
            planned_jps=self._planned_jps(scenario, phase) if is_cell else None,
        )

    def _model(self, scenario: str | None, phase: str | None) -> LoadModel | None:
        models = {
            one.model
            for one in self._plan.phases
            if scenario in (None, one.scenario) and phase in (None, one.phase)
        }
        return "mixed" if len(models) > 1 else next(iter(models), None)

    def _users(self, scenario: str | None, phase: str | None) -> int | None:
        return next((one.users for one in self._planned(scenario, phase)), None)

    def _planned_jps(self, scenario: str | None, phase: str | None) -> float | None:
        return next((one.mean_rate_jps for one in self._planned(scenario, phase)), None)

    def _planned(self, scenario: str | None, phase: str | None) -> Iterable[Phase]:
        plan = self._plan.phases
        return (one for one in plan if (one.scenario, one.phase) == (scenario, phase))

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


def _response(part: _Part) -> Response:
    """The finite times are those of `ok`; everything else that is ranked stands above them."""
    unranked = int(part.counts[_IS_UNRANKED].sum())
    ranked = int(part.counts.sum()) - unranked
    ranks = {name: percentiles.rank(ranked, q) for name, q in QUANTILES.items()}
    found = part.ok.at_ranks(ranks.values()) if ranked else {}
    return Response(
        **{name: found.get(rank) for name, rank in ranks.items()},
        unanswered=_ratio(ranked - part.ok.count, ranked),
        few=percentiles.few(ranked),
        ci={name: part.ci.get(name) for name in INTERVALS},
    )


def _interval(estimate: Estimate) -> Interval | None:
    return (_finite(estimate.low), _finite(estimate.high)) if estimate.has_interval else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _times(part: _Part) -> dict[str, Any]:
    return {
        "ok_ms": part.ok.spread(),
        "service_ms": part.service.spread(),
        "all_ms": part.sent.spread(),
        "first_token_ms": part.first_token.spread() if part.first_token.count else None,
        "dispatch_delay_ms": part.delay.spread(),
        "by_class": {f"{name}xx": _class_times(times) for name, times in part.by_class.items()},
    }


def _class_times(times: Ordered) -> ClassTimes:
    found = times.spread()
    return ClassTimes(times.count, found.p50, found.p95, found.p99)
