"""What a campaign would send, without sending it: journeys and requests, phase by phase."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadrunner.campaign.model import Campaign, Load, Scenario
from loadrunner.pacing import RateCurve


@dataclass(frozen=True)
class PhaseForecast:
    """One phase of one scenario; times in seconds since the run's start, rates in journeys/s.

    `journeys` and `requests` are None in the closed model, where they depend on the answers, and
    `requests` where a function decides on them; with Poisson arrivals they are what is expected.
    Retries are not counted.
    """

    scenario: str
    phase: str
    start_s: float
    duration_s: float
    model: str
    rate_from: float | None
    rate_to: float | None
    users: int | None
    users_from: int | None
    users_to: int | None
    journeys: int | None
    requests: int | None

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s

    def rate_at(self, time_s: float) -> float:
        """Journeys per second at a time within the phase; zero in the closed model."""
        return self._between(self.rate_from, self.rate_to, time_s)

    def users_at(self, time_s: float) -> float:
        """Users at a time within the phase; zero in the open model."""
        if self.users_from is None:
            return float(self.users or 0)
        return self._between(self.users_from, self.users_to, time_s)

    def _between(self, first: float | None, last: float | None, time_s: float) -> float:
        if first is None or last is None:
            return 0.0
        return first + (last - first) * (time_s - self.start_s) / self.duration_s


@dataclass(frozen=True)
class Forecast:
    """`journeys` and `requests` are those of the open phases; `peak_jps` and `peak_rps` the
    highest rates of all scenarios together, `peak_users` the most closed users at a time."""

    phases: tuple[PhaseForecast, ...]
    duration_s: float
    journeys: int
    requests: int
    peak_jps: float
    peak_rps: float
    peak_users: int
    setup_requests: int
    logins: int

    @property
    def scenarios(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(phase.scenario for phase in self.phases))

    def phases_of(self, scenario: str) -> tuple[PhaseForecast, ...]:
        return tuple(phase for phase in self.phases if phase.scenario == scenario)


def forecast(campaign: Campaign) -> Forecast:
    phases = tuple(_phase(one, load) for one in campaign.scenarios for load in one.load)
    # Of what a function sends only so much is known: something, each time.
    steps = {one.name: 1 if one.script else len(one.steps) for one in campaign.scenarios}
    return Forecast(
        phases=phases,
        duration_s=campaign.duration_s,
        journeys=sum(phase.journeys or 0 for phase in phases),
        requests=sum(_requests(phase) for phase in phases),
        peak_jps=_peak(phases, dict.fromkeys(steps, 1)),
        peak_rps=_peak(phases, steps),
        peak_users=_peak_users(phases),
        setup_requests=len(campaign.setup),
        logins=sum(one.count for one in campaign.used_identities.values() if one.login),
    )


def _phase(scenario: Scenario, load: Load) -> PhaseForecast:
    journeys = None
    if load.rate_from is not None and load.rate_to is not None:
        journeys = RateCurve(load.rate_from, load.rate_to, load.duration_s).count
    return PhaseForecast(
        scenario=scenario.name,
        phase=load.phase,
        start_s=load.start_s,
        duration_s=load.duration_s,
        model=load.model,
        rate_from=load.rate_from,
        rate_to=load.rate_to,
        users=load.users,
        users_from=load.users_from,
        users_to=load.users_to,
        journeys=journeys,
        requests=None if journeys is None or scenario.script else journeys * len(scenario.steps),
    )


def _requests(phase: PhaseForecast) -> int:
    """At the least."""
    return (phase.journeys or 0) if phase.requests is None else phase.requests


def _peak(phases: Sequence[PhaseForecast], weights: dict[str, int]) -> float:
    """The highest weighted sum of rates. Rates are linear between the phases' ends, so that the
    highest stands at one of them, seen from its left or from its right."""
    ends = {end for phase in phases for end in (phase.start_s, phase.end_s)}
    sums = [
        sum(
            weights[phase.scenario] * phase.rate_at(time_s)
            for phase in phases
            if _is_running(phase, time_s, from_left)
        )
        for time_s in ends
        for from_left in (True, False)
    ]
    return round(max(sums, default=0.0), 9)


def _is_running(phase: PhaseForecast, time_s: float, from_left: bool) -> bool:
    if from_left:
        return phase.start_s < time_s <= phase.end_s
    return phase.start_s <= time_s < phase.end_s


def _peak_users(phases: Iterable[PhaseForecast]) -> int:
    """Numbers of users are linear as well."""
    closed = [phase for phase in phases if phase.users]
    sums = [
        sum(other.users_at(time_s) for other in closed if _is_running(other, time_s, from_left))
        for one in closed
        for time_s in (one.start_s, one.end_s)
        for from_left in (True, False)
    ]
    return round(max(sums, default=0.0))


def levels(phases: Sequence[PhaseForecast], duration_s: float, columns: int) -> list[float]:
    """The load of a scenario in the middle of each of `columns` equal stretches of the run:
    journeys per second, or users in a closed phase; zero where nothing runs."""
    width = duration_s / columns
    return [_level(phases, (column + 0.5) * width) for column in range(columns)]


def _level(phases: Sequence[PhaseForecast], time_s: float) -> float:
    for phase in phases:
        if _is_running(phase, time_s, from_left=False):
            return phase.users_at(time_s) if phase.users else phase.rate_at(time_s)
    return 0.0
