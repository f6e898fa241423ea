"""Whole runs out of arrays, for tests that need more samples than can be written by hand."""

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis.plan import Phase, Plan, Probe, ProbeMetric
from runs.analysis.run_data import RunData, RunInfo, RunState
from runs.formats import health, samples

SECOND = 1_000_000
READINGS = {"t_us": pl.Int64, "probe": pl.String, "metric": pl.String, "value": pl.Float64}
Floats = NDArray[np.float64]


def phase(
    seconds: float,
    rate: float,
    *,
    start_s: float = 0.0,
    scenario: str = "chat",
    name: str = "plateau",
    **more: Any,
) -> Phase:
    """A phase of the open model at one rate."""
    start, end = round(start_s * SECOND), round((start_s + seconds) * SECOND)
    return Phase(scenario, name, start, end, rate_from=rate, rate_to=rate, **more)


def staircase(
    rates: Sequence[float], seconds: float, *, scenario: str = "billing"
) -> tuple[Phase, ...]:
    """Stages named stage_01 and so on."""
    return tuple(
        phase(seconds, rate, start_s=at * seconds, scenario=scenario, name=f"stage_{at + 1:02d}")
        for at, rate in enumerate(rates)
    )


def requests(
    due_s: Floats | Sequence[float],
    took_ms: Floats | Sequence[float] | float,
    *,
    scenario: str = "chat",
    step: str = "send",
    phase: str = "plateau",
    outcome: str | Sequence[str] = "ok",
    late_ms: Floats | Sequence[float] | float = 0.0,
    **more: Any,
) -> pl.DataFrame:
    """First attempts of journeys of one step; `took_ms` counts from when they were due."""
    due = np.round(np.asarray(due_s, dtype=np.float64) * SECOND).astype(np.int64)
    count = len(due)
    started = due + np.round(np.broadcast_to(late_ms, count) * 1000.0).astype(np.int64)
    ended = due + np.round(np.broadcast_to(took_ms, count) * 1000.0).astype(np.int64)
    outcomes = [outcome] * count if isinstance(outcome, str) else list(outcome)
    statuses = {"ok": 200, "refused": 429, "client_error": 404, "server_error": 500}
    columns: dict[str, Any] = {
        "scenario": [scenario] * count,
        "step": [step] * count,
        "phase": [phase] * count,
        "journey": np.arange(count) + round(float(due[0]) if count else 0) * 1000,
        "user": np.arange(count) % 50,
        "worker": [0] * count,
        "attempt": [1] * count,
        "due_us": due,
        "due_by": ["plan"] * count,
        "started_us": started,
        "ended_us": np.maximum(ended, started),
        "outcome": outcomes,
        "status": [statuses.get(one) for one in outcomes],
        **more,
    }
    rest = {name: [None] * count for name in samples.SCHEMA if name not in columns}
    return pl.DataFrame({**columns, **rest}, schema=samples.SCHEMA)


def steady(seconds: float, rate: float, start_s: float = 0.0) -> Floats:
    """When requests are due at a uniform rate."""
    return np.asarray(start_s + np.arange(round(seconds * rate)) / rate)


def run(
    *frames: pl.DataFrame,
    phases: Sequence[Phase] = (phase(10, 10),),
    metrics: Sequence[ProbeMetric] = (),
    readings: Mapping[str, tuple[Floats, Floats]] | None = None,
    seconds_of_health: pl.DataFrame | None = None,
    state: RunState = "complete",
    labels: Mapping[str, str] | None = None,
    peak_jps: Mapping[str, float] | None = None,
    criteria: Sequence[str] = (),
) -> RunData:
    """A run; `readings` are times in seconds and values by metric."""
    probes = (Probe("operations", tuple(metrics)),) if metrics else ()
    return RunData(
        info=RunInfo("r", "made", None, None, state=state, labels=dict(labels or {})),
        plan=Plan(tuple(phases), probes, tuple(criteria), dict(peak_jps or {})),
        samples=pl.concat(frames) if frames else samples.empty(),
        readings=_readings(readings or {}),
        health=seconds_of_health if seconds_of_health is not None else health.empty(),
    )


def _readings(by_metric: Mapping[str, tuple[Floats, Floats]]) -> pl.DataFrame:
    frames = [
        pl.DataFrame(
            {
                "t_us": np.round(np.asarray(times) * SECOND).astype(np.int64),
                "probe": ["operations"] * len(times),
                "metric": [metric] * len(times),
                "value": np.asarray(values, dtype=np.float64),
            },
            schema=READINGS,
        )
        for metric, (times, values) in by_metric.items()
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=READINGS)


def healthy(seconds: int, **same: Any) -> pl.DataFrame:
    """A second of health a row, of one worker that has all the time in the world."""
    rows = [
        {
            "t_us": (at + 1) * SECOND,
            "worker": 0,
            "wanted": 10,
            "reached": 10,
            "sent": 10,
            "in_flight": 1,
            "delay_p50_us": 40,
            "delay_p99_us": 120,
            "delay_max_us": 300,
            "loop_lag_us": 200,
            "cpu_process": 0.1,
            "cpu_machine": 0.2,
            "cpu_steal": 0.0,
            **same,
        }
        for at in range(seconds)
    ]
    return pl.DataFrame(rows, schema=health.SCHEMA)


def queue(due_s: Floats, service_s: Floats, servers: int) -> Floats:
    """When each request ends, in seconds, in a first-come-first-served queue."""
    free = [0.0] * servers
    ends = np.empty(len(due_s))
    for at, (due, service) in enumerate(zip(due_s, service_s, strict=True)):
        end = max(due, heapq.heappop(free)) + service
        heapq.heappush(free, end)
        ends[at] = end
    return ends


def in_use(due_s: Floats, ends_s: Floats, service_s: Floats, at_s: Floats) -> Floats:
    """How many servers were busy at each moment."""
    starts = np.sort(ends_s - service_s)
    begun = np.searchsorted(starts, at_s, "right")
    return (begun - np.searchsorted(np.sort(ends_s), at_s, "right")).astype(np.float64)
