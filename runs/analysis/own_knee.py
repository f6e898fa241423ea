"""A saturation point that may be the generator's own is none: where the generator could not keep
its schedule at the very load at which a scenario seems to give no more, nothing is known."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from runs.analysis.plan import Phase, Plan
from runs.analysis.saturation.result import Saturation
from runs.analysis.validity import Validity

_GENERATORS: Final = ("generator_limited", "schedule_not_kept")
# A refusal is the target's doing, however the generator fared.
_TARGETS: Final = ("rate_limit", "quota")


def without(points: Iterable[Saturation], believed: Validity, plan: Plan) -> tuple[Saturation, ...]:
    """The points as they are, but inconclusive where an invalid run's generator fell behind in a
    phase at or above the load where the losses begin."""
    return tuple(_doubted(point, _fallen(point, believed, plan)) for point in points)


def _fallen(point: Saturation, believed: Validity, plan: Plan) -> str | None:
    """The first such phase, or None."""
    if believed.verdict != "invalid" or point.verdict != "reached" or point.cause in _TARGETS:
        return None
    blamed = {reason.phase for reason in believed.reasons if reason.code in _GENERATORS}
    scenarios = plan.scenarios if point.scenario is None else (point.scenario,)
    phases = (phase for scenario in scenarios for phase in plan.phases_of(scenario))
    beyond = (phase.phase for phase in phases if _is_beyond(phase, point))
    return next((name for name in beyond if name in blamed or None in blamed), None)


def _is_beyond(phase: Phase, point: Saturation) -> bool:
    """Whether the losses were seen in it; a closed load does not say, and counts."""
    if point.onset_jps is None or phase.rate_to is None:
        return True
    return max(phase.rate_from or 0.0, phase.rate_to) >= 0.999 * point.onset_jps[1]


def _doubted(point: Saturation, phase: str | None) -> Saturation:
    if phase is None:
        return point
    return replace(
        point,
        verdict="inconclusive",
        capacity_jps=None,
        ci_jps=None,
        capacity_rps=None,
        ci_rps=None,
        cause="unknown",
        scope="unknown",
        quota=None,
        headroom=None,
        explanation=f"The generator itself fell behind in {phase}, at the load where the target"
        " seems to give no more: the limit may be the generator's own.",
        next_run="Run it again with more workers, or from a machine with more free cores.",
    )
