"""What relative criteria are held against.

A run that was chosen because it was bad is followed by better ones even where nothing was done
(regression to the mean), so the evidence is no baseline: the newest fitting run made after the
action was accepted and before the change was live is. A run that the author names as the
baseline goes before it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.lookups import Exact

from runs.analysis import criteria
from runs.analysis.criteria import CriterionError
from runs.models import Action, Run
from runs.models.action_state import LIVE

_NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_LOOKED_AT_ONCE: Final = 50


def of(action: Action, judging: Run | None = None) -> Run | None:
    """The baseline for the action; never the run that is being judged."""
    named = action.baseline
    if named is not None:
        return named if named.is_ready else None
    found = _fresh(action)
    if judging is not None:
        found = found.exclude(pk=judging.pk).filter(started_at__lt=judging.started_at)
    # Labels are compared here, run by run from the newest on, until one fits.
    labels = found.values_list("pk", "labels").iterator(chunk_size=_LOOKED_AT_ONCE)
    newest = next((pk for pk, known in labels if _carries(known, action.labels)), None)
    return None if newest is None else Run.objects.get(pk=newest)


def of_each(actions: Sequence[Action]) -> dict[int, Run]:
    """The baselines of many actions by their keys, in two queries where none asks for labels."""
    named = {one.pk: one.baseline for one in actions if one.baseline}
    others = [one for one in actions if one.baseline is None and one.accepted_at is not None]
    found = _newest_fitting(others)
    for one in others:
        run = found.get(one.pk)
        if run is not None and not _carries(run.labels, one.labels):
            found.pop(one.pk)
            found |= {one.pk: older} if (older := of(one)) else {}
    return {pk: run for pk, run in (named | found).items() if run.is_ready}


def _newest_fitting(actions: Sequence[Action]) -> dict[int, Run]:
    """As `_fresh` of each, whatever the labels."""
    is_live = [str(one) for one in LIVE]
    until = Case(When(state__in=is_live, then=F("implemented_at")), default=Value(_NEVER))
    asked = Action.objects.filter(pk__in=[one.pk for one in actions]).annotate(until=until)
    rests_on = Action.evidence.through.objects.filter(
        action=OuterRef(OuterRef("pk")), run=OuterRef("pk")
    )
    runs = Run.objects.filter(
        ~Exists(rests_on),
        _same_or_any("campaign"),
        _same_or_any("environment"),
        project=OuterRef("project"),
        processing=Run.Processing.READY,
        started_at__gt=OuterRef("accepted_at"),
        started_at__lt=OuterRef("until"),
    ).exclude(validity=Run.Validity.INVALID)
    newest = Subquery(runs.order_by("-started_at", "-id").values("pk")[:1])
    pairs = dict(asked.order_by().annotate(newest=newest).values_list("pk", "newest"))
    known = Run.objects.only("campaign", "processing", "validity", "headline", "labels")
    found = known.in_bulk({one for one in pairs.values() if one})
    return {pk: found[run] for pk, run in pairs.items() if run in found}


def _same_or_any(name: str) -> Q:
    """The run's column is the action's, or the action leaves it open."""
    return Q(**{name: OuterRef(name)}) | Q(Exact(OuterRef(name), Value("")))


def _fresh(action: Action) -> QuerySet[Run]:
    """Runs of its campaign and environment since the action was accepted, until its change was
    live; the newest first."""
    if action.accepted_at is None:
        return Run.objects.none()
    runs = Run.objects.filter(project=action.project_id, processing=Run.Processing.READY)
    runs = runs.exclude(validity=Run.Validity.INVALID).exclude(evidence_for=action)
    runs = runs.filter(started_at__gt=action.accepted_at)
    if action.implemented_at is not None and action.is_live:
        runs = runs.filter(started_at__lt=action.implemented_at)
    wanted = {"campaign": action.campaign, "environment": action.environment}
    return runs.filter(**{name: one for name, one in wanted.items() if one}).order_by("-started_at")


def applies(action: Action, run: Run) -> bool:
    """Whether the run is of the action's campaign, environment and labels."""
    return (
        action.campaign in ("", run.campaign)
        and action.environment in ("", run.environment)
        and _carries(run.labels, action.labels)
    )


def _carries(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


def is_needed(action: Action) -> bool:
    """Whether a criterion of the action is relative."""
    return any(_is_relative(one.text) for one in action.criteria.all())


def _is_relative(text: str) -> bool:
    try:
        return criteria.parse(text).needs_baseline
    except CriterionError:
        return False


def advice(action: Action, fair: Run | None) -> str:
    """What a person should do about the baseline (`fair`, as `of` finds it); empty where nothing
    is missing."""
    if fair is not None or not is_needed(action):
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
