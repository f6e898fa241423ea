"""A run that a person does not believe: what the analysis found of it, under the mark."""

from dataclasses import replace

from runs.analysis import criteria
from runs.analysis.report import Report
from runs.analysis.validity import Reason, Validity
from runs.models import InvalidMark, Run


def mark_of(run: Run) -> InvalidMark | None:
    return InvalidMark.objects.filter(run=run).first()


def doubted(found: Report, mark: InvalidMark) -> Report:
    """Invalid, whatever was found, and none of its criteria judged."""
    reason = Reason("marked_invalid", None, f"Marked invalid by {mark.name}: {mark.reason}")
    return replace(
        found,
        validity=Validity("invalid", (reason, *found.validity.reasons)),
        criteria=tuple(criteria.unjudged(one) for one in found.criteria),
        verdict="invalid",
    )
