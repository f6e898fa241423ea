"""The campaign's phases and probes as the manifest and the analysis hold them."""

from loadrunner.campaign.model import Campaign, Load
from runs.analysis.plan import Phase, Plan, Probe


def phases(campaign: Campaign) -> tuple[Phase, ...]:
    """In microseconds since the run's start, scenario by scenario."""
    return tuple(_phase(one.name, load) for one in campaign.scenarios for load in one.load)


def plan(campaign: Campaign) -> Plan:
    """All that the analysis needs to know of what the run set out to do."""
    return Plan(
        phases=phases(campaign),
        probes=tuple(Probe(probe.name, probe.metrics) for probe in campaign.probes),
        criteria=campaign.criteria,
        peak_jps=dict(campaign.peak_jps),
        growth_per_year=campaign.growth_per_year,
    )


def _phase(scenario: str, load: Load) -> Phase:
    return Phase(
        scenario=scenario,
        phase=load.phase,
        start_us=_micros(load.start_s),
        end_us=_micros(load.start_s + load.duration_s),
        model=load.model,
        rate_from=load.rate_from,
        rate_to=load.rate_to,
        users=load.users,
        users_from=load.users_from,
        users_to=load.users_to,
        think_time_s=load.think_time_s,
        warm_up_us=_micros(load.warm_up_s),
    )


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)
