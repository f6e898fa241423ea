"""The weighted mix: one load that several scenarios share, each by its weight.

It is sugar. Each scenario gets its part as phases of its own, so that nothing behind this file
knows of a mix, but for the words about it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from loadrunner.campaign.document import Path
from loadrunner.campaign.loads import loads, phases_of
from loadrunner.campaign.model import Campaign, Load, Scenario
from loadrunner.campaign.reading import Reading
from loadrunner.campaign.schema import CampaignFile, MixSection
from runs.analysis.wording import percent, plural

LOAD: Final[Path] = ("mix", "load")


def mixed(flows: Sequence[Scenario], file: CampaignFile, reading: Reading) -> tuple[Scenario, ...]:
    """The scenarios, those that the mix names with their part of its load. What is wrong with
    the mix, and a scenario without any load, goes to the reading's problems."""
    _check_own_loads(file, reading)
    mix = file.mix
    if mix is None:
        return tuple(flows)
    for name in mix.weights:
        reading.check_name(name, file.scenarios, "scenario", ("mix", "weights", name))
    _check_users(mix, reading)
    return tuple(
        _with_part(one, mix, file.scenarios[one.name].start_at, reading)
        if one.name in mix.weights
        else one
        for one in flows
    )


def _check_own_loads(file: CampaignFile, reading: Reading) -> None:
    """Each scenario has exactly one load: its own, or its part of the mix."""
    named = file.mix.weights if file.mix else {}
    for name, section in file.scenarios.items():
        path: Path = ("scenarios", name, "load")
        if section.load and name in named:
            reading.problems.add(
                path,
                "found a load beside a weight in mix.weights, allowed: one of them;"
                " the mix gives the scenario its load",
            )
        if not section.load and name not in named:
            reading.problems.add(
                path,
                "is missing, required: its phases, one after another, or a weight in mix.weights.",
            )


def _check_users(mix: MixSection, reading: Reading) -> None:
    """A scenario without a user would silently not be run."""
    for index, section in enumerate(mix.load):
        key = "users" if section.users else "staircase"
        messages = (_too_few(load, mix.weights) for load in phases_of(section, 0.0))
        if message := next(filter(None, messages), None):
            reading.problems.add((*LOAD, index, key), message)


def _too_few(load: Load, weights: Mapping[str, float]) -> str | None:
    if load.users is None or all((dealt := portions(load.users, weights)).values()):
        return None
    without = next(name for name, users in dealt.items() if not users)
    # So many give the smallest share a whole user; by its remainder it may get one earlier.
    enough = math.ceil(1 / min(shares(weights).values()))
    return (
        f"found {plural(load.users, 'user')} in the phase '{load.phase}', of which {without} gets"
        " none, allowed: as many as give each scenario of the mix one; at these weights"
        f" {enough:,} are enough"
    )


def _with_part(scenario: Scenario, mix: MixSection, start_s: float, reading: Reading) -> Scenario:
    whole = loads(mix.load, start_s, LOAD, reading)
    return replace(scenario, load=tuple(_parts(whole, scenario.name, mix.weights)))


def _parts(whole: Sequence[Load], name: str, weights: Mapping[str, float]) -> Iterator[Load]:
    share = shares(weights)[name]
    for load in whole:
        yield replace(
            load,
            rate_from=_times(load.rate_from, share),
            rate_to=_times(load.rate_to, share),
            users=_portion(load.users, weights, name),
            users_from=_portion(load.users_from, weights, name),
            users_to=_portion(load.users_to, weights, name),
        )


def _portion(users: int | None, weights: Mapping[str, float], name: str) -> int | None:
    return None if users is None else portions(users, weights)[name]


def _times(rate: float | None, share: Fraction) -> float | None:
    return None if rate is None else float(_exact(rate) * share)


def _exact(number: float) -> Fraction:
    """The decimal as it was written: 0.1, not the nearest binary number."""
    return Fraction(repr(number))


def shares(weights: Mapping[str, float]) -> dict[str, Fraction]:
    """What each has of the whole; they add up to 1 exactly."""
    total = sum(map(_exact, weights.values()), Fraction(0))
    return {name: _exact(weight) / total for name, weight in weights.items()}


def portions(users: int, weights: Mapping[str, float]) -> dict[str, int]:
    """So many users dealt out by largest remainder: whole shares first, then one each to those
    that are owed the most; of equals the first in the file."""
    owed = {name: users * share for name, share in shares(weights).items()}
    dealt = {name: math.floor(part) for name, part in owed.items()}
    by_remainder = sorted(owed, key=lambda name: dealt[name] - owed[name])
    for name in by_remainder[: users - sum(dealt.values())]:
        dealt[name] += 1
    return dealt


def in_words(campaign: Campaign) -> str:
    """Each scenario's share, also of those that are left out; empty where there is no mix."""
    sent = {one.name for one in campaign.scenarios}
    return ", ".join(
        f"{name} {share}" + ("" if name in sent else " (not sent)")
        for name, share in _percentages(campaign.mix).items()
    )


def _percentages(weights: Mapping[str, float]) -> dict[str, str]:
    return {name: percent(float(share)) for name, share in shares(weights).items()}


def unsent(campaign: Campaign, name: str, reason: str) -> str:
    """Why a scenario is left out, and what becomes of its share: nobody else gets it, so that
    the others run at the load that they have in the whole mix."""
    if name not in campaign.mix:
        return reason
    return f"{reason}; its {_percentages(campaign.mix)[name]} of the mix's load is not sent"
