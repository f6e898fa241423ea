"""What of a campaign is run: the scenarios asked for, without the destructive ones unless they
are allowed, and in a smoke run each with one short phase."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from loadrunner.campaign.abort import of_those
from loadrunner.campaign.criteria import catalogue, left_out
from loadrunner.campaign.found import did_you_mean, one_of
from loadrunner.campaign.mix import unsent
from loadrunner.campaign.model import Campaign, Load, Scenario
from loadrunner.campaign.schema import SmokeSection
from loadrunner.errors import UsageError
from runs.analysis.plan import PLATEAU

DESTRUCTIVE: Final = "destructive; run it with --allow-destructive"
DESTRUCTIVE_IN_SMOKE: Final = "destructive; a smoke run never includes it"
NOT_SELECTED: Final = "not selected with --scenario"


def smoke_load(section: SmokeSection) -> tuple[Load, ...]:
    return (
        Load(
            phase=PLATEAU,
            start_s=0.0,
            duration_s=section.duration,
            rate_from=section.rate,
            rate_to=section.rate,
        ),
    )


def as_smoke(scenario: Scenario, section: SmokeSection) -> Scenario:
    return replace(scenario, load=smoke_load(section))


def selected(
    campaign: Campaign, names: Sequence[str], *, smoke: SmokeSection | None, destructive: bool
) -> Campaign:
    """The campaign with what is left out under `skipped`; a UsageError where nothing is left.

    `smoke` is None in a full run.
    """
    _check_names(campaign, names)
    if smoke is not None:
        campaign = replace(campaign, mix={})
    skipped = {
        one.name: unsent(campaign, one.name, reason)
        for one in campaign.scenarios
        if (reason := _reason(one, names, smoke is not None, destructive))
    }
    scenarios = tuple(one for one in campaign.scenarios if one.name not in skipped)
    if not scenarios:
        reasons = "; ".join(f"{name} is {reason}" for name, reason in skipped.items())
        raise UsageError(f"{campaign.file}: no scenario is left to run: {reasons}.")
    if smoke is not None:
        scenarios = tuple(as_smoke(one, smoke) for one in scenarios)
        # Nothing is saturated in a smoke run, so that it has no headroom to tell.
        texts = tuple(one.text for one in smoke.criteria)
        campaign = replace(campaign, criteria=texts, peak_jps={})
    return with_criteria(_with_abort(replace(campaign, scenarios=scenarios, skipped=skipped)))


def _check_names(campaign: Campaign, names: Sequence[str]) -> None:
    known = [one.name for one in campaign.scenarios]
    for name in names:
        if name not in known:
            raise UsageError(
                f"{campaign.file} has no scenario '{name}', which --scenario names;"
                f" allowed: {one_of(known)}{did_you_mean(name, known)}"
            )


def _reason(
    scenario: Scenario, names: Sequence[str], is_smoke: bool, destructive: bool
) -> str | None:
    if names and scenario.name not in names:
        return NOT_SELECTED
    if scenario.destructive and is_smoke:
        return DESTRUCTIVE_IN_SMOKE
    return DESTRUCTIVE if scenario.destructive and not destructive else None


def _with_abort(campaign: Campaign) -> Campaign:
    """The campaign without the abort rules of scenarios that are not run."""
    kept = of_those(campaign.abort, campaign.scenarios)
    texts = {rule.text for rule in kept}
    gone = [rule.text for rule in campaign.abort if rule.text not in texts]
    reasons = {f"abort {text}": "its scenario is left out" for text in gone}
    return replace(campaign, abort=kept, skipped={**campaign.skipped, **reasons})


def with_criteria(campaign: Campaign) -> Campaign:
    """The campaign without the criteria and peaks of scenarios that are not run."""
    names = {one.name for one in campaign.scenarios}
    known = catalogue(campaign.scenarios, campaign.probes)
    reasons = left_out(campaign.criteria, known, campaign.skipped)
    return replace(
        campaign,
        criteria=tuple(text for text in campaign.criteria if text not in reasons),
        peak_jps={name: rate for name, rate in campaign.peak_jps.items() if name in names},
        skipped={
            **campaign.skipped,
            **{f"criterion {text}": reason for text, reason in reasons.items()},
        },
    )
