"""Runs of tools that keep no single requests: rows of the report from what they do keep."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from runs.analysis import percentiles
from runs.analysis.outcomes import ANSWERED, FAILED, OUTCOMES
from runs.analysis.percentiles import QUANTILES, UNKNOWN, Spread
from runs.analysis.plan import Phase, Plan
from runs.analysis.run_data import Fidelity
from runs.analysis.series import INTERVALS, Response, Series
from runs.formats.imported import ALL, PHASE, REQUESTS, Imported
from runs.formats.raw import name_of
from runs.formats.segment import Notes
from runs.formats.source import Source

# In the name of a phase that warms up.
WARM_UP: Final = "warm-up"


def of_rows(
    source: Source,
    tool: str,
    rows: Sequence[Series],
    *,
    samples_are: Literal["histogram", "summary"],
    campaign: str = "",
    started_at_us: int | None = None,
    length_us: int = 0,
    failures: bool = True,
    notes: Notes = (),
) -> Imported:
    """A run of rows that a tool computed, or that were computed from its histograms."""
    if all(row.pooled for row in rows):
        rows = _with_a_judged_one(rows)
    if not any(_is_whole(row) for row in rows):
        rows = [*rows, *total(rows)]
    scenarios = dict.fromkeys(row.scenario for row in rows if row.scenario and not row.pooled)
    missing = (
        f"{source.name} holds no single requests: whatever needs them (the course over time,"
        " saturation, intervals, most percentiles) is missing because the source does not hold it."
    )
    return Imported(
        tool=tool,
        campaign=name_of(campaign or tool),
        plan=Plan(tuple(Phase(name, PHASE, 0, length_us) for name in scenarios)),
        fidelity=Fidelity(
            samples=samples_are,
            schedule=False,
            failures=failures,
            absolute_time=started_at_us is not None,
        ),
        rows=tuple(rows),
        started_at_us=started_at_us,
        length_us=length_us,
        state="incomplete" if source.is_cut else "complete",
        notes=(*source.notes, *notes, missing),
    )


def _with_a_judged_one(rows: Sequence[Series]) -> Sequence[Series]:
    """There is a row of a scenario and a step for who looks for those."""
    if _is_whole(rows[0]):
        return [_named(rows[0]), *rows]
    return [replace(row, pooled=False) for row in rows]


def _is_whole(row: Series) -> bool:
    return row.scenario is row.step is row.phase is None


def _named(row: Series) -> Series:
    """The row of a whole run as one of a scenario and step."""
    return replace(row, scenario=ALL, step=REQUESTS, phase=PHASE, pooled=False)


def row(
    count: int,
    *,
    scenario: str | None = ALL,
    step: str | None = REQUESTS,
    phase: str | None = PHASE,
    pooled: bool = False,
    length_us: int = 0,
    outcomes: Mapping[str, int] | None = None,
    statuses: Mapping[str, int] | None = None,
    all_ms: Spread = UNKNOWN,
    ok_ms: Spread | None = None,
    knows_classes: bool = False,
) -> Series:
    """One row of the report.

    `outcomes` None: the source does not know what failed. Without `ok_ms` the times of `ok` are
    known only where nothing failed. `knows_classes` says that 4xx and 5xx can be told apart.
    """
    known = {name: (outcomes or {}).get(name, 0) for name in OUTCOMES}
    good = known["ok"]
    is_clean = outcomes is not None and good == count
    ok = all_ms if is_clean and ok_ms is None else ok_ms or UNKNOWN
    length_s = length_us / 1e6
    answered = sum(known[name] for name in ANSWERED)
    return Series(
        scenario=scenario if scenario is None else name_of(scenario),
        step=step if step is None else name_of(step),
        phase=phase,
        pooled=pooled,
        window_us=(0, length_us),
        count=count,
        outcomes=known if outcomes is not None else {},
        statuses=dict(statuses or {}),
        offered_rps=_ratio(count, length_s),
        throughput_rps=_ratio(answered, length_s) if outcomes is not None else None,
        goodput_rps=_ratio(good, length_s) if outcomes is not None else None,
        **_shares(count, known, outcomes is not None, knows_classes),
        response_ms=_response(count, known, ok if is_clean else UNKNOWN, outcomes is not None),
        ok_ms=ok,
        service_ms=ok,
        all_ms=all_ms,
        first_token_ms=None,
        dispatch_delay_ms=UNKNOWN,
        by_class={},
        model="open",
        users=None,
    )


def outcomes_of(statuses: Mapping[str, int]) -> dict[str, int]:
    """Counts of statuses as outcomes; 0 is a request that got no answer."""
    found = dict.fromkeys(OUTCOMES, 0)
    for status, number_of in statuses.items():
        found[_outcome_of(status)] += number_of
    return found


def _outcome_of(status: str) -> str:
    match status[:1]:
        case "0":
            return "connection_error"
        case "4":
            return "refused" if status == "429" else "client_error"
        case "5":
            return "server_error"
        case _:
            return "ok"


def whole(row: Series) -> Series:
    """The same row for the whole run."""
    return replace(row, scenario=None, step=None, phase=None, pooled=True)


def spread(values: Mapping[str, Any], scale: float = 1.0, /, **keys: str) -> Spread:
    """The times that a summary has, by the names of Spread's fields; the others are null.

    `scale` turns the source's unit into milliseconds.
    """
    known = {name: number(values.get(key)) for name, key in keys.items()}
    fields = ("min", "mean", "p50", "p90", "p95", "p99", "p99_9", "max")
    return Spread(**{name: _scaled(known.get(name), scale) for name in fields})


def spread_of_histogram(values_ms: NDArray[np.float64], counts: NDArray[np.int64]) -> Spread:
    """Nearest ranks, mean, minimum and maximum of values that occur `counts` times each."""
    order = np.argsort(values_ms, kind="stable")
    values, upto = values_ms[order], np.cumsum(counts[order])
    total = int(upto[-1]) if len(upto) else 0
    if not total:
        return UNKNOWN
    places = {name: percentiles.rank(total, q) for name, q in QUANTILES.items()}
    found = {name: float(values[np.searchsorted(upto, one)]) for name, one in places.items()}
    used = values[np.diff(upto, prepend=0) > 0]
    mean = float((values * counts[order]).sum() / total)
    return Spread(min=float(used[0]), mean=mean, max=float(used[-1]), **found)


def number(value: object) -> float | None:
    """A finite number that is not negative, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


def count(value: object) -> int:
    """A count, 0 where it is none."""
    found = number(value)
    return int(found) if found is not None and found < 2**62 else 0


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _shares(
    count: int, known: Mapping[str, int], has_outcomes: bool, knows_classes: bool
) -> dict[str, float | None]:
    failed = sum(known[name] for name in FAILED)
    return {
        "error_rate": _ratio(failed, count) if has_outcomes else None,
        "refusal_rate": _ratio(known["refused"], count) if knows_classes else None,
        "rate_4xx": _ratio(known["client_error"], count) if knows_classes else None,
        "rate_5xx": _ratio(known["server_error"], count) if knows_classes else None,
        "drop_rate": None,
        "retry_rate": None,
    }


def _response(count: int, known: Mapping[str, int], ok: Spread, has_outcomes: bool) -> Response:
    """Known only where nothing failed: failures rank above every time, and only the tool knows
    which of its times were theirs."""
    ranked = count - known["refused"]
    return Response(
        **{name: getattr(ok, name) for name in QUANTILES},
        unanswered=_ratio(ranked - known["ok"], ranked) if has_outcomes else None,
        few=percentiles.few(ranked),
        ci=dict.fromkeys(INTERVALS),
    )


def _ratio(part: float, of: float) -> float | None:
    return part / of if of > 0 else None


def failures_only(step: str, outcomes: Mapping[str, int], *, scenario: str) -> Series:
    """A row of a source that counts nothing but failures: no share of anything is known."""
    found = row(sum(outcomes.values()), scenario=scenario, step=step, outcomes=outcomes)
    nothing = replace(found.response_ms, unanswered=None, few=())
    return replace(found, error_rate=None, response_ms=nothing)


def total(rows: Sequence[Series]) -> tuple[Series, ...]:
    """The counts of all rows as one of the whole run, but of those that warm up; times of
    different rows are never merged, so that they are known where there is one row only."""
    rows = [one for one in rows if WARM_UP not in (one.phase or "")] or rows
    if len(rows) < 2:
        return tuple(whole(one) for one in rows)
    outcomes = {name: sum(one.outcomes.get(name, 0) for one in rows) for name in OUTCOMES}
    statuses: dict[str, int] = {}
    for one in rows:
        for status, found in one.statuses.items():
            statuses[status] = statuses.get(status, 0) + found
    length_us = max(one.window_us[1] for one in rows)
    return (
        whole(
            row(
                sum(one.count for one in rows),
                length_us=length_us,
                outcomes=outcomes if all(one.outcomes for one in rows) else None,
                statuses=statuses,
            )
        ),
    )
