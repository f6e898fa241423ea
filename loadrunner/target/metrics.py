"""The target's numbers in Prometheus' text format, version 0.0.4."""

import time
from collections.abc import Iterable

from loadrunner.target.router import Router
from loadrunner.target.service import Service

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]
Sample = tuple[Labels, float]


def text(service: Service, router: Router, now_s: float) -> str:
    readings = {name: one.pool.reading(now_s) for name, one in service.stations.items()}
    pools = [((("pool", name),), reading) for name, reading in readings.items()]
    totals = [((("pool", name),), one.pool) for name, one in service.stations.items()]
    hits = service.cache.hits_total
    families = (
        _family("requests_total", "counter", "Answers by route and status.", _answers(router)),
        _family("pool_size", "gauge", "Servers of a pool.", ((p, r.size) for p, r in pools)),
        _family(
            "pool_in_use", "gauge", "Servers at work.", ((p, r.in_use_now) for p, r in pools)
        ),
        _family(
            "pool_waiting", "gauge", "Jobs in the queue.", ((p, r.waiting_now) for p, r in pools)
        ),
        _family(
            "pool_served_total", "counter", "Jobs admitted to service since the reset.",
            ((p, pool.served_total) for p, pool in totals),
        ),
        _family(
            "pool_gave_up_total", "counter", "Jobs whose wait grew too long since the reset.",
            ((p, pool.gave_up_total) for p, pool in totals),
        ),
        _family(
            "cache_lookups_total", "counter", "Cache lookups since the reset.",
            (
                ((("result", "hit"),), hits),
                ((("result", "miss"),), service.cache.lookups_total - hits),
            ),
        ),
        _family(
            "rejections_total", "counter", "Requests refused by a limit since the reset.",
            (((("scope", s),), n) for s, n in service.limits.rejected_total().items()),
        ),
        _family(
            "process_cpu_seconds_total", "counter", "CPU time of the process.",
            (((), time.process_time()),),
        ),
    )  # fmt: skip
    return "".join(families)


def _answers(router: Router) -> Iterable[Sample]:
    for (method, route, status), count in sorted(router.answered.items()):
        yield (("method", method), ("route", route), ("status", str(status))), count


def _family(name: str, kind: str, meaning: str, samples: Iterable[Sample]) -> str:
    full = f"headroom_target_{name}"
    lines = [f"# HELP {full} {meaning}", f"# TYPE {full} {kind}"]
    lines += [f"{full}{_labels(labels)} {value:.10g}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
