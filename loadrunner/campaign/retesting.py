"""What of a campaign an action needs: the scenarios that its criteria name, up to the last phase
that they look at."""

from collections.abc import Sequence
from dataclasses import replace

from loadrunner.campaign.criteria import catalogue
from loadrunner.campaign.mix import unsent
from loadrunner.campaign.model import Campaign, Scenario
from loadrunner.campaign.selection import with_criteria
from loadrunner.errors import UsageError
from runs.analysis.criteria import check, parse
from runs.analysis.criteria.expression import Atom
from runs.analysis.errors import CriterionError

NOT_NEEDED = "the action's criteria do not name it"


def needed(campaign: Campaign, texts: Sequence[str], ref: str) -> Campaign:
    """The campaign cut to what the criteria look at. UsageError where it has not what they name."""
    atoms: list[Atom] = []
    known = catalogue(campaign.scenarios, campaign.probes)
    for text in texts:
        criterion = parse(text)
        try:
            check(criterion, known)
        except CriterionError as error:
            raise UsageError(
                f"{campaign.file} cannot re-test {ref}: its criterion '{text}' names what this "
                f"run would not have ({error.message})."
            ) from error
        atoms += criterion.atoms
    names = _names(atoms)
    if names is None:
        return campaign
    kept = tuple(_cut(one, atoms) for one in campaign.scenarios if one.name in names)
    gone = {
        one.name: unsent(campaign, one.name, NOT_NEEDED)
        for one in campaign.scenarios
        if one.name not in names
    }
    skipped = {**campaign.skipped, **gone}
    return with_criteria(replace(campaign, scenarios=kept, skipped=skipped))


def _names(atoms: Sequence[Atom]) -> set[str] | None:
    """The scenarios that are looked at; None for all of them: metrics are the whole target's."""
    if any(atom.statistic.kind == "probe" or atom.selector.name.is_any for atom in atoms):
        return None
    return {atom.selector.name.text for atom in atoms}


def _cut(scenario: Scenario, atoms: Sequence[Atom]) -> Scenario:
    """Without the phases after the last one that is looked at; what comes before warms up."""
    mine = [atom for atom in atoms if atom.selector.name.text == scenario.name]
    if any(atom.statistic.kind == "saturation" or atom.selector.phase is None for atom in mine):
        return scenario
    phases = {atom.selector.phase.text for atom in mine if atom.selector.phase}
    last = max((at for at, load in enumerate(scenario.load) if load.phase in phases), default=None)
    return scenario if last is None else replace(scenario, load=scenario.load[: last + 1])
