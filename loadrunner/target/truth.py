"""The truth: how many journeys a second each flow can take, from the settings alone.

A pool of c servers with a mean service time s sustains c / s jobs a second; a token bucket its
rate; a quota its requests by the length of its window. A flow's capacity is the least of what its
resources sustain, divided by how often a journey uses them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from loadrunner.target.settings import TargetSettings, show_duration

Cause = Literal["queue", "rate_limit", "quota"]

# A journey is one passage through a flow as examples/critical-flows.yaml has it.
JOURNEYS: Mapping[str, tuple[str, ...]] = {
    "chat": ("send_message", "history"),
    "privacy_export": ("submit", "poll", "download"),
    "privacy_delete": ("delete",),
    "billing": ("usage",),
    "b2b": ("quote",),
}


@dataclass(frozen=True)
class Bound:
    """What one resource allows a flow if nothing else binds and no other flow uses it."""

    resource: str
    cause: Cause
    capacity_jps: float
    explanation: str
    is_shared: bool = False


@dataclass(frozen=True)
class FlowTruth:
    """`bounds` are all resources of the flow, the tightest first: that one is its capacity."""

    flow: str
    requests: int
    bounds: tuple[Bound, ...]

    @property
    def binding(self) -> Bound:
        return self.bounds[0]

    @property
    def shares_with(self) -> tuple[str, ...]:
        """The other flows that draw on the binding resource too."""
        others = (flow for flow in JOURNEYS if flow != self.flow)
        return tuple(others) if self.binding.is_shared else ()


def of(settings: TargetSettings, users: int) -> tuple[FlowTruth, ...]:
    """`users` is how many users the campaign signs in: each has a limit of their own."""
    own = {
        "chat": (_pool("LLM pool", settings.llm_pool, "slots", settings.llm_time),),
        "privacy_export": (
            _pool("export workers", settings.export_workers, "workers", settings.export_time),
        ),
        "privacy_delete": (
            _pool("deletion workers", settings.delete_workers, "workers", settings.delete_time),
        ),
        "billing": _billing(settings),
        "b2b": _plan(settings),
    }
    return tuple(_flow(settings, users, flow, bounds) for flow, bounds in own.items())


def _flow(settings: TargetSettings, users: int, flow: str, own: tuple[Bound, ...]) -> FlowTruth:
    requests = len(JOURNEYS[flow])
    bounds = list(own)
    if settings.user_rate and flow != "b2b":
        bounds.append(_user_limit(settings.user_rate, users, requests))
    if settings.global_rate:
        bounds.append(_global_limit(settings.global_rate, requests))
    if not bounds:
        bounds.append(Bound("none", "queue", float("inf"), "no limit is set"))
    return FlowTruth(flow, requests, tuple(sorted(bounds, key=lambda one: one.capacity_jps)))


def _pool(name: str, size: int, servers: str, mean_s: float) -> Bound:
    explanation = f"{size} {servers} x {mean_s * 1000:.1f} ms"
    return Bound(name, "queue", size / mean_s, explanation)


def _billing(settings: TargetSettings) -> tuple[Bound, ...]:
    """A share of the reads never reaches the pool, which so sustains that much more of them."""
    bounds = [_computing(settings.billing_cpu)] if settings.billing_cpu else []
    pool = _pool("database pool", settings.db_pool, "connections", settings.db_time)
    hits, reach = settings.billing_cache_hit_rate, settings.billing_cache_reach
    if hits < 1 or reach:
        bounds.append(_behind_cache(pool, hits, reach) if hits else pool)
    return tuple(bounds)


def _behind_cache(pool: Bound, hits: float, reach: float) -> Bound:
    """Within the cache's reach the pool takes what misses; beyond it, all that is more as well."""
    if reach and (1 - hits) * reach < pool.capacity_jps:
        explanation = f"{pool.explanation}, {hits:.0%} of up to {reach:g} reads/s from the cache"
        return Bound(pool.resource, "queue", pool.capacity_jps + hits * reach, explanation)
    explanation = f"{pool.explanation}, {hits:.0%} of the reads from the cache"
    return Bound(pool.resource, "queue", pool.capacity_jps / (1 - hits), explanation)


def _computing(seconds: float) -> Bound:
    return Bound("CPU", "queue", 1 / seconds, f"1 core x {seconds * 1000:.1f} ms")


def _plan(settings: TargetSettings) -> tuple[Bound, ...]:
    bounds = []
    if settings.b2b_rate:
        explanation = f"{settings.b2b_rate:g} requests/s for each API key"
        bounds.append(Bound("plan limit", "rate_limit", settings.b2b_rate, explanation))
    if settings.b2b_quota:
        window = show_duration(settings.b2b_quota_window)
        explanation = f"{settings.b2b_quota} requests in {window} for each API key"
        rate = settings.b2b_quota / settings.b2b_quota_window
        bounds.append(Bound("plan quota", "quota", rate, explanation))
    return tuple(bounds)


def _user_limit(rate: float, users: int, requests: int) -> Bound:
    explanation = f"{users} users x {rate:g} requests/s, {requests} requests a journey"
    return Bound("user limits", "rate_limit", users * rate / requests, explanation)


def _global_limit(rate: float, requests: int) -> Bound:
    explanation = f"{rate:g} requests/s for all flows, {requests} requests a journey"
    return Bound("global limit", "rate_limit", rate / requests, explanation, is_shared=True)


def as_text(truths: tuple[FlowTruth, ...]) -> str:
    """One line a flow, then what holds between them."""
    lines = [
        f"{truth.flow:<14}  {truth.binding.capacity_jps:7.1f} journeys/s   "
        f"{truth.binding.resource}: {truth.binding.explanation}"
        for truth in truths
    ]
    return "\n".join([*lines, "", _note(truths), ""])


def _note(truths: tuple[FlowTruth, ...]) -> str:
    shared = [bound for truth in truths for bound in truth.bounds if bound.is_shared]
    if not shared:
        return "No two flows share a resource: each capacity holds whatever the others carry."
    return (
        "The global limit is shared by all flows: a flow's capacity holds only where the others"
        " leave it its requests."
    )


def as_document(truths: tuple[FlowTruth, ...]) -> dict[str, dict[str, Any]]:
    """`{flow: {capacity_jps, resource, cause, explanation, …, bounds}}`; no limit is None."""
    return {truth.flow: _flow_document(truth) for truth in truths}


def _flow_document(truth: FlowTruth) -> dict[str, Any]:
    bounds = [_bound_document(bound) for bound in truth.bounds]
    return {
        **bounds[0],
        "steps": list(JOURNEYS[truth.flow]),
        "shares_with": list(truth.shares_with),
        "bounds": bounds,
    }


def _bound_document(bound: Bound) -> dict[str, Any]:
    document = asdict(bound)
    if bound.capacity_jps == float("inf"):
        document["capacity_jps"] = None
    return document
