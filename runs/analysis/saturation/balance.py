"""Whether a stage kept up: what should have been answered in it, and what was.

The answers that a healthy target would have given are known: each journey's due time plus a
latency as it was at low load. What lacks beyond that, by the clock of the answers, is lost to
a queue that grows, to failures, or to refusals: the stage is overloaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from runs.analysis.saturation.flow import Floats, Flow, Segment

# Losses below this share of what was due are not called an overload.
LEAST_LOSS: Final = 0.02
_SURE: Final = 3.5
_LIKELY: Final = 1.5
_STRONG: Final = (0.04, 5.0)
_FEWEST_DUE: Final = 10
_FEWEST_FOR_BASELINE: Final = 20
_FEWEST_FOR_FAILURES: Final = 300
_GRID: Final = (np.arange(64) + 0.5) / 64


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
    standard errors; `window` leaves the warm-up out.
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
    is_overloaded: bool = False

    @property
    def is_strong(self) -> bool:
        return self.loss > _STRONG[0] and self.sigmas > _STRONG[1]


def baseline(flow: Flow, segments: Sequence[Segment]) -> Baseline | None:
    """From the segment whose good journeys were fastest; failures from the least loaded third."""
    fastest: Floats | None = None
    for segment in segments:
        part = flow.between(segment.start, segment.end)
        took = flow.took[part][flow.good[part]]
        enough = len(took) >= _FEWEST_FOR_BASELINE
        if enough and (fastest is None or np.median(took) < np.median(fastest)):
            fastest = took
    if fastest is None:
        return None
    return Baseline(np.quantile(fastest, _GRID), _failing(flow, segments))


def _failing(flow: Flow, segments: Sequence[Segment]) -> float:
    """Losses at the lowest loads count as the target's own: they are not due to the load."""
    parts = [flow.between(segment.start, segment.end) for segment in segments]
    rates = [(p.stop - p.start) / s.length for p, s in zip(parts, segments, strict=True)]
    lowest = _lowest(rates, [part.stop - part.start for part in parts])
    due = sum(parts[i].stop - parts[i].start for i in lowest)
    failed = sum(int((~flow.good[parts[i]]).sum()) for i in lowest)
    return (failed + 0.5) / (due + 1) if failed else 0.0


def _lowest(rates: Sequence[float], counts: Sequence[int]) -> list[int]:
    """The least loaded segments: two, and up to a third of all until there are enough journeys."""
    order: list[int] = np.argsort(rates, kind="stable").tolist()
    taken = order[:2]
    for i in order[2 : len(order) // 3]:
        if sum(counts[one] for one in taken) >= _FEWEST_FOR_FAILURES:
            break
        taken.append(i)
    return taken


def stages(flow: Flow, segments: Sequence[Segment], base: Baseline) -> tuple[Stage, ...]:
    """Every segment with its balance, marked where it is overloaded."""
    weighed: list[Stage] = []
    for segment in segments:
        weighed.append(_weighed(flow, segment, weighed[-1] if weighed else None, base))
    return _consistent(tuple(weighed))


def _weighed(flow: Flow, segment: Segment, before: Stage | None, base: Baseline) -> Stage:
    start, end = segment.start, segment.end
    count = flow.due_in(start, end)
    offered = count / segment.length
    warm_up = min(segment.length / 3, max(2 * base.p90, segment.length / 10))
    window = (start + warm_up, end)
    loss, sigmas = _lacking(flow, window, base)
    follows = before is not None and abs(before.segment.end - start) < 1e-9
    since = before.window[0] if before is not None and follows else window[0]
    loss_before, sigmas_before = _lacking(flow, (since, end), base)
    goodput = flow.answered_in(*window) / (end - window[0])
    stage = Stage(
        segment, window, offered, goodput, count, loss, sigmas, loss_before, sigmas_before
    )
    return stage if not _overloaded(stage, before) else _marked(stage)


def _lacking(flow: Flow, window: tuple[float, float], base: Baseline) -> tuple[float, float]:
    """The share of the expected answers that lacks, and that in standard errors."""
    start, end = window
    due = flow.due_in(start, end)
    expected = base.answered_by(flow, end) - base.answered_by(flow, start)
    missing = expected - flow.answered_in(start, end)
    in_flight = due / max(end - start, 1e-9) * base.mean
    error = np.sqrt(due * base.failing + 3 * in_flight + 1)
    return missing / max(expected, 1.0), missing / float(error)


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
    return Stage(**{**vars(stage), "is_overloaded": is_overloaded})


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
