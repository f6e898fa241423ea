"""Expected against reached gain: how good a team's estimates, and the plan's, turn out to be.

The reached gain is the statistic that the estimate names, in the run that judged the action last,
over the same in the run before the change (the baseline, else the newest evidence). Both come from
the reports as they are kept; no samples are read.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from runs import trends
from runs.analysis import gain, wording
from runs.analysis.gain import Gain
from runs.models import Action, ActionEvent, Project, Retest, Run
from runs.models.action_state import LIVE
from runs.tuning import baseline

THE_PLAN: Final = "the plan"


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

    @property
    def factor(self) -> float | None:
        before, after = self.values
        return None if before in (None, 0) or after is None else after / before

    @property
    def share(self) -> float | None:
        """Of the expected change, how much came."""
        if self.expected is None or self.factor is None:
            return None
        return self.expected.share_reached(self.factor)

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

    @property
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

    @property
    def by_area(self) -> tuple[Group, ...]:
        return _grouped(self.entries, lambda one: str(one.action.get_area_display()))

    @property
    def by_author(self) -> tuple[Group, ...]:
        return _grouped(self.entries, lambda one: one.author)

    @property
    def whole(self) -> Group:
        return Group("every action", self.entries)


def of(project: Project) -> Ledger:
    """Every action whose change is or was live, and every one with an estimate."""
    actions = project.actions.select_related("created_by", "baseline", "project")
    wanted = [one for one in actions if one.state in LIVE or one.expected_gain]
    return Ledger(tuple(entry(one) for one in wanted))


def entry(action: Action) -> Entry:
    expected = gain.read(action.expected_gain)
    before, after = _before(action), _after(action)
    why = _why_not(action, expected, before, after)
    values: tuple[float | None, float | None] = (None, None)
    if not why and expected is not None and before is not None and after is not None:
        values = (value(before, expected.statistic), value(after, expected.statistic))
        if None in values:
            why = f"{expected.statistic} does not stand in both reports."
    return Entry(action, _author(action), expected, before, after, values, why)


def _why_not(action: Action, expected: Gain | None, before: Run | None, after: Run | None) -> str:
    if not action.expected_gain:
        return "Nobody said what to expect."
    if expected is None:
        return "The expectation is not a figure, such as 'p95 of billing/usage -30 %'."
    if after is None:
        return "No valid run has judged it since the change."
    if before is None:
        return "No run from before the change is named."
    return ""


def _before(action: Action) -> Run | None:
    found = baseline.of(action)
    ready = action.evidence.filter(processing=Run.Processing.READY).order_by("-started_at")
    return found or ready.first()


def _after(action: Action) -> Run | None:
    """The newest run that could say something of the change."""
    judged = (Retest.Outcome.PASS, Retest.Outcome.FAIL, Retest.Outcome.INCONCLUSIVE)
    looks = action.retests.filter(outcome__in=judged)
    if action.implemented_at is None:
        return None
    newest = looks.filter(run__started_at__gte=action.implemented_at).select_related("run").first()
    return newest.run if newest else None


def value(run: Run, statistic: str) -> float | None:
    """The statistic in the run's report; None where it is not there, or not there once."""
    lines = trends.of(Run.objects.filter(pk=run.pk), statistic, 1).lines
    points = [point for line in lines.values() for point in line]
    return points[0].figure.value if len(points) == 1 else None


def _author(action: Action) -> str:
    """Whoever wrote the estimate last."""
    edits = action.events.filter(kind=ActionEvent.Kind.EDITED, detail__contains="expected gain")
    event = edits.select_related("user").last()
    if event is not None and event.user is not None:
        return event.user.get_username()
    if action.proposal:
        return f"{THE_PLAN} ({action.proposal.partition('/')[0]})"
    return action.created_by.get_username() if action.created_by else "nobody named"


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
