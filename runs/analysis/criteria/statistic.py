"""The statistics that a criterion may ask for, and the units that their limits carry."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["percentile", "mean", "max", "share", "flow", "count", "saturation", "probe"]
Measure = Literal["time", "share", "rate", "number"]

PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
TIMES: Final = ("response", "ok", "service", "all", "first_token")

# Every unit that may be written, with what it is in the canonical unit of its measure.
UNITS: Final[dict[Measure, dict[str, float]]] = {
    "time": {"ms": 1.0, "s": 1000.0},
    "share": {"%": 0.01},
    "rate": {"/s": 1.0},
    "number": {"": 1.0},
}


@dataclass(frozen=True)
class Statistic:
    """`q` and `time` say which percentile of which time (`time` is one of TIMES)."""

    name: str
    kind: Kind
    measure: Measure
    q: float | None = None
    time: str = "response"

    @property
    def takes_scenario_only(self) -> bool:
        return self.kind == "saturation"

    @property
    def unit(self) -> str:
        """The unit in which a judgement shows the figure."""
        return {"time": "ms", "share": "%", "rate": "/s", "number": ""}[self.measure]

    @property
    def shown(self) -> float:
        """What a canonical figure is multiplied by to be shown in `unit`."""
        return 100.0 if self.measure == "share" else 1.0


def _percentiles() -> list[Statistic]:
    return [
        Statistic(name if time == "response" else f"{time}_{name}", "percentile", "time", q, time)
        for time in TIMES
        for name, q in PERCENTILES.items()
    ]


_SHARES = ("error_rate", "refusal_rate", "rate_4xx", "rate_5xx", "drop_rate", "retry_rate")

STATISTICS: Final[dict[str, Statistic]] = {
    statistic.name: statistic
    for statistic in (
        *_percentiles(),
        Statistic("mean", "mean", "time", time="ok"),
        Statistic("max", "max", "time", time="ok"),
        Statistic("throughput", "flow", "rate"),
        Statistic("goodput", "flow", "rate"),
        *(Statistic(name, "share", "share") for name in _SHARES),
        Statistic("count", "count", "number"),
        Statistic("capacity", "saturation", "rate"),
        Statistic("headroom", "saturation", "number"),
        Statistic("probe_max", "probe", "number"),
        Statistic("probe_mean", "probe", "number"),
    )
}
