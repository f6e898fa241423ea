"""What relative criteria are held against.

A run that was chosen because it was bad is followed by better ones even where nothing was done
(regression to the mean), so the evidence is no baseline: the newest fitting run made after the
action was accepted and before the change was live is. A run that the author names as the
baseline goes before it.
"""

from django.db.models import QuerySet

from runs.analysis import criteria
from runs.analysis.criteria import CriterionError
from runs.models import Action, Run


def of(action: Action, judging: Run | None = None) -> Run | None:
    """The baseline for the action; never the run that is being judged."""
    named = action.baseline
    if named is not None:
        return named if named.is_ready else None
    found = fresh(action)
    if judging is not None:
        found = found.exclude(pk=judging.pk).filter(started_at__lt=judging.started_at)
    return found.first()


def fresh(action: Action) -> QuerySet[Run]:
    """Fitting runs since the action was accepted, until its change was live; the newest first."""
    runs = Run.objects.filter(project=action.project_id, processing=Run.Processing.READY)
    runs = runs.exclude(validity=Run.Validity.INVALID).exclude(evidence_for=action)
    if action.accepted_at is None:
        return runs.none()
    runs = runs.filter(started_at__gt=action.accepted_at)
    if action.implemented_at is not None and action.is_live:
        runs = runs.filter(started_at__lt=action.implemented_at)
    ids = [run.pk for run in runs.defer(*Run.DOCUMENTS) if applies(action, run)]
    return Run.objects.filter(pk__in=ids).order_by("-started_at")


def applies(action: Action, run: Run) -> bool:
    """Whether the run is of the action's campaign, environment and labels."""
    return (
        action.campaign in ("", run.campaign)
        and action.environment in ("", run.environment)
        and all(run.labels.get(key) == value for key, value in action.labels.items())
    )


def is_needed(action: Action) -> bool:
    """Whether a criterion of the action is relative."""
    return any(_is_relative(one.text) for one in action.criteria.all())


def _is_relative(text: str) -> bool:
    try:
        return criteria.parse(text).needs_baseline
    except CriterionError:
        return False


def advice(action: Action) -> str:
    """What a person should do about the baseline; empty where nothing is missing."""
    if not is_needed(action) or of(action) is not None:
        return ""
    campaign = f" of {action.campaign}" if action.campaign else ""
    why = (
        "A criterion is relative, and the evidence is no fair baseline: it was chosen because it "
        "was bad, and the next run would look better even if nothing were done."
    )
    if action.baseline is not None:
        return f"The baseline that was named is {action.baseline.processing}, so it has no figures."
    if action.is_live:
        return (
            f"{why} No run was made between accepting the action and its change; name a run as the "
            "baseline, or write the criterion with a limit of its own."
        )
    return f"{why} Make a run{campaign} before the change is live: it becomes the baseline."
