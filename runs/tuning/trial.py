"""A criterion tried on a run before it is used: can it be evaluated, and does it fail today.

One that passes today cannot tell whether the change did anything.
"""

from dataclasses import dataclass
from typing import Any, TypedDict

from runs.analysis import criteria
from runs.analysis.criteria import CriterionError
from runs.documents import plain
from runs.models import Action, Run
from runs.tuning import bench


class Columns(TypedDict):
    """What a criterion keeps of its trial."""

    trial: dict[str, Any] | None
    trial_run: Run | None


@dataclass(frozen=True)
class Trial:
    """`document` is an entry of a report's `criteria`, with `is_evaluable`."""

    document: dict[str, Any]

    @property
    def is_evaluable(self) -> bool:
        return bool(self.document["is_evaluable"])

    @property
    def fails_today(self) -> bool:
        return bool(self.document["verdict"] == "fail")


def run_of(action: Action) -> Run | None:
    """The newest run of the evidence that is ready, else the baseline."""
    ready = action.evidence.filter(processing=Run.Processing.READY).order_by("-started_at")
    baseline = action.baseline
    return ready.first() or (baseline if baseline and baseline.is_ready else None)


def of(text: str, by: str, run: Run) -> Trial:
    """The criterion on the run as it is; what is relative is held against the run itself, so that
    a gain that is asked for is missing by its whole size."""
    found = bench.of(run)
    if found is None:
        reason = f"The samples of run {run.pk} are not in the store."
        return Trial(bench.unjudged(text, "point" if by == "point" else "interval", reason))
    return Trial(plain(found.judged(text, by, found)))


def in_words(text: str) -> str:
    """The criterion as a sentence; empty where it cannot be read."""
    try:
        return criteria.sentence(criteria.parse(text))
    except CriterionError:
        return ""


def advice(document: dict[str, Any] | None) -> str:
    """What the trial means for the author, in a sentence."""
    if document is None:
        return "Not tried: no run is named as evidence."
    if not document["is_evaluable"]:
        return f"It cannot be evaluated on the evidence. {document['reason']}"
    match document["verdict"]:
        case "fail":
            return "It can be evaluated, and it fails today, as it should."
        case "pass":
            return (
                "It passes today already, so it cannot tell whether the change did anything. "
                "Ask for more, or for something else."
            )
        case _:
            return f"The evidence leaves it open. {document['reason']}"
