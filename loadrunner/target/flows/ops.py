"""Operations: reset, the operational summary, health, and the same numbers for Prometheus."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from loadrunner.target import metrics
from loadrunner.target.exchange import Exchange
from loadrunner.target.pool import PoolReading
from loadrunner.target.router import Route, Router
from loadrunner.target.service import Service
from loadrunner.target.vitals import Vitals

OPEN_PATHS = frozenset({"/", "/healthz", "/metrics"})


def is_exempt(path: str) -> bool:
    """Whether the global limit leaves it alone: what watches the target must get through."""
    return path in OPEN_PATHS or path.startswith("/v1/ops/")


def routes(
    service: Service, router: Router, vitals: Vitals, connections: Callable[[], int]
) -> tuple[Route, ...]:
    def reset(exchange: Exchange, _: tuple[str, ...]) -> None:
        service.reset()
        exchange.reply_json(200, {"status": "reset"})

    def show_summary(exchange: Exchange, _: tuple[str, ...]) -> None:
        exchange.reply_json(200, summary(service, vitals, connections(), exchange.arrived_s))

    def show_metrics(exchange: Exchange, _: tuple[str, ...]) -> None:
        text = metrics.text(service, router, exchange.arrived_s)
        exchange.reply(200, text.encode(), content_type=metrics.CONTENT_TYPE)

    def healthz(exchange: Exchange, _: tuple[str, ...]) -> None:
        exchange.reply_json(200, {"status": "ok"})

    def root(exchange: Exchange, _: tuple[str, ...]) -> None:
        exchange.reply_json(200, {"service": "headroom reference target"})

    return (
        Route("GET", "/", root),
        Route("GET", "/healthz", healthz),
        Route("GET", "/metrics", show_metrics),
        Route("POST", "/v1/ops/reset", service.for_ops(reset)),
        Route("GET", "/v1/ops/monitoring/operational-summary", service.for_ops(show_summary)),
    )


def summary(service: Service, vitals: Vitals, connections: int, now_s: float) -> dict[str, object]:
    """Means cover the last window; what cannot be known is None (no lookups, no calls)."""
    readings = {name: one.pool.reading(now_s) for name, one in service.stations.items()}
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "window_s": service.settings.summary_window,
        "database": {"pool": _pool(readings["database"])},
        "redis": {"hit_rate": _rounded(service.cache.hit_rate(now_s))},
        "rate_limits": {
            "rejections": {
                scope: _rounded(recent.per_s(now_s))
                for scope, recent in service.limits.rejections.items()
            },
            "rejections_total": dict(service.limits.rejected_total()),
        },
        "llm": _llm(readings["llm"]),
        "exports": _pool(readings["exports"]),
        "deletions": _pool(readings["deletions"]),
        "process": {
            "cpu": _rounded(vitals.cpu()),
            "loop_lag_ms": _rounded(vitals.lag_ms()),
            "cpu_seconds_total": _rounded(time.process_time()),
            "connections": connections,
        },
    }


def _pool(reading: PoolReading) -> dict[str, object]:
    return {
        "in_use": _rounded(reading.in_use),
        "in_use_now": reading.in_use_now,
        "size": reading.size,
        "waiting": _rounded(reading.waiting),
        "waiting_now": reading.waiting_now,
        "wait_ms": _rounded(reading.wait_ms),
    }


def _llm(reading: PoolReading) -> dict[str, object]:
    return {
        "in_flight": _rounded(reading.in_use),
        "in_flight_now": reading.in_use_now,
        "size": reading.size,
        "waiting": _rounded(reading.waiting),
        "wait_ms": _rounded(reading.wait_ms),
        "latency_ms": _rounded(reading.service_ms),
        "calls_per_s": _rounded(reading.served_per_s),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
