"""A run's documents as the portal keeps them, small enough to judge by eye.

Billing is taken to 120 journeys/s and gives no more than 74; chat stays at 30 and is well.
"""

import math
from typing import Any

PHASES = [f"stage_{number:02d}" for number in range(1, 7)]
OFFERED = [20.0, 40.0, 60.0, 80.0, 100.0, 120.0]
STAGE_S = 10


def spread(p50: float, p95: float, p99: float) -> dict[str, Any]:
    times = {"min": p50 / 2, "mean": p50 * 1.1, "p50": p50, "p90": (p50 + p95) / 2}
    return times | {"p95": p95, "p99": p99, "p99_9": p99 * 1.2, "max": p99 * 1.5}


def series(
    scenario: str | None,
    step: str | None,
    phase: str | None,
    offered: float = 20.0,
    goodput: float = 20.0,
    p95: float | None = 42.0,
    **more: Any,
) -> dict[str, Any]:
    """A row of the report's `series`; what is offered and not good timed out."""
    count = round(offered * STAGE_S)
    good = round(goodput * STAGE_S)
    lost = 1 - goodput / offered
    response: dict[str, Any] = {"p50": 21.0, "p90": 35.0, "p95": p95, "p99": None, "p99_9": None}
    response |= {"unanswered": lost, "few": ["p99", "p99_9"]}
    response["ci"] = {"p50": [20.0, 22.0], "p95": p95 and [p95 * 0.95, p95 * 1.05], "p99": None}
    row = {
        "scenario": scenario,
        "step": step,
        "phase": phase,
        "pooled": step is None or phase is None,
        "window_us": [0, STAGE_S * 1_000_000],
        "count": count,
        "outcomes": {"ok": good, "timeout": count - good},
        "statuses": {"200": good},
        "offered_rps": offered,
        "throughput_rps": goodput,
        "goodput_rps": goodput,
        "error_rate": lost,
        "refusal_rate": 0.0,
        "rate_4xx": 0.0,
        "rate_5xx": 0.0,
        "drop_rate": 0.0,
        "retry_rate": 0.0,
        "response_ms": response,
        "ok_ms": spread(21.0, 42.0, 55.0),
        "service_ms": spread(21.0, 42.0, 55.0),
        "all_ms": spread(21.0, 42.0, 55.0),
        "first_token_ms": None,
        "dispatch_delay_ms": spread(0.02, 0.06, 0.11),
        "by_class": {"2xx": {"count": good, "p50": 21.0, "p95": 42.0, "p99": 55.0}},
    }
    return row | more


def saturation(**more: Any) -> dict[str, Any]:
    """Billing's entry: 74/s, 73 to 75, a queue."""
    entry = {
        "scenario": "billing",
        "verdict": "reached",
        "bound": "exact",
        "capacity_jps": 74.2,
        "ci_jps": [73.1, 75.2],
        "capacity_rps": 74.2,
        "ci_rps": [73.1, 75.2],
        "up_to_jps": 120.0,
        "onset_jps": [60.0, 80.0],
        "sustained_jps": 60.0,
        "slo_capacity_jps": None,
        "cause": "queue",
        "scope": "unknown",
        "quota": None,
        "headroom": {"peak_jps": 50.0, "ratio": 1.484, "ci": [1.462, 1.504]},
        "explanation": "Goodput stays at 74/s from stage_04 on, while the wait grows.",
        "next_run": "Confirm with stages of at most 10 % between 60/s and 80/s.",
    }
    return entry | more


def not_reached(scenario: str = "chat", up_to: float = 30.0) -> dict[str, Any]:
    nothing = {"capacity_jps": None, "ci_jps": None, "capacity_rps": None, "ci_rps": None}
    words = {"cause": "none", "explanation": "Everything that was due was served.", "next_run": ""}
    return saturation(
        scenario=scenario,
        verdict="not_reached",
        up_to_jps=up_to,
        sustained_jps=up_to,
        onset_jps=None,
        headroom=None,
        **nothing,
        **words,
    )


def judgement(verdict: str = "pass", **more: Any) -> dict[str, Any]:
    entry = {
        "text": "p95(chat/send@plateau) < 300ms",
        "by": "point",
        "verdict": verdict,
        "measured": 42.0,
        "ci": [39.9, 44.1],
        "limit": 300.0,
        "unit": "ms",
        "count": 3000,
        "reason": "42 ms is below 300 ms.",
    }
    return entry | more


def report(**more: Any) -> dict[str, Any]:
    goodput = [min(offered, 74.0) for offered in OFFERED]
    stages = [
        series("billing", "usage", phase, offered, good, 42.0 if good == offered else None)
        for phase, offered, good in zip(PHASES, OFFERED, goodput, strict=True)
    ]
    document = {
        "format": "headroom-report/1",
        "run": {
            "id": "6c1f0f6e-8f0e-4a53-9d4e-0d7c1d0f8f11",
            "campaign": "critical-flows",
            "started_at": "2024-11-23T09:00:00Z",
            "ended_at": "2024-11-23T09:01:00Z",
            "state": "complete",
            "labels": {},
            "source": "native",
            "fidelity": {
                "samples": "raw",
                "schedule": True,
                "failures": True,
                "absolute_time": True,
            },
        },
        "validity": {"verdict": "valid", "reasons": []},
        "series": [
            *stages,
            series("chat", "send", "plateau", 30.0, 30.0),
            series("chat", None, None, 30.0, 30.0),
            series(None, None, None, 100.0, 92.0, 512.0),
        ],
        "journeys": [
            {
                "scenario": "billing",
                "phase": "stage_01",
                "count": 200,
                "success_rate": 1.0,
                "duration_ms": spread(21.0, 42.0, 55.0),
            }
        ],
        "saturation": [saturation(), not_reached()],
        "bottlenecks": [
            {
                "scenario": "billing",
                "metric": "db_pool_in_use",
                "area": "database",
                "strength": "likely",
                "score": 1.21,
                "evidence": "At its ceiling in 96 % of the bad seconds, in 2 % of the good ones.",
            }
        ],
        "probes": [
            {
                "probe": "operations",
                "metric": "db_pool_in_use",
                "before": 0.0,
                "during": {"min": 0.0, "mean": 7.1, "max": 10.0},
                "after": 0.0,
            }
        ],
        "criteria": [judgement()],
        "verdict": "pass",
    }
    return document | more


def points() -> list[dict[str, Any]]:
    """The stages of billing: served whole up to 60/s, 74/s from 80/s on."""
    return [
        {
            "phase": phase,
            "offered_jps": offered,
            "goodput_jps": min(offered, 74.0),
            "goodput_ci": [min(offered, 74.0) - 1.0, min(offered, 74.0) + 1.0],
            "p50_ms": 20.0 if offered < 74 else 400.0,
            "p95_ms": 40.0 if offered < 74 else 900.0,
            "refusal_rate": 0.0,
            "error_rate": max(0.0, 1 - 74.0 / offered),
            "count": round(offered * STAGE_S),
            "is_overloaded": offered > 74,
        }
        for phase, offered in zip(PHASES, OFFERED, strict=True)
    ]


def track(seconds: int, rate: float, p95: float) -> dict[str, Any]:
    wave = [1 + 0.1 * math.sin(second / 3) for second in range(seconds)]
    due = [round(rate)] * seconds
    return {
        "due": due,
        "started": due,
        "answered": due,
        "good": [round(rate * 0.97)] * seconds,
        "in_flight": [round(rate * p95 / 2000 * one, 3) for one in wave],
        "p50_ms": [round(p95 * 0.5 * one, 3) for one in wave],
        "p95_ms": [round(p95 * one, 3) for one in wave],
        "p99_ms": [None if second % 20 == 7 else p95 * 1.6 for second in range(seconds)],
        "outcomes": {
            "ok": [round(rate * 0.97)] * seconds,
            "timeout": [round(rate) - round(rate * 0.97)] * seconds,
        },
        "classes": {"2xx": [round(rate * 0.97)] * seconds},
    }


def timeline(seconds: int = 60) -> dict[str, Any]:
    bands = [
        {"start_s": index * 10.0, "judged_s": index * 10.0 + 1, "end_s": index * 10.0 + 10}
        for index in range(6)
    ]
    return {
        "bin_s": 1.0,
        "t_s": [float(second) for second in range(seconds)],
        "total": track(seconds, 100, 300.0),
        "scenarios": {"billing": track(seconds, 70, 900.0), "chat": track(seconds, 30, 42.0)},
        "phases": [
            {"scenario": "billing", "phase": phase, **band}
            for phase, band in zip(PHASES, bands, strict=True)
        ]
        + [{"scenario": "chat", "phase": "plateau", **bands[0], "end_s": 60.0}],
        "probes": [
            {
                "probe": "operations",
                "metric": "db_pool_in_use",
                "t_s": [float(second) for second in range(seconds)],
                "values": [float(min(10, second // 4)) for second in range(seconds)],
            }
        ],
    }


def headline(**more: Any) -> dict[str, Any]:
    capacity = {"scenario": "billing", "capacity_jps": 74.2, "ci": [73.1, 75.2]}
    entry = {
        "goodput_rps": 92.0,
        "p95_ms": 512.0,
        "error_rate": 0.08,
        "peak_jps": 150.0,
        "capacity": [capacity | {"verdict": "reached"}],
    }
    return entry | more


def manifest() -> dict[str, Any]:
    metric = {"name": "db_pool_in_use", "area": "database", "ceiling": 10.0}
    return {
        "campaign": {"name": "critical-flows", "text": "campaign: critical-flows\nversion: 1\n"},
        "tool": {"name": "loadrunner", "version": "0.1.0"},
        "host": {"cores": 2},
        "git": {"commit": "a" * 40, "branch": "main", "dirty": False},
        "seed": 1,
        "probes": [{"name": "operations", "metrics": [metric]}],
    }
