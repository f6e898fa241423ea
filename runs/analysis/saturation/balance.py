"""Whether a stage kept up: what should have been answered in it, and what was.

The answers that a healthy target would have given are known: each journey's due time plus a
latency as it was at low load. What lacks beyond that, by the clock of the answers, is lost to
a queue that grows, to failures, or to refusals: the stage is overloaded.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from runs.analysis.saturation.flow import Floats, Flow, Segment

# Losses below this share of what was due are not called an overload.
LEAST_LOSS: Final = 0.02
_SMALL_LOSS: Final = 0.01
_ANSWERED: Final = 0.8
_SURE: Final = 3.5
_LIKELY: Final = 1.5
# Evidence that a loss lasts: share lost, standard errors, and Student's t over the parts of the
# stage. No stage below its capacity showed as much in 3,900 simulated systems.
_LASTING: Final = ((0.05, 4.0, 3.0), (0.05, 3.5, 4.0), (0.10, 5.0, 2.0))
# So many refusals, and such a share, are a limit.
_FEWEST_RULED: Final = 20
_LEAST_RULED: Final = 0.05
_MOST_PARTS: Final = 6
_UNAVAILABLE: Final = 503
_PARTS: Final = 8
_DOUBTFUL: Final = 2.0
_FEWEST_DUE: Final = 10
_FEWEST_FOR_BASELINE: Final = 20
_FEW_FAILURES: Final = 0.02
_PACE: Final = (0.1, 0.3, 0.5, 0.7, 0.9, 0.97)
_FEWEST_FOR_FAILURES: Final = 300
_PLAINLY: Final = 3.0
_GRID: Final = (np.arange(64) + 0.5) / 64
# Of a segment: journeys/s, how many, and how many of them failed.
Tried = tuple[float, int, int]


@dataclass(frozen=True)
class Baseline:
    """The target at low load: latencies (64 equally likely ones), and the share that fails."""

    latencies: Floats
    failing: float

    @property
    def mean(self) -> float:
        return float(self.latencies.mean())

    @property
    def p90(self) -> float:
        return float(np.quantile(self.latencies, 0.9))

    def answered_by(self, flow: Flow, at: float) -> float:
        """How many good answers a healthy target would have given until then."""
        due = np.searchsorted(flow.due, at - self.latencies)
        return float(due.mean()) * (1 - self.failing)


@dataclass(frozen=True)
class Stage:
    """One segment with its balance, rates in journeys/s.

    `loss` is the share of the due journeys that lacks among the answers, `sigmas` the same in
    standard errors, `steadiness` its Student's t over parts of it, `doubt` one standard error
    as a share; `window` leaves the warm-up out.
    """

    segment: Segment
    window: tuple[float, float]
    offered: float
    goodput: float
    count: int
    loss: float
    sigmas: float
    loss_before: float
    sigmas_before: float
    steadiness: float
    is_lasting: bool
    is_overloaded: bool = False
    doubt: float = 0.0

    def would_show(self, loss: float) -> bool:
        """Whether so large a loss would have been seen in it."""
        return loss > max(_SURE * self.doubt, LEAST_LOSS)

    @property
    def loses(self) -> bool:
        """Whether a small part is surely lost, too small to be called an overload."""
        return self.loss > _SMALL_LOSS and self.sigmas > _SURE

    @property
    def is_answered(self) -> bool:
        """Whether most of it was answered as it came: where no lower load tells what is usual, as
        in a run of one load, this says at least what was not kept up with."""
        return self.goodput >= _ANSWERED * self.offered

    @property
    def is_doubtful(self) -> bool:
        """Whether one bad moment, and not a lasting loss, may be behind it."""
        return not self.is_lasting and self.steadiness < _DOUBTFUL


def baseline(flow: Flow, segments: Sequence[Segment]) -> Baseline | None:
    """From the segment whose good journeys were fastest, of those that failed least; failures
    from the least loaded ones."""
    found: list[tuple[float, float, Floats]] = []
    for segment in segments:
        part = flow.between(segment.start, segment.end)
        good = flow.good[part]
        took = flow.took[part][good]
        if len(took) >= _FEWEST_FOR_BASELINE:
            pace = float(np.quantile(took, _PACE).mean())
            found.append((1 - float(good.mean()), pace, took))
    if not found:
        return None
    least = min(failed for failed, _, _ in found)
    sound = [one for one in found if one[0] <= max(2 * least, least + _FEW_FAILURES)]
    fastest = min(sound, key=lambda one: one[1])[2]
    return Baseline(np.quantile(fastest, _GRID), _failing(flow, segments))


def _failing(flow: Flow, segments: Sequence[Segment]) -> float:
    """Losses at the lowest loads count as the target's own: they are not due to the load."""
    tried = [_tried(flow, segment) for segment in _until_peak(flow, segments)]
    lowest = _lowest(tried)
    due, failed = (sum(column) for column in zip(*(one[1:] for one in lowest), strict=True))
    return (failed + 0.5) / (due + 1) if failed else 0.0


def _tried(flow: Flow, segment: Segment) -> Tried:
    part = flow.between(segment.start, segment.end)
    count = part.stop - part.start
    return count / segment.length, count, int((~flow.good[part]).sum())


def _until_peak(flow: Flow, segments: Sequence[Segment]) -> Sequence[Segment]:
    """Without what follows the highest load, if two are left: it may begin with a backlog."""
    rates = [flow.due_in(segment.start, segment.end) / segment.length for segment in segments]
    peak = int(np.argmax(rates))
    return segments[: peak + 1] if peak else segments


def _lowest(tried: Sequence[Tried]) -> list[Tried]:
    """The least loaded segments: two, and up to a third of all until there are enough journeys;
    none from the first on that fails plainly more than those below it."""
    order = sorted(tried)
    taken = order[:1]
    for one in order[1 : max(2, len(order) // 3)]:
        enough = sum(count for _, count, _ in taken) >= _FEWEST_FOR_FAILURES
        if (enough and len(taken) > 1) or _fails_more(one, taken):
            break
        taken.append(one)
    return taken


def _fails_more(one: Tried, below: Sequence[Tried]) -> bool:
    """By the test of two proportions."""
    _, count, failed = one
    count_below, failed_below = sum(item[1] for item in below), sum(item[2] for item in below)
    if not count or not count_below:
        return False
    pooled = (failed + failed_below + 0.5) / (count + count_below + 1)
    error = np.sqrt(pooled * (1 - pooled) * (1 / count + 1 / count_below))
    return bool(failed / count - failed_below / count_below > _PLAINLY * error)


def stages(flow: Flow, segments: Sequence[Segment], base: Baseline) -> tuple[Stage, ...]:
    """Every segment with its balance, marked where it is overloaded."""
    weighed: list[Stage] = []
    for segment in segments:
        weighed.append(_weighed(flow, segment, weighed[-1] if weighed else None, base))
    return _together(flow, _consistent(tuple(weighed)), base)


def _weighed(flow: Flow, segment: Segment, before: Stage | None, base: Baseline) -> Stage:
    start, end = segment.start, segment.end
    count = flow.due_in(start, end)
    offered = count / segment.length
    warm_up = min(segment.length / 3, max(2 * base.p90, segment.length / 10))
    window = (start + warm_up, end)
    loss, sigmas = _lacking(flow, window, base)
    doubt = _doubt(flow, window, base)
    sigmas = max(sigmas, _lacking(flow, (start, end), base)[1])
    follows = before is not None and abs(before.segment.end - start) < 1e-9
    since = before.window[0] if before is not None and follows else window[0]
    loss_before, sigmas_before = _lacking(flow, (since, end), base)
    goodput = flow.answered_in(*window) / (end - window[0])
    steadiness, trimmed = _steadiness(flow, window, base)
    lasting = _is_ruled(flow, window) or _lasts(loss, sigmas, steadiness, trimmed)
    stage = Stage(
        segment, window, offered, goodput, count, loss, sigmas, loss_before, sigmas_before,
        steadiness, lasting, doubt=doubt,
    )  # fmt: skip
    return stage if not _overloaded(stage, before) else _marked(stage)


def _lasts(loss: float, sigmas: float, steadiness: float, trimmed: float) -> bool:
    """Whether that is evidence of a loss that lasts."""
    return trimmed > loss / 5 and any(
        loss > least and sigmas > sure and steadiness > steady for least, sure, steady in _LASTING
    )


def _is_ruled(flow: Flow, window: tuple[float, float]) -> bool:
    """Whether a rule refused (429 and the like), all the time or many in a row: that is no
    accident, as a crowd that a small burst does not carry is. A 503 is one of a full queue."""
    part = flow.between(*window)
    refused = flow.refused[part] & (flow.status[part] != _UNAVAILABLE)
    count = int(refused.sum())
    if count < _FEWEST_RULED or count <= _LEAST_RULED * len(refused):
        return False
    edges = np.linspace(*window, _PARTS + 1)
    hit = np.histogram(flow.due[part][refused], edges)[0] > 0
    admitted = np.flatnonzero(np.concatenate([[True], ~refused, [True]]))
    longest = int(np.diff(admitted).max()) - 1
    return int(hit.sum()) >= _MOST_PARTS or longest >= _FEWEST_RULED


def _lacking(flow: Flow, window: tuple[float, float], base: Baseline) -> tuple[float, float]:
    """The share of the expected answers that lacks, and that in standard errors."""
    start, end = window
    due = flow.due_in(start, end)
    expected = base.answered_by(flow, end) - base.answered_by(flow, start)
    missing = expected - flow.answered_in(start, end)
    error = _doubt(flow, window, base) * max(due, 1)
    return missing / max(expected, 1.0), missing / error


def _doubt(flow: Flow, window: tuple[float, float], base: Baseline) -> float:
    """One standard error of the lacking answers, as a share of those due."""
    start, end = window
    due = flow.due_in(start, end)
    in_flight = due / max(end - start, 1e-9) * base.mean
    return float(np.sqrt(due * base.failing + 3 * in_flight + 1)) / max(due, 1)


def _steadiness(flow: Flow, window: tuple[float, float], base: Baseline) -> tuple[float, float]:
    """Student's t of the losses in equal parts of a window, and their mean without the two
    largest: a pause or a passing queue makes a few parts bad, an overload all of them."""
    edges = np.linspace(*window, _PARTS + 1)
    expected = np.diff([base.answered_by(flow, float(edge)) for edge in edges])
    answered = np.diff(np.searchsorted(flow.answers, edges))
    due = np.diff(np.searchsorted(flow.due, edges))
    lost = (expected - answered) / np.maximum(due, 1)
    error = float(lost.std(ddof=1)) / np.sqrt(_PARTS)
    return float(lost.mean()) / max(error, 1e-3), float(np.sort(lost)[:-2].mean())


def lacking(flow: Flow, window: tuple[float, float], base: Baseline) -> float:
    """How many of the expected answers lack in a window."""
    start, end = window
    expected = base.answered_by(flow, end) - base.answered_by(flow, start)
    return expected - flow.answered_in(start, end)


def _overloaded(stage: Stage, before: Stage | None) -> bool:
    if stage.count < _FEWEST_DUE or stage.loss <= LEAST_LOSS:
        return False
    lost_before = before is not None and before.loss > 0
    lasting = stage.sigmas > _LIKELY and stage.sigmas_before > _SURE and lost_before
    return stage.sigmas > _SURE or lasting


def _marked(stage: Stage, is_overloaded: bool = True) -> Stage:
    return replace(stage, is_overloaded=is_overloaded)


def caused(stages: Sequence[Stage]) -> list[Stage]:
    """The overloaded stages that their own load overloads, as far as can be told: not those that
    follow an overload by a higher load, whose backlog they begin with."""
    found = []
    above = 0.0
    for stage in stages:
        if stage.is_overloaded and stage.offered >= above:
            found.append(stage)
        above = max(above, stage.offered) if stage.is_overloaded else 0.0
    return found


def sustained(stages: Sequence[Stage]) -> list[Stage]:
    """The stages that were kept up with below the first load that was not; not those that surely
    lost a little, as where most of the load needs nothing of what is saturated."""
    first = min((stage.offered for stage in caused(stages)), default=np.inf)
    below = [one for one in kept(stages) if one.offered < first and not one.loses]
    return [one for one in below if one.is_answered]


def kept(stages: Sequence[Stage]) -> list[Stage]:
    """The stages that kept up."""
    return [stage for stage in stages if not stage.is_overloaded and stage.count]


def clear(stages: Sequence[Stage]) -> list[Stage]:
    """Without those that kept up and surely lost a little."""
    return [stage for stage in stages if stage.is_overloaded or not stage.loses]


def steady(stages: Sequence[Stage]) -> list[Stage]:
    """The stages that kept up, but those that begin with the backlog of an overload."""
    kept = []
    before: Stage | None = None
    for stage in stages:
        clean = before is None or not before.is_overloaded
        if not stage.is_overloaded and clean and stage.count:
            kept.append(stage)
        before = stage
    return kept


def _together(flow: Flow, weighed: tuple[Stage, ...], base: Baseline) -> tuple[Stage, ...]:
    """Overloaded stages one after the other are evidence together where none is alone."""
    found: list[Stage] = []
    for is_bad, group in itertools.groupby(weighed, key=lambda stage: stage.is_overloaded):
        row = list(group)
        if is_bad and len(row) > 1 and not any(stage.is_lasting for stage in row):
            window = (row[0].window[0], row[-1].segment.end)
            steadiness, trimmed = _steadiness(flow, window, base)
            if _lasts(*_lacking(flow, window, base), steadiness, trimmed):
                row = [replace(stage, is_lasting=True) for stage in row]
        found += row
    return tuple(found)


def calmed(weighed: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages with none of them overloaded."""
    return tuple(_marked(stage, False) for stage in weighed)


def _consistent(weighed: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """Where more stages kept up with a higher load than failed at a lower one, a passing trouble
    explains the latter: only what was above those counts."""
    bad = [stage.offered for stage in weighed if stage.is_overloaded]
    if not bad:
        return weighed
    above = [s.offered for s in weighed if not s.is_overloaded and s.offered > 1.05 * min(bad)]
    if len(above) <= len(bad):
        return weighed
    limit = 1.02 * max(above)
    return tuple(
        stage if not stage.is_overloaded or stage.offered > limit else _marked(stage, False)
        for stage in weighed
    )
