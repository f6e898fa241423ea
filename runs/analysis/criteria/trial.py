"""One condition held against one series of a run, and against the same series of the baseline."""

import math
from dataclasses import dataclass, replace
from typing import Final

from runs.analysis import wording
from runs.analysis.criteria.expression import Absolute, Atom, By, Operator
from runs.analysis.criteria.judgement import CriterionVerdict, Judgement
from runs.analysis.criteria.measurement import Measurement

MOST_RUNS: Final = 30
_RANK: Final[dict[CriterionVerdict, int]] = {"fail": 0, "inconclusive": 1, "pass": 2}
_OPPOSITE: Final[dict[CriterionVerdict, CriterionVerdict]] = {
    "fail": "pass",
    "inconclusive": "inconclusive",
    "pass": "fail",
}
_WORDS: Final[dict[tuple[Operator, bool], str]] = {
    ("<", True): "under",
    ("<", False): "not under",
    ("<=", True): "at most",
    ("<=", False): "over",
    (">", True): "over",
    (">", False): "not over",
    (">=", True): "at least",
    (">=", False): "under",
    ("==", True): "exactly",
    ("==", False): "not",
}


@dataclass(frozen=True)
class Outcome:
    """One atom on one series. `margin` says how far inside the limit it lies, in units of the
    limit: negative is outside, -inf unknown; the least is the worst. `is_unanswered`: the figure
    falls among requests without an answer, which keeps neither a limit nor its opposite."""

    judgement: Judgement
    margin: float
    is_unanswered: bool = False

    @property
    def badness(self) -> tuple[int, float]:
        return _RANK[self.judgement.verdict], self.margin

    @property
    def inverted(self) -> "Outcome":
        if self.is_unanswered:
            return self
        verdict = _OPPOSITE[self.judgement.verdict]
        return Outcome(replace(self.judgement, verdict=verdict), -self.margin)


@dataclass(frozen=True)
class _Range:
    """Where a figure may lie, relative to its limit."""

    low: float
    high: float


class Trial:
    """One atom held against one series, and against the same series of the baseline; intervals
    count as `widened` times as wide as they are."""

    def __init__(
        self,
        atom: Atom,
        by: By,
        measured: Measurement,
        before: Measurement | None,
        widened: float = 1.0,
    ) -> None:
        self.atom = atom
        self.statistic = atom.statistic
        self.measured = measured
        self.before = before
        self.widened = widened
        self.by: By = "point" if _is_always_by_point(atom) else by

    def outcome(self) -> Outcome:
        limit = self._limit()
        obstacle = self._obstacle(limit)
        if obstacle or limit is None:
            return self._told("inconclusive", limit, obstacle, -math.inf)
        value = self.measured.estimate.value
        if value is not None and math.isinf(value):
            told = self._told("fail", limit, self._unanswered(), -math.inf)
            return replace(told, is_unanswered=True)
        found = self._range(limit)
        verdict = _verdict(self.atom.operator, found, limit)
        margin = self._margin(limit, found)
        load_limited = self._load_limited(verdict)
        if load_limited:
            return self._told("inconclusive", limit, load_limited, margin)
        return self._told(verdict, limit, self._sentence(verdict, limit, found), margin)

    def _limit(self) -> float | None:
        """In canonical units; None where the baseline's figure is not known."""
        if isinstance(self.atom.limit, Absolute):
            return self.atom.limit.canonical(self.statistic)
        before = self.before.estimate.value if self.before else None
        if before is None or not math.isfinite(before):
            return None
        return before * self.atom.limit.factor

    def _obstacle(self, limit: float | None) -> str:
        """Why nothing can be said at all; empty where something can."""
        estimate, where = self.measured.estimate, self.measured.where
        known = estimate.value is not None or self.measured.is_from_below
        if not known:
            return _told_alone(estimate.reason or f"no samples of {where}")
        if estimate.count < self.measured.fewest:
            return (
                f"{where} has {wording.plural(estimate.count, 'sample')}, and"
                f" {self.statistic.name} needs {self.measured.fewest}."
            )
        is_finite = estimate.value is not None and math.isfinite(estimate.value)
        if self.by == "interval" and is_finite and not estimate.has_interval:
            return _told_alone(estimate.reason or f"{where} has no interval")
        if limit is None:
            return self._no_baseline()
        return ""

    def _no_baseline(self) -> str:
        if self.before is None:
            return "There is no baseline to hold this against."
        estimate = self.before.estimate
        if estimate.value is not None:
            return f"In the baseline {self._unanswered_words()}."
        reason = estimate.reason or f"no samples of {self.before.where}"
        return f"The baseline gives nothing to hold this against: {reason.rstrip('.')}."

    def _range(self, limit: float) -> _Range:
        """Where the figure may lie. Against a baseline, its own uncertainty joins in, so that the
        range may be held against the limit as if that were known exactly."""
        mine = self._spread(self.measured)
        if not limit or self.before is None or self.before.estimate.value is None:
            return mine
        theirs, before = self._spread(self.before), self.before.estimate.value
        value = self.measured.estimate.value
        middle = mine.low if value is None else value
        factor = limit / before
        if self.measured.is_ratio_scaled and min(middle, before, mine.low, theirs.low) > 0:
            down = math.hypot(math.log(middle / mine.low), math.log(theirs.high / before))
            up = math.hypot(math.log(mine.high / middle), math.log(before / theirs.low))
            return _Range(middle * math.exp(-down), middle * math.exp(up))
        down = math.hypot(middle - mine.low, factor * (theirs.high - before))
        up = math.hypot(mine.high - middle, factor * (before - theirs.low))
        return _Range(middle - down, middle + up)

    def _spread(self, measured: Measurement) -> _Range:
        estimate = measured.estimate
        if self.by == "interval" or estimate.value is None:
            low = -math.inf if estimate.low is None else estimate.low
            high = math.inf if estimate.high is None else estimate.high
            return self._widened(_Range(low, high), measured)
        high = math.inf if measured.is_from_below else estimate.value
        return _Range(estimate.value, high)

    def _widened(self, found: _Range, measured: Measurement) -> _Range:
        """Each side moved away from the figure, in the logarithm where its noise is a share."""
        value = measured.estimate.value
        if self.widened == 1.0 or value is None or measured.is_from_below:
            return found
        if measured.is_ratio_scaled and min(value, found.low) > 0:
            low, high = found.low / value, found.high / value
            return _Range(value * low**self.widened, value * high**self.widened)
        low, high = found.low - value, found.high - value
        return _Range(value + low * self.widened, value + high * self.widened)

    def _load_limited(self, verdict: CriterionVerdict) -> str:
        """Why a flow that fell short of a multiple of the baseline's says nothing: neither run
        was asked for more than it answered. Empty where that is not so."""
        if verdict != "fail" or self.atom.operator not in (">", ">="):
            return ""
        if self.before is None or not (self.measured.is_all_offered and self.before.is_all_offered):
            return ""
        value, before = self.measured.estimate.value, self.before.estimate.value
        return (
            f"{self.measured.where} answered {wording.per_second(value)} and the baseline"
            f" {wording.per_second(before)}, as many as were offered: the load set the limit, not"
            " the service. A criterion on capacity tells more."
        )

    def _margin(self, limit: float, found: _Range) -> float:
        value = self.measured.estimate.value
        value = found.low if value is None else value
        distance = value - limit
        if self.atom.operator in ("<", "<="):
            distance = -distance
        elif self.atom.operator == "==":
            distance = -abs(distance)
        return distance / abs(limit) if limit else distance

    def _told(
        self, verdict: CriterionVerdict, limit: float | None, reason: str, margin: float
    ) -> Outcome:
        estimate, shown = self.measured.estimate, self.statistic.shown
        judgement = Judgement(
            text="",
            by=self.by,
            verdict=verdict,
            measured=_finite(estimate.value, shown),
            ci=(_finite(estimate.low, shown), _finite(estimate.high, shown))
            if estimate.has_interval
            else None,
            limit=_finite(limit, shown),
            unit=self.statistic.unit,
            count=estimate.count,
            reason=reason,
        )
        return Outcome(judgement, margin)

    def _unanswered_words(self) -> str:
        return (
            f"{self.statistic.name} of {self.measured.where} falls among the requests that got no"
            " expected answer"
        )

    def _unanswered(self) -> str:
        return f"{self._unanswered_words()}, so that no limit is kept."

    def _sentence(self, verdict: CriterionVerdict, limit: float, found: _Range) -> str:
        subject = f"{self.statistic.name} of {self.measured.where}"
        of_limit = self._limit_words(limit)
        if self.measured.estimate.value is None:
            reason = self.measured.estimate.reason or "known only from below"
            return f"{subject}: {reason}; the limit is {of_limit}."
        if verdict == "inconclusive":
            return f"{subject} is {self._figure()}{self._undecided(of_limit, limit, found)}"
        words = _WORDS[self.atom.operator, verdict == "pass"]
        return f"{subject} is {self._figure()}, {words} {of_limit}."

    def _figure(self) -> str:
        estimate = self.measured.estimate
        figure = self._shown(estimate.value)
        if self.measured.is_from_below:
            return f"at least {figure}"
        if self.by == "point" or estimate.low is None or estimate.high is None:
            return figure
        return f"{figure} ({self._shown(estimate.low)} to {self._shown(estimate.high)})"

    def _limit_words(self, limit: float) -> str:
        words = self._shown(limit)
        if isinstance(self.atom.limit, Absolute) or self.before is None:
            return words
        return f"{words} ({self.atom.limit}, which was {self._shown(self.before.estimate.value)})"

    def _shown(self, value: float | None) -> str:
        return wording.measured(_finite(value, self.statistic.shown), self.statistic.unit)

    def _undecided(self, of_limit: str, limit: float, found: _Range) -> str:
        """Why the interval leaves it open, and how many more runs would tell."""
        if self.by == "point" or self.measured.is_from_below:
            return f": too little to say whether that keeps {of_limit}."
        joint = " together with the baseline's own uncertainty," if self.before else ""
        return f":{joint} too close to {of_limit} to tell. {self._more_runs(limit, found)}"

    def _more_runs(self, limit: float, found: _Range) -> str:
        value = self.measured.estimate.value
        assert value is not None
        edge = found.high if limit > value else found.low
        distance, half = abs(limit - value), abs(edge - value)
        if not math.isfinite(half):
            return "A longer run would tell more."
        runs = math.ceil((half / distance) ** 2) if distance else math.inf
        if runs > MOST_RUNS:
            return "The figure stands at its limit, and more runs would hardly tell."
        return f"About {wording.plural(max(1, int(runs) - 1), 'more run')} would tell."


def _is_always_by_point(atom: Atom) -> bool:
    is_zero = isinstance(atom.limit, Absolute) and atom.limit.amount == 0
    return is_zero or atom.statistic.name in ("count", "max", "probe_max")


def _verdict(operator: Operator, found: _Range, limit: float) -> CriterionVerdict:
    """Pass where the whole range keeps the limit, fail where none of it does."""
    low, high = _snapped(found.low, limit), _snapped(found.high, limit)
    match operator:
        case "<":
            passes, fails = high < limit, low >= limit
        case "<=":
            passes, fails = high <= limit, low > limit
        case ">":
            passes, fails = low > limit, high <= limit
        case ">=":
            passes, fails = low >= limit, high < limit
        case "==":
            is_point = math.isclose(low, high)
            passes = is_point and low == limit
            fails = not passes and (is_point or low > limit or high < limit)
    if passes:
        return "pass"
    return "fail" if fails else "inconclusive"


def _snapped(value: float, limit: float) -> float:
    """The limit itself where only binary rounding lies between: 0.7 times 90 is 63."""
    return limit if math.isclose(value, limit, rel_tol=1e-9, abs_tol=1e-12) else value


def _finite(value: float | None, factor: float = 1.0) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return value * factor


def _told_alone(reason: str) -> str:
    """A reason as a sentence of its own."""
    return f"{reason[:1].upper()}{reason[1:].rstrip('.')}."
