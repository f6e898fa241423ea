"""Tuning actions: made and moved by people, judged by every run that comes after the change.

accepted -> implemented -> verified -> regressed
   ^             |  \\-------> failed
proposed     (the arrows from implemented and verified belong to runs,
              all others to people)
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, Final, Literal

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from runs import reports
from runs.analysis import criteria
from runs.analysis.criteria import CriterionError, Judgement
from runs.analysis.report import Report
from runs.analysis.run_data import RunData
from runs.analysis.saturation import Saturation
from runs.documents import plain
from runs.errors import ConflictError, Fault, RefusedError
from runs.models import Action, ActionCriterion, ActionEvent, Project, Retest, Run

State = Action.State
Outcome = Retest.Outcome
By = Literal["point", "interval"]

BY_PEOPLE: Final[Mapping[str, frozenset[str]]] = {
    State.PROPOSED: frozenset({State.ACCEPTED, State.REJECTED, State.DEFERRED}),
    State.ACCEPTED: frozenset({State.IMPLEMENTED, State.PROPOSED, State.REJECTED, State.DEFERRED}),
    State.IMPLEMENTED: frozenset({State.ACCEPTED, State.REJECTED, State.DEFERRED}),
    State.VERIFIED: frozenset({State.IMPLEMENTED}),
    State.FAILED: frozenset({State.IMPLEMENTED, State.ACCEPTED, State.REJECTED, State.DEFERRED}),
    State.REGRESSED: frozenset({State.IMPLEMENTED, State.ACCEPTED, State.REJECTED, State.DEFERRED}),
    State.REJECTED: frozenset({State.PROPOSED}),
    State.DEFERRED: frozenset({State.PROPOSED, State.ACCEPTED}),
}
# What the outcome of a run does to the state it finds.
BY_RUNS: Final[Mapping[tuple[str, str], str]] = {
    (State.IMPLEMENTED, Outcome.PASS): State.VERIFIED,
    (State.IMPLEMENTED, Outcome.FAIL): State.FAILED,
    (State.VERIFIED, Outcome.FAIL): State.REGRESSED,
}
OPENS_AS: Final = (State.PROPOSED, State.ACCEPTED, State.IMPLEMENTED)
JUDGED: Final = (
    State.ACCEPTED,
    State.IMPLEMENTED,
    State.VERIFIED,
    State.FAILED,
    State.REGRESSED,
)


@dataclass(frozen=True)
class NewCriterion:
    text: str
    by: By = "interval"


@dataclass(frozen=True)
class NewAction:
    """An action as a person or a program describes it."""

    title: str
    description: str = ""
    kind: str = Action.Kind.QUICK_WIN
    area: str = Action.Area.OTHER
    impact: str = Action.Level.MEDIUM
    effort: str = Action.Level.MEDIUM
    risk: str = Action.Level.LOW
    expected_gain: str = ""
    owner: str = ""
    due: date | None = None
    campaign: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    state: str = State.PROPOSED
    implemented_at: datetime | None = None
    evidence: Sequence[Run] = ()
    baseline: Run | None = None
    criteria: Sequence[NewCriterion] = ()


_COLUMNS: Final = (
    "title",
    "description",
    "kind",
    "area",
    "impact",
    "effort",
    "risk",
    "expected_gain",
    "owner",
    "due",
    "campaign",
    "labels",
    "state",
    "baseline",
)


def create_action(project: Project, new: NewAction, user: User | None = None) -> Action:
    """Make an action with the project's next number.

    Raises RefusedError where a criterion cannot be read or a run is of another project.
    """
    for at, criterion in enumerate(new.criteria):
        _parsed(criterion.text, f"criteria.{at}.text")
    _check_runs(project, [*new.evidence, *([new.baseline] if new.baseline else [])])
    if new.state not in OPENS_AS:
        raise RefusedError(
            "state",
            f"An action cannot begin as {new.state}; it begins as {', '.join(OPENS_AS)}.",
            [Fault("state", f"allowed are {', '.join(OPENS_AS)}")],
        )
    now = timezone.now()
    columns = {name: getattr(new, name) for name in _COLUMNS}
    if new.state == State.IMPLEMENTED:
        columns["implemented_at"] = new.implemented_at or now
    with transaction.atomic():
        action = Action.objects.create(
            project=project, number=_next_number(project), created_by=user, **columns
        )
        action.evidence.set(new.evidence)
        for criterion in new.criteria:
            ActionCriterion.objects.create(action=action, **asdict(criterion))
        ActionEvent.objects.create(
            action=action, at=now, kind=ActionEvent.Kind.CREATED, to_state=new.state, user=user
        )
    return action


def _next_number(project: Project) -> int:
    """Two that make an action at once wait for each other here."""
    Project.objects.select_for_update().get(pk=project.pk)
    highest: int | None = project.actions.aggregate(highest=Max("number"))["highest"]
    return (highest or 0) + 1


def _check_runs(project: Project, named: Sequence[Run]) -> None:
    for run in named:
        if run.project_id != project.pk:
            raise RefusedError(
                "other_project",
                f"Run {run.pk} is of another project, so it is no evidence for this one.",
                [Fault("evidence", str(run.pk))],
            )


def add_criterion(action: Action, new: NewCriterion, user: User | None = None) -> ActionCriterion:
    """A criterion more; ConflictError where the action has it already."""
    _parsed(new.text, "text")
    with transaction.atomic():
        made, is_new = ActionCriterion.objects.get_or_create(
            action=action, text=new.text, defaults={"by": new.by}
        )
        if not is_new:
            raise ConflictError("criterion_exists", f"{action.ref} has the criterion '{new.text}'.")
        ActionEvent.objects.create(
            action=action,
            at=timezone.now(),
            kind=ActionEvent.Kind.CRITERION,
            user=user,
            detail=f"Added: {new.text}",
        )
    return made


def _parsed(text: str, at: str) -> criteria.Criterion:
    try:
        return criteria.parse(text)
    except CriterionError as error:
        raise RefusedError("criterion", str(error), [Fault(at, str(error))]) from error


def edit(action: Action, changes: Mapping[str, Any], user: User | None = None) -> None:
    """Set the named columns (not the state) and note which."""
    if "evidence" in changes:
        _check_runs(action.project, changes["evidence"])
    if changes.get("baseline"):
        _check_runs(action.project, [changes["baseline"]])
    columns = {name: one for name, one in changes.items() if name != "evidence"}
    with transaction.atomic():
        for name, value in columns.items():
            setattr(action, name, value)
        if columns:
            action.save(update_fields=list(columns))
        if "evidence" in changes:
            action.evidence.set(changes["evidence"])
        ActionEvent.objects.create(
            action=action,
            at=timezone.now(),
            kind=ActionEvent.Kind.EDITED,
            user=user,
            detail=f"Changed: {', '.join(changes)}",
        )


def transition(
    action: Action,
    to: str,
    user: User | None = None,
    detail: str = "",
    implemented_at: datetime | None = None,
) -> Action:
    """A person moves the action; ConflictError where the table does not allow it from where it is.

    `implemented_at` says since when the change is live, where that was before now.
    """
    with transaction.atomic():
        locked = Action.objects.select_for_update().get(pk=action.pk)
        allowed = BY_PEOPLE[locked.state]
        if to not in allowed:
            raise ConflictError(
                "state",
                f"{locked.ref} is {locked.state} and cannot become {to} by hand; it can become "
                f"{', '.join(sorted(allowed))}. Verified, failed and regressed come from runs.",
                [Fault("state", f"allowed are {', '.join(sorted(allowed))}")],
            )
        if to == State.IMPLEMENTED:
            locked.implemented_at = implemented_at or timezone.now()
        _move(locked, to, kind=ActionEvent.Kind.TRANSITION, user=user, detail=detail)
    action.refresh_from_db()
    return action


def _move(action: Action, to: str, **event: Any) -> None:
    """Within a transaction that holds the action's row."""
    before, action.state = action.state, to
    action.save(update_fields=["state", "implemented_at"])
    ActionEvent.objects.create(
        action=action, at=timezone.now(), from_state=before, to_state=to, **event
    )


@dataclass(frozen=True)
class Finding:
    """How a run judges an action, before it is written down."""

    outcome: str
    reason: str
    figures: list[dict[str, Any]] = field(default_factory=list)


def retest(run: Run, data: RunData, built: Report, *, announce: bool = True) -> None:
    """Hold the run against every action that it may judge.

    Without `announce` only what was found before is found again: no action is moved, and nothing
    is added to its history.
    """
    for action in _judged_by(run):
        if announce or Retest.objects.filter(action=action, run=run).exists():
            finding = _finding(action, run, data, built)
            _write_down(action, run, finding, announce)


def _judged_by(run: Run) -> list[Action]:
    """The actions of its project whose campaign and labels the run has."""
    candidates = Action.objects.filter(project=run.project_id, state__in=JUDGED)
    return [
        action
        for action in candidates.select_related("baseline").order_by("number")
        if action.campaign in ("", run.campaign)
        and all(run.labels.get(key) == value for key, value in action.labels.items())
    ]


def _finding(action: Action, run: Run, data: RunData, built: Report) -> Finding:
    why_not = _not_applicable(action, run, built)
    if why_not:
        return Finding(Outcome.NOT_APPLICABLE, why_not)
    written = list(action.criteria.all())
    if not written:
        return Finding(Outcome.NOT_APPLICABLE, f"{action.ref} has no re-test criteria.")
    baseline = _baseline(action)
    figures = []
    for one in written:
        judgement = _judge(one, data, built.saturation, baseline)
        figures.append({**plain(judgement), "version": one.version})
    return Finding(_combined(figures), _summary(figures), figures)


def _not_applicable(action: Action, run: Run, built: Report) -> str:
    """Why the run says nothing about the action; empty where it does."""
    if built.validity.verdict == "invalid":
        codes = ", ".join(reason.code for reason in built.validity.reasons)
        return f"The run is not valid ({codes}), so it judges nothing."
    if action.evidence.filter(pk=run.pk).exists() or action.baseline_id == run.pk:
        return "The run is the action's own evidence."
    if action.implemented_at and run.started_at < action.implemented_at:
        return "The run started before the change was live."
    return ""


@dataclass(frozen=True)
class _Baseline:
    data: RunData | None = None
    saturation: tuple[Saturation, ...] = ()


def _baseline(action: Action) -> _Baseline:
    """The run that relative criteria are held against: the chosen one, else the first evidence."""
    run = action.baseline or action.evidence.order_by("started_at").first()
    if run is None or not run.is_ready:
        return _Baseline()
    return _Baseline(reports.run_data(run), reports.load(run).saturation)


def _judge(
    written: ActionCriterion,
    data: RunData,
    saturation: tuple[Saturation, ...],
    baseline: _Baseline,
) -> Judgement:
    """A criterion that names what this run does not have says so, as an inconclusive one."""
    by: By = "point" if written.by == ActionCriterion.By.POINT else "interval"
    try:
        criterion = criteria.parse(written.text)
        criteria.check(criterion, criteria.catalogue_of(data.plan, data.samples))
        return criteria.judge(
            criterion, data, saturation, baseline.data, baseline.saturation, by=by
        )
    except CriterionError as error:
        return Judgement(
            text=written.text,
            by=by,
            verdict="inconclusive",
            measured=None,
            ci=None,
            limit=None,
            unit="",
            count=0,
            reason=f"It can no longer be evaluated: {error}",
        )


def _combined(figures: Sequence[Mapping[str, Any]]) -> str:
    """One criterion that fails fails the action; one that is open leaves it open."""
    found = {figure["verdict"] for figure in figures}
    worst = (Outcome.FAIL, Outcome.INCONCLUSIVE)
    return next((one for one in worst if one in found), Outcome.PASS)


def _summary(figures: Sequence[Mapping[str, Any]]) -> str:
    """The reasons of the criteria that decided."""
    outcome = _combined(figures)
    deciding = [figure for figure in figures if figure["verdict"] == outcome]
    return " ".join(f"{figure['text']}: {figure['reason']}".strip() for figure in deciding)


def retest_now(action: Action, run: Run) -> Retest:
    """A person asks what a run says about an action, whatever its campaign and labels are."""
    _check_runs(action.project, [run])
    reports.require_ready(run)
    if action.state not in JUDGED:
        raise ConflictError(
            "state", f"{action.ref} is {action.state}; runs judge an action from accepted on."
        )
    finding = _finding(action, run, reports.run_data(run), reports.load(run))
    return _write_down(action, run, finding, announce=True)


def _write_down(action: Action, run: Run, finding: Finding, announce: bool) -> Retest:
    """Note the outcome and, the first time, let it move the action."""
    with transaction.atomic():
        locked = Action.objects.select_for_update().get(pk=action.pk)
        noted, _ = Retest.objects.update_or_create(action=locked, run=run, defaults=asdict(finding))
        to = BY_RUNS.get((locked.state, finding.outcome))
        if announce and to is not None and not _has_spoken(locked, run):
            _move(locked, to, kind=ActionEvent.Kind.RETEST, run=run, detail=finding.reason)
    return noted


def _has_spoken(action: Action, run: Run) -> bool:
    """Whether this run moved the action before, or a later one has judged it: a run that is
    processed twice, or comes in late, changes nothing."""
    own = action.events.filter(kind=ActionEvent.Kind.RETEST, run=run)
    judged = action.retests.filter(outcome__in=(Outcome.PASS, Outcome.FAIL))
    return own.exists() or judged.filter(run__started_at__gt=run.started_at).exists()
