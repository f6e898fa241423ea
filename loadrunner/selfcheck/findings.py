"""What the selfcheck's runs show: the ceiling, how punctual arrivals are, how true times are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from loadrunner.selfcheck import server, trials
from runs.analysis.outcomes import UNSENT
from runs.analysis.percentiles import nearest_rank
from runs.formats.spool import Spool

Micros = NDArray[np.int64]

# A worker that is busier than this was the limit itself.
_BUSY: Final = 0.85
SLOW_MS: Final = 10.0


@dataclass(frozen=True)
class CeilingFinding:
    """`is_workers_own`: the worker was busy throughout; else the machine had no more for it, and
    the ceiling may lie higher where the target is elsewhere."""

    rps: float
    worker_cpu: float | None
    is_workers_own: bool


@dataclass(frozen=True)
class Punctuality:
    """Started less due at one rate, in microseconds, None where nothing left; `sent_rps` is what
    was not dropped."""

    rate_rps: float
    sent_rps: float
    late_p50_us: float | None
    late_p99_us: float | None
    late_p99_9_us: float | None


@dataclass(frozen=True)
class Truth:
    """A figure that is known beforehand, and what was measured: None where it falls among requests
    without their answer."""

    what: str
    known: float
    measured: float | None
    unit: str


def ceiling(made: Spool) -> CeilingFinding:
    """Expected answers per second after the warm-up."""
    start_us, end_us = trials.WARM_UP_S * 1e6, trials.CEILING_S * 1e6
    is_counted = pl.col("ended_us").is_between(start_us, end_us, closed="left")
    answered = made.samples.filter(is_counted & (pl.col("outcome") == "ok")).height
    seconds = made.health.filter((pl.col("worker") == 0) & (pl.col("t_us") > start_us + 500_000))
    cpu = seconds["cpu_process"].median()
    share = float(cpu) if isinstance(cpu, float) else None
    rps = answered / (trials.CEILING_S - trials.WARM_UP_S)
    return CeilingFinding(rps, share, share is None or share >= _BUSY)


def punctuality(made: Spool, rates: Sequence[float]) -> tuple[Punctuality, ...]:
    """One for each rate, in their order."""
    return tuple(_punctual(made.samples, f"rate_{n}", rate) for n, rate in enumerate(rates))


def _punctual(samples: pl.DataFrame, phase: str, rate: float) -> Punctuality:
    mine = samples.filter((pl.col("phase") == phase) & ~pl.col("outcome").is_in(UNSENT))
    late = np.sort((mine["started_us"] - mine["due_us"]).to_numpy())
    if not len(late):
        return Punctuality(rate, 0.0, None, None, None)
    p50, p99, p99_9 = (nearest_rank(late, q) for q in (0.5, 0.99, 0.999))
    return Punctuality(rate, mine.height / trials.ARRIVALS_S, p50, p99, p99_9)


def service(made: Spool) -> tuple[Truth, ...]:
    """Nine in ten answers take SHORT_MS and the tenth LONG_MS: so are p50 and p99."""
    times = _response_ms(made.samples, "service")
    return (
        Truth("p50", server.SHORT_MS, _quantile(times, 0.5), "ms"),
        Truth("p99", server.LONG_MS, _quantile(times, 0.99), "ms"),
    )


def stall(made: Spool) -> tuple[Truth, ...]:
    """A request that is due t into the stall waits for the rest of it; the others for nothing."""
    times = _response_ms(made.samples, "stall")
    expected = expected_stall_ms()
    return (
        Truth("p95", nearest_rank(expected, 0.95), _quantile(times, 0.95), "ms"),
        Truth("p99", nearest_rank(expected, 0.99), _quantile(times, 0.99), "ms"),
        Truth(
            f"requests slower than {SLOW_MS:g} ms",
            float((expected > SLOW_MS).sum()),
            float((times > SLOW_MS).sum()),
            "",
        ),
    )


def expected_stall_ms() -> NDArray[np.float64]:
    """The response times of the stall by arithmetic, in ascending order, in ms."""
    count = round(trials.STALL_RPS * trials.STALL_RUN_S)
    due_ms = np.arange(count) / trials.STALL_RPS * 1000
    start_ms = due_ms[server.STALL_AT - 1]
    left_ms = start_ms + server.STALL_S * 1000 - due_ms
    return np.sort(np.where(due_ms >= start_ms, np.maximum(left_ms, 0.0), 0.0))


def _response_ms(samples: pl.DataFrame, scenario: str) -> NDArray[np.float64]:
    """Ascending; what was not answered as expected is infinite."""
    mine = samples.filter(pl.col("scenario") == scenario)
    took_ms = ((mine["ended_us"] - mine["due_us"]) / 1000).to_numpy()
    return np.sort(np.where((mine["outcome"] == "ok").to_numpy(), took_ms, np.inf))


def _quantile(times_ms: NDArray[np.float64], q: float) -> float | None:
    value = nearest_rank(times_ms, q) if len(times_ms) else np.inf
    return value if np.isfinite(value) else None
