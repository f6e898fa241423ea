"""The tuning plan: what the figures of a run support doing next, and how to tell that it worked."""

from runs.analysis.tuning_plan.plan import MOST_AT_THE_TOP, TuningPlan, make, order, summary_of
from runs.analysis.tuning_plan.proposal import Evidence, Proposal

__all__ = [
    "MOST_AT_THE_TOP",
    "Evidence",
    "Proposal",
    "TuningPlan",
    "make",
    "order",
    "summary_of",
]
