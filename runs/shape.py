"""The shape of a run's load, and where it went, in a few words for a list of runs."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from runs.analysis import wording
from runs.analysis.plan import Phase, Plan

_STAGE: Final = "stage_"
_MOST_PHASES: Final = 2


def words(plan: Plan) -> str:
    """'9 stages to 180/s', 'ramp up to 30/s, plateau 30/s', 'plateau 20 users'.

    Of the scenario that is loaded most, with how many others there are."""
    scenarios = plan.scenarios
    if not scenarios:
        return ""
    name = max(scenarios, key=lambda one: _highest(plan.phases_of(one)))
    told = _of(plan.phases_of(name))
    others = len(scenarios) - 1
    return f"{told}, +{others}" if others else told


def _highest(phases: Sequence[Phase]) -> tuple[int, float]:
    """A staircase says most about a run; then the highest rate, then the most users."""
    stages = sum(phase.phase.startswith(_STAGE) for phase in phases)
    return stages, max((phase.rate_to or phase.users or 0 for phase in phases), default=0)


def _of(phases: Sequence[Phase]) -> str:
    stages = [phase for phase in phases if phase.phase.startswith(_STAGE)]
    if len(stages) > 1:
        highest = max((phase.rate_to or 0 for phase in stages), default=0)
        return f"{len(stages)} stages" + (f" to {wording.per_second(highest)}" if highest else "")
    shown = [_phase(phase) for phase in phases[:_MOST_PHASES]]
    more = len(phases) - len(shown)
    return ", ".join(shown + ([f"{more} more"] if more else []))


def _phase(phase: Phase) -> str:
    name = wording.name(phase.phase)
    if phase.model == "closed":
        to = "to " if phase.is_ramp_of_users else ""
        return f"{name} {to}{wording.plural(phase.users or 0, 'user')}"
    if phase.rate_from != phase.rate_to:
        return f"{name} to {wording.per_second(phase.rate_to)}"
    return f"{name} {wording.per_second(phase.rate_to)}"


def target(manifest: Mapping[str, Any]) -> str:
    """Where the load went, as far as the manifest says it."""
    found = manifest.get("target") or ""
    address = found.get("base_url") if isinstance(found, Mapping) else found
    return str(address or "")[:200]
