"""From a campaign file to a Campaign: read, validated whole, reduced to what is run.

Nothing is contacted here. A campaign that comes back is one whose every name exists and whose
host may be loaded.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from loadrunner.campaign import document
from loadrunner.campaign.abort import abort_rules
from loadrunner.campaign.criteria import catalogue, criteria
from loadrunner.campaign.data_sets import data_sets
from loadrunner.campaign.identities import identities
from loadrunner.campaign.limits import check_limits, limits
from loadrunner.campaign.mix import mixed
from loadrunner.campaign.model import Campaign
from loadrunner.campaign.probes import probes
from loadrunner.campaign.problems import Problems
from loadrunner.campaign.reading import Reading
from loadrunner.campaign.safety import IN_FILE, check_allowed, target
from loadrunner.campaign.scenarios import cleanup, setup
from loadrunner.campaign.scenarios import scenarios as all_scenarios
from loadrunner.campaign.schema import CampaignFile
from loadrunner.campaign.secrets import closed, masked_file
from loadrunner.campaign.selection import as_smoke, selected
from loadrunner.campaign.validation import validated
from loadrunner.campaign.variables import Scope, Settings
from loadrunner.errors import UsageError


def load(
    path: Path,
    settings: Mapping[str, str],
    environment: Mapping[str, str],
    *,
    smoke: bool = False,
    scenarios: Sequence[str] = (),
    allow_destructive: bool = False,
) -> Campaign:
    """Read a campaign and decide what of it is run.

    `settings` are those of --set, `environment` holds the --env-file's names too. Raises a
    CampaignError with every error that was found, a UsageError for scenarios that do not exist,
    and a SafetyError where the host may not be loaded.
    """
    return campaign_of_text(
        path,
        _bytes(path),
        settings,
        environment,
        smoke=smoke,
        scenarios=scenarios,
        allow_destructive=allow_destructive,
    )


def campaign_of_text(
    path: Path,
    raw: bytes,
    settings: Mapping[str, str],
    environment: Mapping[str, str],
    *,
    smoke: bool = False,
    scenarios: Sequence[str] = (),
    allow_destructive: bool = False,
    how_to_allow: str = IN_FILE,
) -> Campaign:
    """The same for a file's content that is known already; `path` is what errors call it."""
    reading, text = _reading(path, raw, Settings(settings, environment))
    file = validated(reading.plain(), reading.problems)
    campaign = _campaign(file, reading)
    reading.problems.raise_any()
    secrets = closed(reading.secrets | reading.settings.secrets)
    campaign = replace(
        campaign,
        text=masked_file(text, reading.root, secrets),
        sha256=hashlib.sha256(raw).hexdigest(),
        secrets=secrets,
        notes=_notes(reading.settings),
    )
    chosen = selected(
        campaign, scenarios, smoke=file.smoke if smoke else None, destructive=allow_destructive
    )
    check_limits(chosen, reading)
    reading.problems.raise_any()
    check_allowed(chosen.target, how_to_allow)
    return chosen if not smoke else replace(chosen, is_smoke=True)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The campaign file {path} cannot be read: {error.strerror or error}."
        ) from error
    except ValueError as error:
        raise UsageError(f"The campaign file {path} cannot be read: {error}.") from error


def _reading(path: Path, raw: bytes, settings: Settings) -> tuple[Reading, str]:
    problems = Problems(str(path))
    try:
        text = document.decoded(raw)
        problems.root = document.composed(text)
    except document.DocumentError as error:
        problems.add(error.path, error.message, error.line)
        raise problems.error() from error
    return Reading(path, problems.root, settings, problems), text


def _campaign(file: CampaignFile, reading: Reading) -> Campaign:
    """The whole campaign, its full run's criteria included; problems go to the reading."""
    data = data_sets(file.data, reading)
    scope = Scope(columns={name: one.columns if one else None for name, one in data.items()})
    flows = mixed(all_scenarios(file.scenarios, scope, file.identities, reading), file, reading)
    readings = probes(file.probes, file.identities, reading)
    for name in file.peak:
        reading.check_name(name, file.scenarios, "scenario", ("peak", name))
    known = catalogue(flows, readings)
    smokes = catalogue((as_smoke(one, file.smoke) for one in flows), readings)
    judged = criteria(file.criteria, ("criteria",), known, file.peak, reading)
    if "smoke" in file.model_fields_set:
        criteria(file.smoke.criteria, ("smoke", "criteria"), smokes, file.peak, reading)
    return Campaign(
        name=file.campaign,
        file=reading.file,
        text="",
        sha256="",
        target=target(file.target, reading),
        scenarios=flows,
        mix=dict(file.mix.weights) if file.mix else {},
        identities=identities(file.identities, reading),
        data={name: one for name, one in data.items() if one is not None},
        setup=setup(file.setup, file.identities, reading),
        cleanup=cleanup(file.cleanup, file.identities, reading),
        peak_jps=dict(file.peak),
        growth_per_year=file.growth,
        probes=readings,
        criteria=judged,
        limits=limits(file.limits),
        abort=abort_rules(file.abort, flows, reading),
    )


def _notes(settings: Settings) -> tuple[str, ...]:
    unused = [name for name in settings.given if name not in settings.used]
    return tuple(f"--set {name} has no effect: the campaign does not use it." for name in unused)
