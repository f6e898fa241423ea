"""Re-tests: every run that becomes ready is held against every action that it may judge.

Whether one run is enough to move an action is a question of how often one has looked; the rule
stands in runs/analysis/sequential.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from runs import reports
from runs.analysis import sequential, wording
from runs.analysis.report import Report
from runs.analysis.run_data import RunData
from runs.analysis.sequential import Look
from runs.documents import plain
from runs.errors import ConflictError
from runs.models import Action, ActionEvent, Retest, Run
from runs.models.action_state import BY_RUNS, JUDGED
from runs.tuning import actions, baseline, bench, move
from runs.tuning.bench import RunBench

State = Action.State
Outcome = Retest.Outcome
_TOLD = (Outcome.PASS, Outcome.FAIL)
_LOOKED = (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE)


@dataclass(frozen=True)
class Finding:
    """How a run judges an action, before it is written down."""

    outcome: str
    reason: str
    figures: list[dict[str, Any]] = field(default_factory=list)
    look: int | None = None
    is_clear: bool = False


class Judge:
    """A run that judges actions; baselines are read once each."""

    def __init__(self, run: Run, data: RunData, built: Report) -> None:
        self.run = run
        self.built = built
        self.bench = RunBench(data, built.saturation)
        self._before = lru_cache(maxsize=4)(bench.of)

    def finding(self, action: Action) -> Finding:
        why_not = self._not_applicable(action)
        if why_not:
            return Finding(Outcome.NOT_APPLICABLE, why_not)
        look = _look(action, self.run)
        figures = self._figures(action, None)
        outcome = _combined(figures)
        is_clear = look is not None and outcome in _TOLD
        if is_clear and look is not None:
            widened = self._figures(action, sequential.widening(look))
            is_clear = _combined(widened) == outcome
        return Finding(outcome, _summary(figures, outcome), figures, look, is_clear)

    def _not_applicable(self, action: Action) -> str:
        """Why the run says nothing about the action; empty where it does."""
        if self.built.validity.verdict == "invalid":
            codes = dict.fromkeys(reason.code for reason in self.built.validity.reasons)
            why = ", ".join(wording.name(code) for code in codes)
            return f"The run is not valid ({why}), so it judges nothing."
        if action.evidence.filter(pk=self.run.pk).exists() or action.baseline_id == self.run.pk:
            return "The run is the action's own evidence."
        if action.implemented_at and self.run.started_at < action.implemented_at:
            return "The run started before the change was live."
        if not action.criteria.exists():
            return f"{action.ref} has no re-test criteria."
        return ""

    def _figures(self, action: Action, widened: float | None) -> list[dict[str, Any]]:
        run = baseline.of(action, self.run)
        before = self._before(run) if run is not None else None
        figures = []
        for one in action.criteria.all():
            judged = plain(self.bench.judged(one.text, one.by, before, widened))
            figures.append({**judged, "version": one.version})
        if before is None and baseline.is_needed(action):
            figures = [_asking(figure, action) for figure in figures]
        return figures


def _asking(figure: dict[str, Any], action: Action) -> dict[str, Any]:
    """A relative criterion without its baseline says what to do about it."""
    if "no baseline" not in figure["reason"]:
        return figure
    advice = baseline.advice(action, baseline.of(action))
    return {**figure, "reason": f"{figure['reason']} {advice}".strip()}


def retest(run: Run, data: RunData, built: Report, *, announce: bool = True) -> None:
    """Hold the run against every action that it may judge.

    Without `announce` only what was found before is found again: no action is moved, and nothing
    is added to its history.
    """
    judge = Judge(run, data, built)
    for action in judged_by(run):
        if announce or Retest.objects.filter(action=action, run=run).exists():
            _write_down(action, run, judge.finding(action), announce)


def judged_by(run: Run) -> list[Action]:
    """The actions of its project whose campaign, environment and labels the run has."""
    candidates = Action.objects.filter(project=run.project_id, state__in=JUDGED)
    ordered = candidates.select_related("baseline").order_by("number")
    return [action for action in ordered if baseline.applies(action, run)]


def retest_now(action: Action, run: Run) -> Retest:
    """A person asks what a run says about an action, whatever its campaign and labels are."""
    actions.check_runs(action.project, [run], "run")
    reports.require_ready(run)
    if action.state not in JUDGED:
        raise ConflictError(
            "state", f"{action.ref} is {action.state}; runs judge an action from accepted on."
        )
    judge = Judge(run, reports.run_data(run), reports.load(run))
    return _write_down(action, run, judge.finding(action), announce=True)


def _look(action: Action, run: Run) -> int | None:
    """The how-manieth look at the change the run is; None while it is not live. What was noted
    once stays, so that recalculation judges as before."""
    noted = action.retests.filter(run=run).values_list("look", flat=True).first()
    if noted is not None:
        return int(noted)
    return earlier(action, run).count() + 1 if action.is_live else None


def earlier(action: Action, run: Run) -> QuerySet[Retest]:
    """The looks at the change before the run, the oldest first: since it is live, or since a run
    verified it."""
    looks = action.retests.filter(outcome__in=_LOOKED, run__started_at__lt=run.started_at)
    looks = looks.filter(run__started_at__gte=action.implemented_at)
    if action.state == State.VERIFIED:
        verified = action.events.filter(kind=ActionEvent.Kind.RETEST, to_state=State.VERIFIED)
        event = verified.select_related("run").order_by("at", "id").last()
        if event is not None and event.run is not None:
            looks = looks.filter(run__started_at__gt=event.run.started_at)
    return looks.order_by("run__started_at", "pk")


def _combined(figures: Sequence[Mapping[str, Any]]) -> str:
    """One criterion that fails fails the action; one that is open leaves it open."""
    found = {figure["verdict"] for figure in figures}
    worst = (Outcome.FAIL, Outcome.INCONCLUSIVE)
    return next((str(one) for one in worst if one in found), str(Outcome.PASS))


def _summary(figures: Sequence[Mapping[str, Any]], outcome: str) -> str:
    """The reasons of the criteria that decided."""
    deciding = [figure for figure in figures if figure["verdict"] == outcome]
    return " ".join(f"{figure['text']}: {figure['reason']}".strip() for figure in deciding)


def _write_down(action: Action, run: Run, finding: Finding, announce: bool) -> Retest:
    """Note the outcome and, the first time, let it move the action."""
    with transaction.atomic():
        locked = Action.objects.select_for_update().get(pk=action.pk)
        looks = _looks(locked, run, finding)
        noted, _ = Retest.objects.update_or_create(
            action=locked, run=run, defaults=asdict(_worded(locked, finding, looks))
        )
        told = sequential.decision(looks, locked.needed_runs)
        to = BY_RUNS.get((locked.state, told or ""))
        if announce and to is not None and not _has_spoken(locked, run):
            move.moved_by_run(locked, to, run, finding.reason, finding.figures)
    return noted


def _looks(action: Action, run: Run, finding: Finding) -> list[Look]:
    if not action.is_live or finding.outcome not in _LOOKED:
        return []
    before = [_as_look(one.outcome, one.is_clear) for one in earlier(action, run)]
    return [*before, _as_look(finding.outcome, finding.is_clear)]


def _as_look(outcome: str, is_clear: bool) -> Look:
    match outcome:
        case "pass":
            return Look("pass", is_clear)
        case "fail":
            return Look("fail", is_clear)
        case _:
            return Look("inconclusive", is_clear)


def _worded(action: Action, finding: Finding, looks: Sequence[Look]) -> Finding:
    """With what would decide, where this run alone does not."""
    could_move = (action.state, finding.outcome) in BY_RUNS
    missing = sequential.what_is_missing(looks, action.needed_runs) if could_move else ""
    if not missing:
        return finding
    word = BY_RUNS[action.state, finding.outcome]
    reason = f"{finding.reason} Not {word} yet: it takes {missing}."
    return Finding(finding.outcome, reason, finding.figures, finding.look, finding.is_clear)


def _has_spoken(action: Action, run: Run) -> bool:
    """Whether this run moved the action before, or a later one has judged it: a run that is
    processed twice, or comes in late, changes nothing."""
    own = action.events.filter(kind=ActionEvent.Kind.RETEST, run=run)
    judged = action.retests.filter(outcome__in=_TOLD)
    return own.exists() or judged.filter(run__started_at__gt=run.started_at).exists()


def newest_of(actions: Iterable[Action], looks: QuerySet[Retest]) -> dict[int, Retest]:
    """Of each action, the re-test among `looks` by the newest run, in two queries."""
    mine = looks.filter(action=OuterRef("pk")).order_by("-run__started_at", "-id").values("pk")
    asked = Action.objects.filter(pk__in=[one.pk for one in actions]).order_by()
    newest = asked.annotate(newest=Subquery(mine[:1])).values("newest")
    documents = (f"run__{name}" for name in Run.DOCUMENTS)
    found = Retest.objects.filter(pk__in=newest).select_related("run").defer(*documents)
    return {one.action_id: one for one in found.order_by()}
