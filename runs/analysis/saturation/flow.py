"""The journeys of one scenario as arrays: when each was due, when it ended, and how."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis import columns
from runs.analysis.columns import Micros
from runs.analysis.plan import Phase

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# As narrow as the numbers allow: a flow of millions is kept as long as its run is looked at.
Ints = NDArray[np.integer[Any]]

MICROS: Final = 1_000_000
_GATEWAY_TIMEOUT: Final = 504
# What waited in vain took longer than nearly every good answer; a 504 that comes at once did not.
_LONG: Final = 0.9
_ENOUGH: Final = 20_000
# A ramp is cut into pieces, each of which counts as a stage of its own.
_PIECES_OF_A_RAMP: Final = 4


@dataclass(frozen=True)
class Flow:
    """Times are seconds since the run's start; everything is in the order of due time."""

    due: Floats
    ended: Floats
    good: Flags
    refused: Flags
    timed_out: Flags
    unsent: Flags
    user: Ints
    status: Ints
    requests: Ints
    step: Ints

    @property
    def count(self) -> int:
        return len(self.due)

    @cached_property
    def took(self) -> Floats:
        """From due to ended."""
        return np.maximum(self.ended - self.due, 0.0)

    @cached_property
    def answers(self) -> Floats:
        """When the good journeys ended, ascending."""
        return np.sort(self.ended[self.good], kind="stable")

    @cached_property
    def ends(self) -> Floats:
        """When all of them ended, ascending."""
        return np.sort(self.ended, kind="stable")

    @cached_property
    def given_up(self) -> Floats:
        """When clients stopped waiting, or a gateway did for them, ascending: a target that is not
        told goes on working for them."""
        by_gateway = self._failed_late & (self.status == _GATEWAY_TIMEOUT)
        return np.sort(self.ended[self.timed_out | by_gateway], kind="stable")

    @cached_property
    def failed_late(self) -> Floats:
        """When those failed that had waited longer than nearly all good ones did, ascending."""
        return np.sort(self.ended[self._failed_late], kind="stable")

    @cached_property
    def _failed_late(self) -> Flags:
        failed: Flags = ~(self.good | self.refused | self.unsent)
        if failed.any() and self.good.any():
            took = self.took[self.good]
            failed &= self.took > np.quantile(took[:: 1 + len(took) // _ENOUGH], _LONG)
        return failed

    def between(self, start: float, end: float) -> slice:
        """The journeys due in [start, end)."""
        low, high = np.searchsorted(self.due, (start, end))
        return slice(int(low), int(high))

    def due_in(self, start: float, end: float) -> int:
        low, high = np.searchsorted(self.due, (start, end))
        return int(high - low)

    def answered_in(self, start: float, end: float) -> int:
        low, high = np.searchsorted(self.answers, (start, end))
        return int(high - low)

    def only(self, kept: Flags) -> "Flow":
        """The part that a mask keeps."""
        rows = np.flatnonzero(kept)
        return Flow(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    def let_go(self) -> "Flow":
        """The same without what was derived of it, which takes as much memory once more; whoever
        asks for that again waits for it again."""
        return Flow(**{one.name: getattr(self, one.name) for one in fields(self)})


def of(journeys: pl.DataFrame) -> Flow:
    """The arrays of a frame of runs.analysis.journeys."""
    outcome = journeys["outcome"]
    return Flow(
        due=journeys["due_us"].to_numpy() / MICROS,
        ended=journeys["ended_us"].to_numpy() / MICROS,
        good=journeys["good"].to_numpy(),
        refused=journeys["refused"].to_numpy(),
        timed_out=journeys["timed_out"].to_numpy(),
        unsent=outcome.is_in(["dropped", "generator_error"]).fill_null(value=False).to_numpy(),
        user=_narrow(journeys["user"], -1),
        status=_narrow(journeys["status"], 0),
        requests=_narrow(journeys["requests"], 0),
        step=np.zeros(journeys.height, dtype=np.int8),
    )


def _narrow(numbers: pl.Series, absent: int) -> Ints:
    return numbers.cast(pl.Int64).fill_null(absent).shrink_dtype().to_numpy()


def calls(samples: pl.DataFrame, is_mine: pl.Series) -> Flow:
    """Every request of a scenario, retries too, with its step as a number. One column after the
    other: of a large run all of them are much memory."""
    places = is_mine.arg_true()
    due = _first_known(samples, places, ("due_us", "started_us", "ended_us"))
    order = pl.Series(np.argsort(due, kind="stable").astype(np.uint32))
    places, due = places.gather(order), due[order.to_numpy()] / MICROS
    outcome = samples["outcome"].gather(places)
    return Flow(
        due=due,
        ended=_first_known(samples, places, ("ended_us", "due_us", "started_us")) / MICROS,
        good=_is(outcome, "ok"),
        refused=_is(outcome, "refused"),
        timed_out=_is(outcome, "timeout"),
        unsent=_is(outcome, "dropped") | _is(outcome, "generator_error"),
        user=_numbers(samples, places, "user", -1),
        status=_numbers(samples, places, "status", 0),
        requests=np.ones(len(places), dtype=np.int8),
        step=columns.codes(samples["step"].gather(places)),
    )


def _first_known(samples: pl.DataFrame, places: pl.Series, names: Sequence[str]) -> Micros:
    """Of each sample the first of these columns that holds a number, else 0."""
    have = [name for name in names if name in samples.columns]
    found = samples[have[0]].gather(places)
    for name in have[1:]:
        if found.null_count():
            found = found.zip_with(found.is_not_null(), samples[name].gather(places))
    micros: Micros = found.fill_null(0).to_numpy()
    return micros


def _numbers(samples: pl.DataFrame, places: pl.Series, name: str, absent: int) -> Ints:
    if name not in samples.columns:
        return np.full(len(places), absent, dtype=np.int8)
    return _narrow(samples[name].gather(places), absent)


def _is(outcome: pl.Series, name: str) -> Flags:
    return (outcome == name).fill_null(value=False).to_numpy()


def merged(flows: Sequence[Flow]) -> Flow:
    """All journeys of several flows as one, a step for each flow."""
    order = np.argsort(np.concatenate([one.due for one in flows]), kind="stable")
    names = [one.name for one in fields(Flow) if one.name != "step"]
    columns = {name: np.concatenate([getattr(one, name) for one in flows])[order] for name in names}
    steps = np.repeat(np.arange(len(flows), dtype=np.int16), [one.count for one in flows])[order]
    return Flow(**columns, step=steps)


@dataclass(frozen=True)
class Segment:
    """A stretch of one phase whose load counts as one: a whole stage, or a piece of a ramp."""

    phase: str
    start: float
    end: float
    is_ramp: bool

    @property
    def length(self) -> float:
        return self.end - self.start


def segments(phases: Sequence[Phase]) -> tuple[Segment, ...]:
    """Stages as they are, ramps in pieces no shorter than half of the median stage."""
    lengths = [(phase.end_us - phase.start_us) / MICROS for phase in phases if not _is_ramp(phase)]
    typical = float(np.median(lengths)) if lengths else 0.0
    cut: list[Segment] = []
    for phase in phases:
        cut += _pieces(phase, typical)
    return tuple(segment for segment in cut if segment.length > 0)


def _pieces(phase: Phase, typical: float) -> list[Segment]:
    start, end = phase.window_us[0] / MICROS, phase.end_us / MICROS
    count = 1
    if _is_ramp(phase):
        count = _PIECES_OF_A_RAMP if not typical else round(2 * (end - start) / typical)
        count = min(max(count, 1), 2 * _PIECES_OF_A_RAMP)
    edges = np.linspace(start, end, count + 1)
    return [
        Segment(phase.phase, float(a), float(b), _is_ramp(phase))
        for a, b in itertools.pairwise(edges)
    ]


def _is_ramp(phase: Phase) -> bool:
    return phase.rate_from != phase.rate_to
