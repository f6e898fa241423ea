"""What a project asks of each of its runs: production's peak, and criteria that always hold."""

from dataclasses import replace

from runs.analysis import criteria
from runs.analysis.criteria import Catalogue, CriterionError
from runs.analysis.plan import Plan
from runs.analysis.run_data import RunData
from runs.models import Project


def applied(data: RunData, project: Project) -> RunData:
    """The run with what its campaign leaves open said by its project.

    The campaign's own peak goes before the project's. Criteria of the project join those of the
    campaign where they can be evaluated: a smoke of one flow is not held against the others.
    """
    # What there is to name is looked for in every sample: only where somebody names something.
    is_asked = bool(project.criteria)
    known = criteria.catalogue_of(data.plan, data.samples) if is_asked else Catalogue({}, {})
    asked = plan_with(data.plan, known, project)
    return data if asked == data.plan else replace(data, plan=asked)


def plan_with(plan: Plan, catalogue: Catalogue, project: Project) -> Plan:
    """The same of a plan, where it is known already what criteria may name in its run."""
    known = {name: rate for name, rate in project.peak_jps.items() if name in plan.scenarios}
    asked = [
        text
        for text in project.criteria
        if text not in plan.criteria and is_evaluable(text, catalogue)
    ]
    return replace(plan, peak_jps=known | plan.peak_jps, criteria=(*plan.criteria, *asked))


def is_evaluable(text: str, catalogue: Catalogue) -> bool:
    """Whether all that the criterion names is in the run."""
    try:
        criteria.check(criteria.parse(text), catalogue)
    except CriterionError:
        return False
    return True
