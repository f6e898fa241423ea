"""The caps of a campaign, and whether its own plan keeps them."""

from loadrunner.campaign.forecast import forecast
from loadrunner.campaign.model import Campaign, Limits
from loadrunner.campaign.reading import Reading
from loadrunner.campaign.schema import LimitsSection
from runs.analysis.wording import duration, number, per_second


def limits(section: LimitsSection) -> Limits:
    return Limits(
        rate_rps=section.rate,
        requests=section.requests,
        bytes=None if section.size is None else round(section.size),
        duration_s=section.duration,
    )


def check_limits(campaign: Campaign, reading: Reading) -> None:
    """A problem at each cap that the plan of what is run exceeds.

    What the plan cannot tell (closed users, retries, bytes) is watched while the run goes on.
    """
    for key, found, allowed in exceeded(campaign):
        reading.problems.add(
            ("limits", key), f"found a plan of {found}, allowed: at most {allowed} by this limit"
        )


def exceeded(campaign: Campaign) -> list[tuple[str, str, str]]:
    """The caps that the plan exceeds: key, what the plan has, and the cap, each in words."""
    plan, caps, found = forecast(campaign), campaign.limits, []
    if caps.rate_rps is not None and plan.peak_rps > caps.rate_rps:
        wanted = f"up to {number(plan.peak_rps)} requests/s"
        found.append(("rate", wanted, per_second(caps.rate_rps)))
    if caps.requests is not None and plan.requests > caps.requests:
        found.append(("requests", f"{plan.requests:,} requests", number(caps.requests)))
    if caps.duration_s is not None and plan.duration_s > caps.duration_s:
        found.append(("duration", duration(plan.duration_s), duration(caps.duration_s)))
    return found
