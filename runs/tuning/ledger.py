"""Expected against reached gain: how good a team's estimates, and the plan's, turn out to be.

The reached gain is the statistic that the estimate names, in the run that judged the action last,
over the same in the run before the change (the baseline, else the newest evidence). Both come from
the reports as they are kept; no samples are read.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery, UUIDField

from runs import trends
from runs.analysis import gain, wording
from runs.analysis.gain import Gain
from runs.models import Action, ActionEvent, Project, Retest, Run
from runs.models.action_state import LIVE
from runs.tuning import baseline

THE_PLAN: Final = "the plan"
NOT_RECORDED: Final = "not recorded"


@dataclass(frozen=True)
class Entry:
    """One action; `factor` is after / before, None where it is not known, and `why` says why."""

    action: Action
    author: str
    expected: Gain | None
    before: Run | None
    after: Run | None
    values: tuple[float | None, float | None]
    why: str

    @cached_property
    def factor(self) -> float | None:
        before, after = self.values
        return None if before in (None, 0) or after is None else after / before

    @cached_property
    def share(self) -> float | None:
        """Of the expected change, how much came."""
        if self.expected is None or self.factor is None:
            return None
        return self.expected.share_reached(self.factor)

    @property
    def has_author(self) -> bool:
        return self.author != NOT_RECORDED

    @property
    def expected_words(self) -> str:
        return self.action.expected_gain or wording.UNKNOWN

    @property
    def reached_words(self) -> str:
        return wording.change(self.factor)

    @property
    def share_words(self) -> str:
        return wording.UNKNOWN if self.share is None else f"{self.share * 100:.0f} %"


@dataclass(frozen=True)
class Group:
    """How the estimates of one area or one author turned out."""

    name: str
    entries: tuple[Entry, ...]

    @cached_property
    def known(self) -> tuple[float, ...]:
        return tuple(one.share for one in self.entries if one.share is not None)

    @property
    def median_words(self) -> str:
        return f"{median(self.known) * 100:.0f} %" if self.known else wording.UNKNOWN

    @property
    def words(self) -> str:
        """'1 of 3 reached what was expected'."""
        if not self.known:
            return "nothing measured yet"
        reached = sum(one >= 1 for one in self.known)
        return f"{reached} of {len(self.known)} reached what was expected"


@dataclass(frozen=True)
class Ledger:
    entries: tuple[Entry, ...]

    @cached_property
    def by_area(self) -> tuple[Group, ...]:
        return _grouped(self.entries, lambda one: str(one.action.get_area_display()))

    @cached_property
    def by_author(self) -> tuple[Group, ...]:
        return _grouped(self.entries, lambda one: one.author)

    @cached_property
    def whole(self) -> Group:
        return Group("every action", self.entries)


def of(project: Project) -> Ledger:
    """Every action whose change is or was live, and every one with an estimate."""
    wanted = Q(state__in=[str(one) for one in LIVE]) | ~Q(expected_gain="")
    return Ledger(entries(project.actions.filter(wanted)))


def entry(action: Action) -> Entry:
    return entries(Action.objects.filter(pk=action.pk))[0]


def entries(actions: QuerySet[Action]) -> tuple[Entry, ...]:
    """In a fixed number of queries."""
    found = list(
        actions.select_related("created_by", "baseline")
        .defer(*(f"baseline__{name}" for name in Run.DOCUMENTS))
        .order_by("number")
    )
    authors, before, after = _authors(found), _before(found), _after(found)
    measured = [
        Measured(one, gain.read(one.expected_gain), before.get(one.pk), after.get(one.pk))
        for one in found
    ]
    figures = trends.figures_of(_wanted(measured))
    return tuple(_entry(one, authors[one.action.pk], figures) for one in measured)


class Measured(NamedTuple):
    """An action with its estimate as a figure, and the runs between which it is measured."""

    action: Action
    expected: Gain | None
    before: Run | None
    after: Run | None

    @property
    def why_not(self) -> str:
        if not self.action.expected_gain:
            return "Nobody said what to expect."
        if self.expected is None:
            return "The expectation is not a figure, such as 'p95 of billing/usage -30 %'."
        if self.after is None:
            return "No valid run has judged it since the change."
        if self.before is None:
            return "No run from before the change is named."
        return ""


def _wanted(measured: Iterable[Measured]) -> dict[str, list[Run]]:
    """The runs whose figures are needed, by statistic."""
    wanted: dict[str, list[Run]] = {}
    for one in measured:
        if one.expected and not one.why_not:
            wanted.setdefault(one.expected.statistic, []).extend(_runs(one))
    return wanted


def _runs(one: Measured) -> list[Run]:
    return [run for run in (one.before, one.after) if run is not None]


def _entry(one: Measured, author: str, figures: Mapping[tuple[str, UUID], trends.Figures]) -> Entry:
    why = one.why_not
    values: tuple[float | None, float | None] = (None, None)
    if one.expected and not why:
        before, after = (_value(run, one.expected.statistic, figures) for run in _runs(one))
        values = (before, after)
        if None in values:
            why = f"{one.expected.statistic} does not stand in both reports."
    return Entry(one.action, author, one.expected, one.before, one.after, values, why)


def _value(
    run: Run, statistic: str, figures: Mapping[tuple[str, UUID], trends.Figures]
) -> float | None:
    """The statistic in the run's report; None where it is not there, not there once, or not to
    be believed."""
    points = figures[statistic, run.pk]
    is_one = len(points) == 1 and run.validity != Run.Validity.INVALID
    return points[0][1].value if is_one else None


def _before(actions: Sequence[Action]) -> dict[int, Run]:
    """The baseline of each, else its newest evidence."""
    fair = baseline.of_each(actions)
    others = [one for one in actions if one.pk not in fair]
    rests_on = Action.evidence.through.objects.filter(action__in=others, run__deleted_at=None)
    pairs = rests_on.order_by("run__started_at")
    columns = pairs.values_list("action_id", "run_id", "run__processing")
    newest = {action: run for action, run, at in columns if at == Run.Processing.READY}
    known = _light(newest.values())
    found = {action: known[run] for action, run in newest.items() if run in known}
    return found | fair


def _after(actions: Sequence[Action]) -> dict[int, Run]:
    """The newest run that could say something of each change."""
    judged = (Retest.Outcome.PASS, Retest.Outcome.FAIL, Retest.Outcome.INCONCLUSIVE)
    since = Retest.objects.filter(action=OuterRef("pk"), outcome__in=judged)
    since = since.filter(run__started_at__gte=OuterRef("implemented_at"), run__deleted_at=None)
    # A foreign key as such would come back as the database writes it.
    newest = Subquery(since.values("run")[:1], output_field=UUIDField())
    rows = Action.objects.filter(pk__in=[one.pk for one in actions]).annotate(newest=newest)
    pairs = dict(rows.order_by().values_list("pk", "newest"))
    known = _light(one for one in pairs.values() if one)
    return {action: known[run] for action, run in pairs.items() if run in known}


def _light(ids: Iterable[UUID]) -> dict[UUID, Run]:
    """Runs with what figures are looked up by."""
    return Run.objects.only("processing", "validity", "headline").in_bulk(set(ids))


def _authors(actions: Sequence[Action]) -> dict[int, str]:
    """Whoever wrote each estimate last."""
    edits = ActionEvent.objects.filter(
        action__in=actions, kind=ActionEvent.Kind.EDITED, detail__contains="expected gain"
    )
    last = dict(edits.order_by("at", "id").values_list("action_id", "user__username"))
    return {one.pk: last.get(one.pk) or _first_author(one) for one in actions}


def _first_author(action: Action) -> str:
    if action.proposal:
        return f"{THE_PLAN} ({action.proposal.partition('/')[0]})"
    return action.created_by.get_username() if action.created_by else NOT_RECORDED


def _grouped(entries: Iterable[Entry], name: Callable[[Entry], str]) -> tuple[Group, ...]:
    groups: dict[str, list[Entry]] = {}
    for one in entries:
        groups.setdefault(name(one), []).append(one)
    return tuple(Group(key, tuple(some)) for key, some in sorted(groups.items()))


def as_table(found: Sequence[Entry]) -> list[list[str]]:
    """Action, area, author, expected, reached, share: for CSV and Markdown."""
    return [
        [
            one.action.ref,
            one.action.title,
            str(one.action.get_area_display()),
            one.author,
            one.expected_words,
            one.reached_words,
            one.share_words,
            one.why,
        ]
        for one in found
    ]
