"""A run of any size, made of arrays: 4 scenarios of 3 steps in 4 phases, 48 series.

Nothing here is measured, but everything that costs the analysis something occurs: journeys of
several steps, retries, refusals, failures, a scenario that saturates, a warm-up, probes, criteria.
"""

import hashlib
import io
import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
import polars as pl
import zstandard
from numpy.typing import NDArray

from runs.analysis.outcomes import OUTCOMES
from runs.analysis.plan import Phase, Plan, Probe, ProbeMetric
from runs.analysis.run_data import RunData, RunInfo
from runs.formats import health, samples

RUN_ID: Final = str(UUID(int=1))
STARTED_AT_NS: Final = 1_732_350_000_000_000_000
SCENARIOS: Final = ("chat", "billing", "export", "b2b")
STEPS: Final = ("first", "second", "third")
PHASES: Final = ("ramp_up", "plateau", "higher", "spike")
PHASE_S: Final = 100
CRITERIA: Final = (
    "p95(chat@plateau) < 800ms",
    "p99(billing/first@plateau) < 2s by interval",
    "error_rate(*@plateau) < 1%",
    "goodput(chat/first@plateau) > 1/s",
    "capacity(billing) >= 10/s",
)
# Journeys a second of one scenario, as parts of its plateau: every phase is 100 s.
_LOADS: Final = ((0.2, 1.0), (1.0, 1.0), (1.5, 1.5), (2.0, 2.0))
_SEGMENT: Final = 120_000
_STATUSES: Final = {"ok": 200, "refused": 429, "server_error": 503}
_READINGS: Final = {"t_us": pl.Int64, "probe": pl.String, "metric": pl.String, "value": pl.Float64}


def run_data(count: int, seed: int = 1) -> RunData:
    """About `count` samples in the order in which they ended."""
    random = np.random.default_rng(seed)
    rate = count / (len(SCENARIOS) * len(STEPS) * PHASE_S * 5.1)
    frames = [_scenario(number, rate, random) for number in range(len(SCENARIOS))]
    every = pl.concat(frames).sort("ended_us", maintain_order=True)
    return RunData(
        info=RunInfo(RUN_ID, "large", None, None),
        plan=_plan(rate),
        samples=every.select(list(samples.SCHEMA)),
        readings=_readings(random),
        health=health.empty(),
    )


def write_spool(data: RunData, folder: Path) -> None:
    """The run as `loadrunner run` would have written it."""
    folder.mkdir(parents=True, exist_ok=True)
    segments = []
    for number, part in enumerate(data.samples.iter_slices(_SEGMENT)):
        name = f"samples-{number:05d}.ndjson.zst"
        packed = zstandard.ZstdCompressor(3).compress(_lines(part))
        (folder / name).write_bytes(packed)
        digest = hashlib.sha256(packed).hexdigest()
        sizes = {"samples": part.height, "bytes": len(packed)}
        segments.append({"name": name, **sizes, "sha256": digest})
    (folder / "probes.ndjson.zst").write_bytes(zstandard.compress(_probe_lines(data.readings)))
    manifest = {**_manifest(data.plan), "segments": segments}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _lines(part: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    part.write_ndjson(buffer)
    return buffer.getvalue()


def _probe_lines(readings: pl.DataFrame) -> bytes:
    times = readings.partition_by("t_us", maintain_order=True)
    lines = [
        {
            "t_us": part["t_us"][0],
            "probe": "operations",
            "values": dict(part.select("metric", "value").iter_rows()),
            "took_ms": 1.0,
            "error": None,
        }
        for part in times
    ]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def _manifest(plan: Plan) -> dict[str, Any]:
    phases = [
        {name: value for name, value in vars(phase).items() if value is not None}
        for phase in plan.phases
    ]
    metrics = [{**vars(metric), "feeds": []} for metric in plan.probes[0].metrics]
    return {
        "format": "headroom-spool/1",
        "run_id": RUN_ID,
        "state": "complete",
        "campaign": {"name": "large"},
        "tool": {"name": "benchmarks"},
        "started_at_ns": STARTED_AT_NS,
        "ended_at_ns": STARTED_AT_NS + PHASE_S * len(PHASES) * 10**9,
        "phases": phases,
        "probes": [{"name": "operations", "metrics": metrics}],
        "criteria": list(plan.criteria),
        "peak_jps": plan.peak_jps,
    }


def _plan(rate: float) -> Plan:
    phases = [
        Phase(
            scenario,
            phase,
            number * PHASE_S * 1_000_000,
            (number + 1) * PHASE_S * 1_000_000,
            rate_from=load[0] * rate,
            rate_to=load[1] * rate,
            warm_up_us=5_000_000 if phase == "plateau" else 0,
        )
        for scenario in SCENARIOS
        for number, (phase, load) in enumerate(zip(PHASES, _LOADS, strict=True))
    ]
    metrics = (
        ProbeMetric("db_pool_in_use", "database", ceiling=20.0),
        ProbeMetric("cpu", "cpu", ceiling=1.0),
        ProbeMetric("queue_length"),
    )
    return Plan(tuple(phases), (Probe("operations", metrics),), CRITERIA, {"billing": rate / 2})


def _scenario(number: int, rate: float, random: np.random.Generator) -> pl.DataFrame:
    due_s = np.concatenate([_due(rate, at) for at in range(len(PHASES))])
    journeys = len(due_s)
    due = np.round(due_s * 1e6).astype(np.int64)
    wait = _queue_s(due_s, 1.7 * rate) if SCENARIOS[number] == "billing" else np.zeros(journeys)
    steps = []
    for place, step in enumerate(STEPS):
        columns = _step(number, place, due, wait if not place else wait * 0, rate, random)
        columns.update(scenario=[SCENARIOS[number]] * journeys, step=[step] * journeys)
        columns.update(journey=np.arange(journeys), user=np.arange(journeys) % 200)
        steps.append(_frame(columns))
        due = columns["ended_us"] + 50_000
    return pl.concat([*steps, _retries(steps[0])])


def _due(rate: float, phase: int) -> NDArray[np.float64]:
    """Where the integral of the rate reaches whole numbers."""
    first, last = (rate * part for part in _LOADS[phase])
    number = np.arange(int((first + last) / 2 * PHASE_S))
    slope = (last - first) / PHASE_S
    if slope == 0:
        return np.asarray(number / first + phase * PHASE_S)
    return np.asarray((np.sqrt(first**2 + 2 * slope * number) - first) / slope + phase * PHASE_S)


def _queue_s(due_s: NDArray[np.float64], capacity: float) -> NDArray[np.float64]:
    """How long each waits for a server that takes `capacity` a second; patience is 10 s."""
    finish = np.maximum.accumulate(due_s - np.arange(len(due_s)) / capacity)
    return np.minimum(finish + np.arange(len(due_s)) / capacity - due_s, 10.0)


def _step(
    number: int,
    place: int,
    due: NDArray[np.int64],
    wait_s: NDArray[np.float64],
    rate: float,
    random: np.random.Generator,
) -> dict[str, Any]:
    count = len(due)
    took = random.lognormal(9.5 + 0.3 * place + 0.1 * number, 0.5, count) + wait_s * 1e6
    started = due + random.exponential(80, count).astype(np.int64)
    outcome = np.where(random.random(count) < 0.003, "server_error", "ok").astype(object)
    outcome[wait_s >= 10] = "timeout"
    if SCENARIOS[number] == "b2b" and not place:
        share = np.clip(1 - 1.3 * rate / np.interp(due / 1e6, *_rates(rate)), 0, 1)
        outcome[random.random(count) < share] = "refused"
    phase = np.clip(due // (PHASE_S * 1_000_000), 0, len(PHASES) - 1)
    return {
        "phase": np.array(PHASES)[phase],
        "worker": np.zeros(count, np.int64),
        "attempt": np.ones(count, np.int64),
        "due_us": due,
        "due_by": ["previous" if place else "plan"] * count,
        "started_us": started,
        "wait_us": np.zeros(count, np.int64),
        "connect_us": np.zeros(count, np.int64),
        "ended_us": started + took.astype(np.int64),
        "outcome": outcome.astype(str),
    }


def _rates(rate: float) -> tuple[list[float], list[float]]:
    edges = [edge for at in range(len(PHASES)) for edge in (at * PHASE_S, (at + 1) * PHASE_S - 0.1)]
    return [float(edge) for edge in edges], [rate * part for load in _LOADS for part in load]


def _retries(first: pl.DataFrame) -> pl.DataFrame:
    """A third of the refused requests is tried once more."""
    refused = first.filter((pl.col("outcome") == "refused") & (pl.col("journey") % 3 == 0))
    later = [(pl.col(name) + 40_000).alias(name) for name in ("due_us", "started_us", "ended_us")]
    return refused.with_columns(*later, attempt=pl.lit(2, pl.Int64), due_by=pl.lit("previous"))


def _frame(columns: dict[str, Any]) -> pl.DataFrame:
    assert set(columns["outcome"]) <= set(OUTCOMES)
    frame = pl.DataFrame(columns)
    status = pl.col("outcome").replace_strict(_STATUSES, default=None, return_dtype=pl.Int64)
    frame = frame.with_columns(
        status=status,
        first_byte_us=pl.col("ended_us"),
        bytes_out=pl.lit(301, pl.Int64),
        bytes_in=pl.lit(176, pl.Int64),
        reused=pl.lit(value=True),
        trace_id=pl.format(
            "03ddf43d0eb74f5e{}", pl.col("started_us").cast(pl.String).str.zfill(16)
        ),
    )
    absent = [name for name in samples.SCHEMA if name not in frame.columns]
    return frame.with_columns(
        pl.lit(None, samples.SCHEMA[name]).alias(name) for name in absent
    ).select(list(samples.SCHEMA))


def _readings(random: np.random.Generator) -> pl.DataFrame:
    t_us = np.arange(PHASE_S * len(PHASES)) * 1_000_000 + 500_000
    is_late = t_us > 3.0 * PHASE_S * 1e6
    noise = random.normal(0, 1, (3, len(t_us)))
    values = {
        "db_pool_in_use": np.where(is_late, 20.0, np.clip(8 + noise[0], 0, 20)),
        "cpu": np.clip(0.4 + 0.05 * noise[1], 0, 1),
        "queue_length": np.abs(10 * noise[2]),
    }
    frames = [
        pl.DataFrame(
            {"t_us": t_us, "probe": "operations", "metric": name, "value": one}, schema=_READINGS
        )
        for name, one in values.items()
    ]
    return pl.concat(frames).sort("t_us", maintain_order=True)
