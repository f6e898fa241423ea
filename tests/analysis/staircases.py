"""Runs of simple stations under staircases, small enough to check by hand."""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapreplace
from typing import Any

import numpy as np
import polars as pl

from runs.analysis.plan import Phase, Plan
from runs.analysis.run_data import RunData, RunInfo

Row = dict[str, Any]
COLUMNS: dict[str, Any] = {
    "scenario": pl.String(),
    "step": pl.String(),
    "phase": pl.String(),
    "journey": pl.Int64(),
    "user": pl.Int64(),
    "worker": pl.Int64(),
    "attempt": pl.Int64(),
    "due_us": pl.Int64(),
    "started_us": pl.Int64(),
    "ended_us": pl.Int64(),
    "status": pl.Int64(),
    "outcome": pl.String(),
}


def run(
    phases: Sequence[Phase], rows: Iterable[Row], peaks: Mapping[str, float] | None = None
) -> RunData:
    frame = pl.DataFrame(list(rows), schema=COLUMNS)
    plan = Plan(tuple(phases), peak_jps=dict(peaks or {}))
    return RunData(RunInfo("r", "c", None, None), plan, frame, pl.DataFrame(), pl.DataFrame())


def stages(
    rates: Sequence[float], seconds: float = 5.0, scenario: str = "billing"
) -> tuple[Phase, ...]:
    """stage_01, stage_02, … one after the other."""
    return tuple(
        Phase(
            scenario, f"stage_{i + 1:02d}", round(i * seconds * 1e6),
            round((i + 1) * seconds * 1e6), rate_from=rate, rate_to=rate,
        )
        for i, rate in enumerate(rates)
    )  # fmt: skip


def arrivals(phases: Sequence[Phase]) -> list[tuple[str, float]]:
    """Phase and second of each uniform arrival."""
    found = []
    for phase in phases:
        start, end = phase.start_us / 1e6, phase.end_us / 1e6
        rate = phase.rate_from or 0.0
        found += [(phase.phase, start + i / rate) for i in range(round((end - start) * rate))]
    return found


def row(
    phase: str, journey: int | None, due_s: float, ended_s: float, outcome: str = "ok", **more: Any
) -> Row:
    status = {"ok": 200, "refused": 429, "server_error": 500}.get(outcome)
    due_us = round(due_s * 1e6)
    plain = {
        "scenario": "billing", "step": "usage", "phase": phase, "journey": journey, "user": 0,
        "worker": 0, "attempt": 1, "due_us": due_us, "started_us": due_us,
        "ended_us": round(ended_s * 1e6), "status": status, "outcome": outcome,
    }  # fmt: skip
    return plain | more


def queue(
    rates: Sequence[float], servers: int = 4, service_s: float = 0.054, seconds: float = 5.0,
    **more: Any,
) -> RunData:  # fmt: skip
    """First in, first out, every service alike: capacity is servers / service_s."""
    phases = stages(rates, seconds)
    free = [0.0] * servers
    rows = []
    for journey, (phase, due) in enumerate(arrivals(phases)):
        ended = max(due, free[0]) + service_s
        heapreplace(free, ended)
        rows.append(row(phase, journey, due, ended, **more))
    return run(phases, rows, {"billing": 40.0})


def bucket(
    rates: Sequence[float], limit: float = 60.0, burst: float = 10.0, users: int = 1,
    each: bool = False, seconds: float = 5.0,
) -> RunData:  # fmt: skip
    """A token bucket for everybody, or one for `each` of the users, who come at random."""
    phases = stages(rates, seconds)
    keys = users if each else 1
    tokens, seen = [burst / keys] * keys, [0.0] * keys
    whose = np.random.default_rng(7).integers(0, users, 10**5)
    rows = []
    for journey, (phase, due) in enumerate(arrivals(phases)):
        user = int(whose[journey])
        key = user if each else 0
        tokens[key] = min(burst / keys, tokens[key] + (due - seen[key]) * limit / keys)
        seen[key] = due
        admitted = tokens[key] >= 1 - 1e-9
        tokens[key] -= admitted
        took, outcome = (0.02, "ok") if admitted else (0.002, "refused")
        rows.append(row(phase, journey, due, due + took, outcome, user=user))
    return run(phases, rows)


def window(
    rates: Sequence[float], size: int, length_s: float, seconds: float = 5.0, users: int = 1,
    in_turn: bool = True, each: bool = False,
) -> RunData:  # fmt: skip
    """So many requests in each window of the clock, for everybody or for `each` of the users, who
    come in turn or at random."""
    phases = stages(rates, seconds)
    whose = np.random.default_rng(7).integers(0, users, 10**5)
    used: dict[tuple[int, int], int] = {}
    rows = []
    for journey, (phase, due) in enumerate(arrivals(phases)):
        user = journey % users if in_turn else int(whose[journey])
        slot = int((due + 1.3) // length_s), user if each else 0
        used[slot] = used.get(slot, 0) + 1
        is_left = used[slot] <= (size // users if each else size)
        took, outcome = (0.02, "ok") if is_left else (0.002, "refused")
        rows.append(row(phase, journey, due, due + took, outcome, user=user))
    return run(phases, rows)


def cached(
    rates: Sequence[float], hit_every: int = 2, servers: int = 4, service_s: float = 0.1,
    patience_s: float = 0.5, seconds: float = 10.0,
) -> RunData:  # fmt: skip
    """Every n-th request is answered from a cache; the others wait for the pool, and fail when it
    takes too long. Capacity is servers / service_s / (1 - 1 / n)."""
    phases = stages(rates, seconds)
    free = [0.0] * servers
    rows = []
    for journey, (phase, due) in enumerate(arrivals(phases)):
        if journey % hit_every == 0:
            rows.append(row(phase, journey, due, due + 0.003))
        elif free[0] - due > patience_s:
            rows.append(row(phase, journey, due, due + patience_s, "server_error"))
        else:
            ended = max(due, free[0]) + service_s
            heapreplace(free, ended)
            rows.append(row(phase, journey, due, ended))
    return run(phases, rows)
