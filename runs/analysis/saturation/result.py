"""What the search for the saturation point says, as the report carries it."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["reached", "not_reached", "inconclusive"]
Bound = Literal["exact", "lower"]
Cause = Literal["queue", "rate_limit", "quota", "retrograde", "dependency", "unknown", "none"]
Scope = Literal["global", "per_identity", "unknown"]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Quota:
    """A fixed window: so many requests in so many seconds; null where it was not seen twice."""

    requests: int | None
    window_s: float | None


@dataclass(frozen=True)
class Headroom:
    """Capacity over the production peak. The interval is open (`null`) towards the top where
    the capacity is only known from below.

    Where the campaign states by which share the peak grows in a year, `lasts_years` says when it
    has used the headroom up: 0 where the peak does not fit today, null beyond a century.
    """

    peak_jps: float
    ratio: float | None
    ci: tuple[float | None, float | None] | None
    growth_per_year: float | None = None
    lasts_years: float | None = None
    lasts_years_ci: tuple[float | None, float | None] | None = None


@dataclass(frozen=True)
class Saturation:
    """One scenario's saturation, or the whole system's where `scenario` is null.

    Rates are journeys/s (`_jps`) or requests/s (`_rps`), intervals are 95 %.
    `up_to_jps` is the highest load offered, `sustained_jps` the highest one kept up with,
    `onset_jps` the loads between which the losses begin.
    """

    scenario: str | None
    verdict: Verdict
    bound: Bound
    capacity_jps: float | None
    ci_jps: Interval | None
    capacity_rps: float | None
    ci_rps: Interval | None
    up_to_jps: float | None
    onset_jps: tuple[float | None, float] | None
    sustained_jps: float | None
    slo_capacity_jps: float | None
    cause: Cause
    scope: Scope
    quota: Quota | None
    headroom: Headroom | None
    explanation: str
    next_run: str


@dataclass(frozen=True)
class LoadPoint:
    """One stage on the chart of goodput over offered load; latencies are those of good journeys."""

    phase: str
    offered_jps: float
    goodput_jps: float
    goodput_ci: Interval | None
    p50_ms: float | None
    p95_ms: float | None
    refusal_rate: float
    error_rate: float
    count: int
    is_overloaded: bool
