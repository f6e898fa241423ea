"""The stages as points of offered load and goodput, in requests that meet the bottleneck.

Requests and not journeys, since a journey fails with its first bad step while the others were
answered: at the station that is saturated, what is served does not depend on that. Steps that an
overload leaves as they were are left out.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from runs.analysis.saturation import apart, balance, direct, rate, sharing
from runs.analysis.saturation.apart import Apart
from runs.analysis.saturation.balance import Baseline, Stage
from runs.analysis.saturation.bend import Points, Prior
from runs.analysis.saturation.direct import SHARES, Beneath, Split
from runs.analysis.saturation.flow import Floats, Flow
from runs.analysis.saturation.sharing import UNKNOWN, Order, Shared

Window = tuple[float, float]
# A step that loses less than this part of what the worst step loses is not concerned.
_CONCERNED: Final = 0.05
_FAR: Final = 10.0
_FEWEST_TO_COMPARE: Final = 20
_FAST_SLACK: Final = 0.03
_WELL_BELOW: Final = 0.85
_FLOOR: Final = 0.004
_MOMENTS: Final = 200
_NODES: Final = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


@dataclass(frozen=True)
class Response:
    """`points` are in journeys/s; `shares` is the log-likelihood of each of SHARES, `freedom` the
    degrees of freedom of the errors, `slowing` the ratio of latencies at a load well below the
    losses to those at the lowest, `shared` what is worked off where work is shared, `rises` whether
    more was answered under overload than the load at which the losses began."""

    points: Points
    shares: Floats
    freedom: float
    windows: tuple[Window, ...]
    is_mixed: bool
    sagging: float
    slowing: float
    calls: Flow
    unit: float
    split: Split | None = None
    order: Order = UNKNOWN
    shared: Shared | None = None
    beneath: Beneath | None = None
    rises: bool = False

    @property
    def is_entangled(self) -> bool:
        """Whether calls hinder each other, so that throughput may fall beyond its peak."""
        slows = not self.order.is_told and self.slowing > _SLOWS
        return self.split is None and not self.rises and (self.order.wider > _ENTANGLED or slows)


# The priors of plateau, part, waste and drop.
_USUAL: Final = (0.90, 0.08, 0.01, 0.01)
_MIXED: Final = (0.18, 0.80, 0.01, 0.01)
# What speaks for a fall of throughput where calls are worked off in turn (odds), where their order
# tells nothing, and where they hinder each other (logarithms).
_IN_TURN_ODDS: Final = 0.002
_RARE: Final = -3.5
_LIKELY: Final = -1.0
# Neighbours that differ by so much more under overload hinder each other; and, where that does not
# tell, answers that slow down by so much long before the losses.
_ENTANGLED: Final = 1.7
_SLOWS: Final = 1.1
_SAG: Final = 0.5
_SLOW: Final = 10.0
_MOST_SLOWING: Final = 0.3
# Early stretches of an overload: from and length, in parts of the stage.
_EARLY: Final = (0.0, 0.05, 0.1)
_PARTS_OF_STAGE: Final = (0.1, 0.15, 0.22, 0.33, 0.5)
_SPLIT: Final = (0.97, 0.01, 0.01, 0.01)
# By so many standard errors goodput rises less than a share says before that is not believed.
_RISE_ERRORS: Final = 2.5
# Goodput that drops to this part once calls begin to fail that had waited is that of work in vain.
_COLLAPSED: Final = 0.6
# Goodput that is higher than the load at which the losses began by so much has risen.
_RISES: Final = 1.1


@dataclass(frozen=True)
class Concerned:
    """The calls of the steps that an overload concerns, and which part they are of all requests
    where all goes well."""

    calls: Flow
    part: float


def concerned(calls: Flow, stages: Sequence[Stage]) -> Concerned:
    mine = _concerned(calls, stages)
    healthy = [stage for stage in stages if not stage.is_overloaded]
    return Concerned(mine, _part_concerned(calls, mine, healthy or stages))


def response(
    calls: Flow, stages: Sequence[Stage], per_journey: float, may_be_apart: bool = True
) -> Response | None:
    """What the bottleneck answered to what it was asked, stage by stage.

    `per_journey` is how many requests a journey makes where all goes well; without `may_be_apart`
    no part is taken for one that is full before the others.
    """
    found = concerned(calls, stages)
    mine = found.calls
    windows = _windows(mine, stages)
    if not windows:
        return None
    healthy = [stage for stage in stages if not stage.is_overloaded]
    base = _baseline(mine, healthy)
    late = [(start + (end - start) / 3, end) for start, end in windows]
    before = _latencies(mine, healthy)
    steady = balance.steady(stages)
    split: Split | None = _split(mine, late, before, steady)
    if split is None and may_be_apart:
        split = _apart(mine, stages, late, before, base)
    slow, served = mine, 0.0
    if split is not None:
        windows = _parted(mine, windows, split)
        slow, served = _without_direct(mine, split), split.share
    drains = []
    if windows[0][1] < stages[-1].segment.end and not isinstance(split, Apart):
        drains = _drains(slow, stages, base)
    noise, freedom = _noise(slow, [*windows, *drains])
    columns = [_whole(_busy(slow, window, base, noise), served) for window in windows]
    columns += [_whole(_drained(slow, window, base, noise), served) for window in drains]
    busy = len(columns)
    noise = noise / (1 - served)
    columns += [_kept_up(mine, stage, base, noise, served) for stage in steady]
    offered, goodput = (np.array([column[i] for column in columns]) for i in (0, 1))
    errors = np.stack([column[2] for column in columns], axis=1)
    unit = per_journey * found.part
    points = Points(offered, goodput, errors, np.arange(len(columns)) < busy).scaled(unit)
    sound = [stage.window for stage in steady]
    order = sharing.order(mine, windows, sound) if split is None else UNKNOWN
    shares = np.zeros(len(SHARES)) if split else direct.likelihood(mine, late, before)
    return Response(
        points,
        shares,
        freedom,
        (*windows, *drains),
        _is_mixed(mine, late),
        _sagging(slow, stages, windows, noise[0] * (1 - served)),
        _slowing(mine, stages, float(np.median(goodput[:busy])) / unit),
        mine,
        unit,
        split,
        order,
        _shared(mine, windows, sound, unit) if order.is_shared else None,
        _beneath(mine, late, before, noise[0], unit) if split is None else None,
        _rises(points, stages),
    )


def _rises(found: Points, stages: Sequence[Stage]) -> bool:
    """Then a part of the load is served beyond the capacity, and throughput cannot have fallen."""
    lost = min(stage.offered for stage in balance.caused(stages))
    return bool(found.goodput[found.overloaded].max() > _RISES * lost)


def _shared(
    calls: Flow, busy: Sequence[Window], healthy: Sequence[Window], unit: float
) -> Shared | None:
    """What is worked off where the work is shared, in journeys/s."""
    found = sharing.find(calls, busy, healthy)
    return None if found is None else Shared(found.capacity / unit, found.error / unit)


def _beneath(
    calls: Flow, late: Sequence[Window], before: Floats, noise: float, unit: float
) -> Beneath | None:
    """The same where the fast ones wait as well, in journeys/s."""
    found = direct.beneath(calls, late, before, noise)
    return (
        None
        if found is None
        else replace(found, capacity=found.capacity / unit, error=found.error / unit)
    )


def _split(
    calls: Flow, late: Sequence[Window], before: Floats, steady: Sequence[Stage]
) -> Split | None:
    """From all late windows; from the most loaded one alone where a lesser one blurs it."""
    most = max(late, key=lambda one: calls.due_in(*one) / (one[1] - one[0]))
    parts = [calls.between(*stage.window) for stage in steady]
    every = np.concatenate([before[:0], *(calls.took[part][calls.good[part]] for part in parts)])
    found = direct.split(calls, late, before, every) or direct.split(calls, [most], before, every)
    if found is None:
        return None
    rise, error = _rise(calls, late, found.share)
    return found if rise + error >= found.share else None


def _apart(
    calls: Flow, stages: Sequence[Stage], late: Sequence[Window], before: Floats, base: Baseline
) -> Apart | None:
    """A part that is full first. One that goes after the others in the same queue looks alike, but
    then goodput does not rise with the load; so it has to be seen to rise, from the load under
    which a backlog was worked off at the least."""
    found = apart.find(calls, late, before) or apart.find(calls, _lower_half(calls, late), before)
    if found is None or found.all_wait:
        return found
    drains = _drains(_without_direct(calls, found), stages, base)
    rise, error = _rise(calls, [*late, *drains], found.share)
    return found if rise - error > 0 else None


def _lower_half(calls: Flow, windows: Sequence[Window]) -> list[Window]:
    """The windows with the lower loads, in order of time: where not all of it is full yet."""
    loads = [calls.due_in(*one) / (one[1] - one[0]) for one in windows]
    limit = float(np.median(loads))
    return [one for one, load in zip(windows, loads, strict=True) if load <= limit]


def _rise(calls: Flow, late: Sequence[Window], share: float) -> tuple[float, float]:
    """By how much goodput rises with the load, and how far that may be off: by the share that is
    served all the same, but not where hits are so many a second rather than of a hundred."""
    lengths = np.array([end - start for start, end in late])
    offered = np.array([calls.due_in(*one) for one in late]) / lengths
    goodput = np.array([calls.answered_in(*one) for one in late]) / lengths
    centred = offered - float((lengths * offered).sum() / lengths.sum())
    spread = float((lengths * centred**2).sum())
    if spread <= 0:
        return 0.0, np.inf
    rise = float((lengths * centred * goodput).sum()) / spread
    error = rate.noise(calls.answers, calls.due, late, share)[0] / float(np.sqrt(spread))
    return rise, _RISE_ERRORS * error


def _without_direct(calls: Flow, split: Split) -> Flow:
    return calls.only(~split.at_once(calls))


def _parted(calls: Flow, windows: Sequence[Window], split: Split) -> list[Window]:
    """The windows in which no more came at once than the share that always does: in the others
    those who need what is saturated did not wait yet."""
    kept = []
    at_once = split.at_once(calls)
    for window in windows:
        part = calls.between(*window)
        due = part.stop - part.start
        direct_ones = int(at_once[part].sum())
        slack = 3 * np.sqrt(split.share * max(due, 1)) + _FAST_SLACK * due
        more = direct_ones - split.share * due
        # Where a node is full first, others that are full as well make it fewer.
        least = -slack if isinstance(split, Apart) else -due
        kept += [window] if least <= more <= slack else []
    return kept or list(windows)


def _whole(column: tuple[float, float, Floats], share: float) -> tuple[float, float, Floats]:
    """What was measured without the direct answers, as of the whole load."""
    offered, goodput, error = column
    return offered / (1 - share), goodput / (1 - share), error / (1 - share)


def _slowing(calls: Flow, stages: Sequence[Stage], capacity: float) -> float:
    """Where servers take turns, the fastest tenth and the median hardly move until little is
    left of the capacity; where jobs share, all of them slow down early."""
    found: list[tuple[float, Floats]] = []
    for stage in balance.steady(stages):
        part = calls.between(*stage.window)
        took = calls.took[part][calls.good[part]]
        if stage.offered < _WELL_BELOW * capacity and len(took) >= _FEWEST_TO_COMPARE:
            found.append((stage.offered, np.quantile(took, (0.1, 0.5))))
    if len(found) < 2:
        return 1.0
    least = np.min([pair for _, pair in found], axis=0)
    most = max(found, key=lambda one: one[0])[1]
    return float((most / np.maximum(least, 1e-9)).min())


def _concerned(calls: Flow, stages: Sequence[Stage]) -> Flow:
    """The calls of the steps that lose in overloaded stages."""
    names = np.unique(calls.step)
    if len(names) == 1:
        return calls
    healthy = [stage for stage in stages if not stage.is_overloaded]
    bad = [stage for stage in stages if stage.is_overloaded]
    if _is_refused(calls, [stage.window for stage in bad]):
        return calls.only(np.isin(calls.step, np.unique(calls.step[calls.refused])))
    lost = np.zeros(len(names))
    for i, name in enumerate(names):
        mine = calls.only(calls.step == name)
        base = _baseline(mine, healthy)
        due = sum(mine.due_in(*stage.window) for stage in bad)
        lost[i] = sum(balance.lacking(mine, stage.window, base) for stage in bad) / max(due, 1)
    kept = names[lost >= _CONCERNED * lost.max()] if lost.max() > 0 else names
    return calls.only(np.isin(calls.step, kept))


def _baseline(calls: Flow, healthy: Sequence[Stage]) -> Baseline:
    found = balance.baseline(calls, [stage.segment for stage in healthy]) if healthy else None
    return found or Baseline(np.zeros(1), 0.0)


def _part_concerned(calls: Flow, concerned: Flow, stages: Sequence[Stage]) -> float:
    """Which part of the requests is concerned where all goes well."""
    if concerned.count == calls.count:
        return 1.0
    spans = [(stage.segment.start, stage.segment.end) for stage in stages]
    some = sum(concerned.due_in(*span) for span in spans)
    every = sum(calls.due_in(*span) for span in spans)
    return some / every if some else concerned.count / calls.count


def _busy(
    calls: Flow, window: Window, base: Baseline, noise: Floats
) -> tuple[float, float, Floats]:
    """An overloaded window: offered, goodput, and its errors by share."""
    start, end = window
    length = end - start
    offered = calls.due_in(start, end) / length
    goodput = calls.answered_in(start, end) / length / (1 - base.failing)
    error = np.sqrt(noise**2 / length + (0.7 / length) ** 2 + (_FLOOR * goodput) ** 2)
    return offered, goodput, error


def _drained(
    calls: Flow, window: Window, base: Baseline, noise: Floats
) -> tuple[float, float, Floats]:
    """The same of a window in which a backlog was worked off: it was asked for as well."""
    offered, goodput, error = _busy(calls, window, base, noise)
    backlog = float(_under_way(calls, np.array([window[0]]))[0])
    return offered + backlog / (window[1] - window[0]), goodput, error


def _kept_up(
    calls: Flow, stage: Stage, base: Baseline, noise: Floats, served: float
) -> tuple[float, float, Floats]:
    """A stage that kept up; its error follows from its own latencies, and from how much the
    capacity itself varies, since one good stage beyond it may be luck. Where a share is served
    directly, what is lost is lost of the rest alone."""
    start, end = stage.window
    length = end - start
    part = calls.between(start, end)
    due = part.stop - part.start
    took = calls.took[part][calls.good[part]]
    in_flight = due / length * (float(took.mean()) if len(took) else 0.0)
    sigma = np.sqrt(due * base.failing + 3 * in_flight + 1) / length / (1 - served)
    lost = balance.lacking(calls, stage.window, base) / length / (1 - served)
    offered = due / length
    error = np.sqrt(noise**2 / length + sigma**2 + (0.002 * offered) ** 2)
    return offered, offered - max(lost, 0.0), error


def _latencies(calls: Flow, healthy: Sequence[Stage]) -> Floats:
    """Those of the healthy stage with the most good answers among the fastest half."""
    found: list[Floats] = []
    for stage in healthy:
        part = calls.between(*stage.window)
        found.append(calls.took[part][calls.good[part]])
    found = [took for took in found if len(took) >= 20]
    if not found:
        return np.zeros(0)
    found.sort(key=lambda took: float(took.mean()))
    return max(found[: (len(found) + 1) // 2], key=len)


def _is_refused(calls: Flow, windows: Sequence[Window]) -> bool:
    """Whether refusals make more than half of what failed."""
    parts = [calls.between(*window) for window in windows]
    refused = sum(int(calls.refused[part].sum()) for part in parts)
    failed = sum(int((~calls.good[part]).sum()) for part in parts)
    return refused > 0.5 * failed


def _sagging(
    calls: Flow, stages: Sequence[Stage], windows: Sequence[Window], noise: float
) -> float:
    """By how many standard errors goodput was higher soon after the first overload began than
    later on, at the most of a few early stretches; 0 where it was not."""
    for before, stage in itertools.pairwise(stages):
        if stage.is_overloaded and not before.is_overloaded:
            start, length = stage.segment.start, stage.segment.length
            middle = start + length / 2
            late = [(max(a, middle) if a < start + length else a, b) for a, b in windows]
            late = [(a, b) for a, b in late if b - a > length / 20]
            if not late:
                return 0.0
            total = sum(b - a for a, b in late)
            usual = sum(calls.answered_in(a, b) for a, b in late) / total
            found = [0.0]
            for since, part in itertools.product(_EARLY, _PARTS_OF_STAGE):
                a, b = start + since * length, start + (since + part) * length
                error = noise * float(np.sqrt(1 / (b - a) + 1 / total))
                found.append((calls.answered_in(a, b) / (b - a) - usual) / max(error, 1e-9))
            return max(found)
    return 0.0


def _is_mixed(calls: Flow, late: Sequence[Window]) -> bool:
    """Whether failures waited long while good answers came at once: in one queue both wait."""
    parts = [calls.between(*window) for window in late]
    good = np.concatenate([calls.took[part][calls.good[part]] for part in parts])
    bad = [calls.took[part][~calls.good[part] & ~calls.refused[part]] for part in parts]
    failed = np.concatenate(bad)
    if len(good) < _FEWEST_TO_COMPARE or len(failed) < _FEWEST_TO_COMPARE:
        return False
    return bool(np.median(good) < 0.3 * np.median(failed))


def _windows(calls: Flow, stages: Sequence[Stage]) -> list[Window]:
    """The parts of overloaded stages in which the bottleneck was busy all the time."""
    found: list[Window] = []
    before: Stage | None = None
    dead = False
    for stage in stages:
        if stage.is_overloaded:
            first = before is None or not before.is_overloaded
            dead = dead and not first
            if not dead:
                end, dead = _given_up(calls, stage)
                start = stage.segment.start
                warm = stage.window[0] if first else start
                if end - warm > stage.segment.length / 20:
                    found.append((warm, end))
                elif end - start > stage.segment.length / 40:
                    found.append(((start + end) / 2, end))
        before = stage
    return found or [stage.window for stage in stages if stage.is_overloaded]


def _drains(calls: Flow, stages: Sequence[Stage], base: Baseline) -> list[Window]:
    """What follows an overload as long as its backlog keeps the bottleneck busy: while much more
    is under way than would be at the best goodput without waiting."""
    found: list[Window] = []
    for before, stage in itertools.pairwise(stages):
        if not before.is_overloaded or stage.is_overloaded or not before.goodput:
            continue
        start, end = stage.segment.start, stage.segment.end
        if np.diff(np.searchsorted(calls.given_up, (before.segment.start, end)))[0]:
            continue
        at = np.linspace(start, end, _MOMENTS)
        under_way = _under_way(calls, at)
        idle = np.flatnonzero(under_way < 2 * before.goodput * base.mean + 1)
        over = float(at[idle[0]]) if len(idle) else end
        until = start + 0.9 * (over - start)
        if until - start > stage.segment.length / 20:
            found.append((start, until))
    return found


def _under_way(calls: Flow, at: Floats) -> Floats:
    """How many calls had begun and not ended at some moments."""
    begun = np.searchsorted(calls.due, at, side="right")
    counts: Floats = (begun - np.searchsorted(calls.ends, at, side="right")).astype(np.float64)
    return counts


def _given_up(calls: Flow, stage: Stage) -> tuple[float, bool]:
    """When clients began to give up: from then on work may be done in vain."""
    start, end = stage.segment.start, stage.segment.end
    limit = max(3, stage.count // 100)
    gave_up, failed = (
        times[slice(*np.searchsorted(times, (start, end)))][: limit + 1]
        for times in (calls.given_up, calls.failed_late)
    )
    if len(gave_up) > limit:
        return _first_of(gave_up), True
    if len(failed) > limit and _collapses(calls, (start, _first_of(failed)), end):
        return _first_of(failed), True
    return end, False


def _collapses(calls: Flow, before: Window, end: float) -> bool:
    """Whether much less was answered after a window than in it."""
    start, since = before
    answered, later = calls.answered_in(start, since), calls.answered_in(since, end)
    return later * (since - start) < _COLLAPSED * answered * (end - since)


def _first_of(ended: Floats) -> float:
    """Where the row began that the last of some moments belongs to; strays before are passed."""
    gaps = np.diff(ended)
    strays = np.flatnonzero(gaps > _FAR * max(float(np.median(gaps)), 1e-9))
    return float(ended[strays[-1] + 1 if len(strays) else 0])


def _noise(calls: Flow, windows: Sequence[Window]) -> tuple[Floats, float]:
    """The standard deviation over one second of goodput less h times offered, for each of SHARES,
    with its degrees of freedom."""
    found = [rate.noise(calls.answers, calls.due, windows, float(h)) for h in _NODES]
    sizes = [sd for sd, _ in found]
    return np.interp(SHARES, _NODES, sizes), found[0][1]


def prior(measured: Response) -> Prior:
    """What speaks for each shape before the points do."""
    if measured.split is not None:
        kinds = _SPLIT
    elif measured.is_mixed or measured.rises:
        kinds = _MIXED
    else:
        odds = odds_of_contention(measured)
        share = odds / (1 + odds)
        plateau, part, waste, _ = _USUAL
        rest = (1 - share) / (1 - _USUAL[3])
        kinds = (plateau * rest, part * rest, waste * rest, share)
    return Prior(kinds, measured.shares)


def odds_of_contention(measured: Response) -> float:
    """What speaks for a fall of throughput beyond its peak, before the points do: that calls are
    not worked off in turn; then early goodput above the later, and answers that slow down long
    before the losses."""
    order = measured.order
    if order.is_told and order.wider <= _ENTANGLED:
        return _IN_TURN_ODDS
    before = _LIKELY if order.wider > _ENTANGLED else _RARE
    told = _SAG * min(measured.sagging, 5.0) + _SLOW * min(
        float(np.log(measured.slowing)), _MOST_SLOWING
    )
    return float(np.exp(before + told))
