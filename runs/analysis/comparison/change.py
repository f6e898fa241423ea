"""Two figures held against each other: the ratio, its interval, and what may be said of it."""

import math
from dataclasses import dataclass, replace
from typing import Final

from runs.analysis import student_t, wording
from runs.analysis.comparison.figure import BURSTS, Figure
from runs.analysis.comparison.noise import Prior
from runs.analysis.comparison.result import (
    LOWER_IS_BETTER,
    MATERIAL,
    Bounds,
    Change,
    ChangeVerdict,
    Statistic,
)

MATERIAL_SHARE: Final = 0.001  # of error rates: a tenth of a per cent of the requests
MOST_MORE_RUNS: Final = 30
_POWER: Final = 0.84  # standard errors beyond the limit, for four chances in five


@dataclass(frozen=True)
class Test:
    """A change before the others are known: how likely it is by chance alone."""

    change: Change
    chance: float = 1.0


@dataclass(frozen=True)
class _Span:
    """The ratio of two figures with its 95 % interval, which is `t` standard errors to either side;
    `ratio` is null where only bounds are known."""

    ratio: float | None
    low: float
    high: float
    degrees: float
    t: float


def interval(figure: Figure, prior: Prior) -> Bounds | None:
    """Of one side: what its run's report says, or of repeats the interval of their mean."""
    if figure.runs == 1 or not figure.is_known:
        return figure.ci  # null where the source gives none
    degrees, (down, up) = _errors(figure, None, prior)
    t = student_t.quantile(degrees)
    return _bounds(
        figure.value * math.exp(-t * down) if math.isfinite(down) else 0.0,
        figure.value * math.exp(t * up) if math.isfinite(up) else math.inf,
    )


def _errors(
    figure: Figure, other: Figure | None, prior: Prior
) -> tuple[float, tuple[float, float]]:
    """Degrees of freedom, and the standard errors of the figure's mean towards both sides.

    What repeats scatter joins what is known of the noise, weighted by degrees of freedom.
    """
    sides = [figure] if other is None else [figure, other]
    within = sum(min(one.down, one.up) ** 2 for one in sides) / len(sides)
    known = prior.degrees_with(within) if math.isfinite(within) else prior.degrees
    own = sum(one.runs - 1 for one in sides) if prior.joins else 0
    squares = sum(one.squares for one in sides) if prior.joins else 0.0
    degrees = known + own
    variances = (
        (known * (prior.variance + error**2) + squares) / degrees
        for error in (figure.down, figure.up)
    )
    down, up = (math.sqrt(one / figure.runs) for one in variances)
    return degrees, (down, up)


def test(statistic: Statistic, old: Figure | None, new: Figure | None, prior: Prior) -> Test | None:
    if old is None or new is None:
        return None
    if statistic == "throughput" and old.is_all_offered and new.is_all_offered:
        return _same_flow(old, new)
    if math.isinf(old.value) and math.isinf(new.value):
        return Test(Change(None, None, None, "inconclusive", "Too few were answered in both."))
    if statistic == "error_rate":
        return _of_failures(old, new, prior)
    return _of_ratio(statistic, old, new, prior)


def _same_flow(old: Figure, new: Figure) -> Test:
    """Both sides answered all that was offered: the load, not the service, set the figure."""
    ratio = new.value / old.value
    reason = "Both runs answered all that was offered."
    return Test(Change(ratio, (ratio, ratio), new.value - old.value, "no_change", reason))


def _of_ratio(statistic: Statistic, old: Figure, new: Figure, prior: Prior) -> Test:
    span = _span(old, new, prior)
    verdict = _told(statistic, span)
    change = Change(
        ratio=span.ratio,
        ci=_bounds(span.low, span.high),
        difference=new.value - old.value if span.ratio is not None else None,
        verdict=verdict,
        reason=_reason(old, new, span, verdict),
    )
    return Test(change, _chance(span))


def _span(old: Figure, new: Figure, prior: Prior) -> _Span:
    """What is infinite or known from below gives a bound alone."""
    degrees, (down, up) = _errors(new, old, prior)
    _, (old_down, old_up) = _errors(old, new, prior)
    t = student_t.quantile(degrees) * prior.widened
    if math.isinf(old.value) or math.isinf(new.value):
        error = old_up if math.isinf(new.value) else up
        low, high = _infinite_bounds(old, new, math.exp(min(t * error, 500.0)))
        return _Span(None, low, high, degrees, t)
    middle = new.log - old.log
    down, up = t * math.hypot(down, old_up), t * math.hypot(up, old_down)
    low = math.exp(middle - down) if down < 500 else 0.0
    high = math.exp(middle + up) if up < 500 else math.inf
    ratio = math.exp(middle) if old.is_known and new.is_known else None
    return _Span(ratio, low, high, degrees, t)


def _infinite_bounds(old: Figure, new: Figure, room: float) -> tuple[float, float]:
    """Where a percentile falls among the unanswered, only a bound of the ratio is known."""
    if math.isinf(new.value):
        return new.floor / (_top(old) or old.value * room), math.inf
    return 0.0, ((_top(new) or new.value * room) / old.floor if old.floor > 0 else math.inf)


def _top(figure: Figure) -> float | None:
    """The upper end of a single run's interval; infinite where there is none."""
    if figure.ci is None:
        return None if math.isfinite(figure.up) else math.inf
    return math.inf if figure.ci[1] is None else figure.ci[1]


def _chance(span: _Span) -> float:
    """The probability of so great a ratio without a change, from its interval."""
    if span.ratio is None or span.low <= 0 or math.isinf(span.high):
        return 0.0 if span.low > 1 or span.high < 1 else 1.0
    distance = abs(math.log(span.ratio))
    half = math.log(span.ratio / span.low) if span.ratio > 1 else math.log(span.high / span.ratio)
    if half == 0:
        return 0.0 if distance else 1.0
    return student_t.chance(distance / half * span.t, span.degrees)


def _told(statistic: Statistic, span: _Span) -> ChangeVerdict:
    is_up, is_down = span.low > 1, span.high < 1
    if span.ratio is not None:
        is_up &= span.ratio >= 1 + MATERIAL
        is_down &= span.ratio <= 1 / (1 + MATERIAL)
    if is_up or is_down:
        return "worse" if is_up == (statistic in LOWER_IS_BETTER) else "better"
    return "no_change" if _is_equal(span) else "inconclusive"


def _is_equal(span: _Span) -> bool:
    """Two one-sided tests: the 90 % interval lies within twice what is material."""
    if span.ratio is None or span.low <= 0 or math.isinf(span.high):
        return False
    narrower = student_t.quantile(span.degrees, 0.90) / student_t.quantile(span.degrees)
    up = math.log(span.high / span.ratio) * narrower
    down = math.log(span.ratio / span.low) * narrower
    room = math.log(1 + 2 * MATERIAL)
    return math.log(span.ratio) + up <= room and math.log(span.ratio) - down >= -room


def _reason(old: Figure, new: Figure, span: _Span, verdict: str) -> str:
    notes = [
        f"Saturation was {one.note} in the {which} run."
        for one, which in ((old, "first"), (new, "other"))
        if one.note
    ]
    if math.isinf(old.value) or math.isinf(new.value):
        which = "first" if math.isinf(old.value) else "other"
        notes.append(f"In the {which} run it falls among requests without an expected answer.")
    if verdict == "inconclusive" and span.ratio is not None:
        notes.append(_more_runs(min(old.runs, new.runs), span))
    return " ".join(notes)


def _more_runs(have: int, span: _Span) -> str:
    """How many would tell the change that is seen, or the least that is material."""
    if span.ratio is None or span.low <= 0 or math.isinf(span.high):
        return "There is no interval: too few samples, or a source that gives none."
    t = span.t
    error = math.log(span.high / span.low) / 2 / t
    aim = max(abs(math.log(span.ratio)), math.log(1 + MATERIAL))
    needed = max(math.ceil(have * (error * (t + _POWER) / aim) ** 2), 2)
    more = max(needed - have, 1)
    if more > MOST_MORE_RUNS:
        return "The figure varies too much for more runs to tell."
    share = wording.percent(round(math.expm1(aim), 2))
    return f"About {wording.plural(more, 'more run')} of each would tell a change of {share}."


def _of_failures(old: Figure, new: Figure, prior: Prior) -> Test:
    """Error rates by the logarithm of their ratio, half a failure added to each."""
    difference = new.value - old.value
    span = _span(
        replace(old, down=_of_all(old), up=_of_all(old)),
        replace(new, down=_of_all(new), up=_of_all(new)),
        prior,
    )
    is_known = old.hits > 0 and new.hits > 0
    verdict: ChangeVerdict = "inconclusive"
    if abs(difference) < MATERIAL_SHARE:
        verdict = "no_change"
    elif span.low > 1 or span.high < 1:
        verdict = "worse" if difference > 0 else "better"
    change = Change(
        ratio=new.value / old.value if is_known else None,
        ci=_bounds(span.low, span.high) if is_known else None,
        difference=difference * 100,
        verdict=verdict,
        reason="" if verdict != "inconclusive" else "Too few requests failed to tell.",
    )
    return Test(change, _chance(span))


def _of_all(figure: Figure) -> float:
    """The standard error of one run's share, from the failures of all runs of its side."""
    return math.sqrt(BURSTS * figure.runs / (figure.hits + 0.5))


def _bounds(low: float, high: float) -> Bounds | None:
    """An interval whose ends are null where nothing bounds the figure there."""
    found = tuple(end if math.isfinite(end) and end > 0 else None for end in (low, high))
    return None if found == (None, None) else (found[0], found[1])
