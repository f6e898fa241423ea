"""What a run set out to do, as far as the analysis needs to know it."""

from dataclasses import dataclass, field
from typing import Literal

Model = Literal["open", "closed"]
Better = Literal["lower", "higher"]
PLATEAU = "plateau"


@dataclass(frozen=True)
class Phase:
    """One stretch of a run in which one scenario has a load of its own, half-open in time.

    Times are microseconds since the start of the run. An open phase has `rate_from` and
    `rate_to` in journeys/s (equal unless it is a ramp); a closed one has `users`. Where their
    number rises or falls, `users_from` and `users_to` say so, and `users` is the most there are.
    """

    scenario: str
    phase: str
    start_us: int
    end_us: int
    model: Model = "open"
    rate_from: float | None = None
    rate_to: float | None = None
    users: int | None = None
    users_from: int | None = None
    users_to: int | None = None
    think_time_s: float = 0.0
    warm_up_us: int = 0

    @property
    def mean_rate_jps(self) -> float | None:
        """Of the whole phase; None of a closed one, and where the plan does not say."""
        if self.rate_from is None or self.rate_to is None:
            return None
        return (self.rate_from + self.rate_to) / 2

    @property
    def is_ramp_of_users(self) -> bool:
        return self.users_from != self.users_to

    def users_at(self, t_us: int) -> float:
        """How many users a closed phase has at an instant of it; 0 in an open one."""
        if self.users_from is None or self.users_to is None or self.end_us <= self.start_us:
            return float(self.users or 0)
        share = (t_us - self.start_us) / (self.end_us - self.start_us)
        return self.users_from + (self.users_to - self.users_from) * share

    @property
    def window_us(self) -> tuple[int, int]:
        """The part that is judged: the phase less its declared warm-up."""
        return self.start_us + self.warm_up_us, self.end_us


@dataclass(frozen=True)
class ProbeMetric:
    """One figure of the target's own that a probe reads."""

    name: str
    area: str = "other"
    better: Better = "lower"
    ceiling: float | None = None
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Probe:
    name: str
    metrics: tuple[ProbeMetric, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The phases, probes, criteria and production peaks (journeys/s) of a run; by which share the
    peaks grow in a year, where the campaign says so."""

    phases: tuple[Phase, ...]
    probes: tuple[Probe, ...] = ()
    criteria: tuple[str, ...] = ()
    peak_jps: dict[str, float] = field(default_factory=dict)
    growth_per_year: float | None = None

    @property
    def scenarios(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(phase.scenario for phase in self.phases))

    def phases_of(self, scenario: str) -> tuple[Phase, ...]:
        """In the order of time."""
        mine = (phase for phase in self.phases if phase.scenario == scenario)
        return tuple(sorted(mine, key=lambda phase: phase.start_us))
