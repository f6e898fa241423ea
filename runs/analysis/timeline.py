"""A run second by second: what was due, sent and answered, how long it took, what was in flight,
and the probe readings on the same clock. The columns of the charts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis import cells
from runs.analysis.outcomes import ANSWERED, OUTCOMES, UNRANKED, UNSENT
from runs.analysis.percentiles import rank
from runs.analysis.run_data import RunData

MOST_BINS: Final = 600
_WIDTHS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_QUANTILES: Final = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
_OK: Final = OUTCOMES.index("ok")
_ONE_BIN: Final = 1 << 40  # microseconds, longer than any response: 12 days
_UNANSWERED: Final = _ONE_BIN - 1


@dataclass(frozen=True)
class Track:
    """One scenario, or all of them: a value a bin, in every column.

    `due`, the outcomes, the classes of statuses and the percentiles of the response time are
    those of the first attempts due in the bin, warm-up included; a percentile is null where the
    bin has nothing to rank, or where it falls among requests without their expected answer.
    `started` counts requests sent in the bin, `answered` and `good` answers that came in it,
    retries included; `in_flight` is the mean number of requests under way.
    """

    due: tuple[int, ...]
    started: tuple[int, ...]
    answered: tuple[int, ...]
    good: tuple[int, ...]
    in_flight: tuple[float, ...]
    p50_ms: tuple[float | None, ...]
    p95_ms: tuple[float | None, ...]
    p99_ms: tuple[float | None, ...]
    outcomes: dict[str, tuple[int, ...]]
    classes: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class PhaseBand:
    """Where a phase stands on the clock, in seconds, with the end of its warm-up."""

    scenario: str
    phase: str
    start_s: float
    judged_s: float
    end_s: float


@dataclass(frozen=True)
class ProbeTrack:
    """A metric's readings: the mean of each bin that has any, at the mean time of its readings."""

    probe: str
    metric: str
    t_s: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Timeline:
    """`t_s` are the starts of the bins, in seconds since the run's start; counts are per bin of
    `bin_s` seconds, not per second."""

    bin_s: float
    t_s: tuple[float, ...]
    total: Track
    scenarios: dict[str, Track]
    phases: tuple[PhaseBand, ...]
    probes: tuple[ProbeTrack, ...]


def of(data: RunData) -> Timeline:
    """Bins of a second, or of the next round width that leaves at most 600 of them."""
    samples = cells.completed(data.samples)
    width_s = _width_s(_end_us(data, samples))
    count = max(1, -(-_end_us(data, samples) // (width_s * 1_000_000)))
    clock = _Clock(width_s * 1_000_000, int(count))
    names = dict.fromkeys([*data.plan.scenarios, *samples["scenario"].unique(maintain_order=True)])
    tracks = {name: _track(samples.filter(pl.col("scenario") == name), clock) for name in names}
    return Timeline(
        bin_s=float(width_s),
        t_s=tuple(float(one * width_s) for one in range(clock.count)),
        total=_track(samples, clock),
        scenarios=tracks,
        phases=_bands(data),
        probes=_probe_tracks(data, clock),
    )


def _end_us(data: RunData, samples: pl.DataFrame) -> int:
    """The end of the last phase or of the last answer, whichever is later."""
    planned = [phase.end_us for phase in data.plan.phases]
    seen = samples.select(pl.max_horizontal("ended_us", "intended_us").max()).item()
    return max([*planned, 0 if seen is None else int(seen) + 1, 1])


def _width_s(end_us: int) -> int:
    fitting = (one for one in _WIDTHS_S if end_us <= one * 1_000_000 * MOST_BINS)
    return next(fitting, -(-end_us // (1_000_000 * MOST_BINS)))


@dataclass(frozen=True)
class _Clock:
    """Bins of `width_us`; what lies before the start falls into the first one."""

    width_us: int
    count: int

    def bins(self, times_us: NDArray[Any]) -> NDArray[np.int64]:
        bins: NDArray[np.int64] = np.clip(times_us // self.width_us, 0, self.count - 1)
        return bins

    def counts(self, times_us: NDArray[Any]) -> tuple[int, ...]:
        return _whole(np.bincount(self.bins(times_us), minlength=self.count))


def _whole(counts: NDArray[Any]) -> tuple[int, ...]:
    return tuple(counts.tolist())


def _track(samples: pl.DataFrame, clock: _Clock) -> Track:
    outcome = samples["outcome"].cast(pl.Enum(OUTCOMES)).to_physical().to_numpy()
    started, ended = samples["started_us"].to_numpy(), samples["ended_us"].to_numpy()
    is_sent = ~np.isin(OUTCOMES, UNSENT)[outcome]
    is_answer = np.isin(OUTCOMES, ANSWERED)[outcome]
    first = (samples["attempt"] == 1).to_numpy()
    due = samples["intended_us"].to_numpy()[first]
    status = samples["status"].fill_null(0).to_numpy()[first]
    bins = clock.bins(due)
    return Track(
        due=_whole(np.bincount(bins, minlength=clock.count)),
        started=clock.counts(started[is_sent]),
        answered=clock.counts(ended[is_answer]),
        good=clock.counts(ended[outcome == _OK]),
        in_flight=_in_flight(started[is_sent], ended[is_sent], clock),
        **_percentiles(bins, ended[first] - due, outcome[first], clock),
        outcomes=_by_name(dict(enumerate(OUTCOMES)), outcome[first], bins, clock),
        classes=_by_name({n: f"{n}xx" for n in range(1, 6)}, status // 100, bins, clock),
    )


def _by_name(
    names: Mapping[int, str], codes: NDArray[Any], bins: NDArray[np.int64], clock: _Clock
) -> dict[str, tuple[int, ...]]:
    """Counts a bin of each code that occurs."""
    found = {}
    for code, name in names.items():
        mine = bins[codes == code]
        if len(mine):
            found[name] = _whole(np.bincount(mine, minlength=clock.count))
    return found


def _in_flight(
    started: NDArray[np.int64], ended: NDArray[np.int64], clock: _Clock
) -> tuple[float, ...]:
    """The mean of each bin: what came in with the bin, plus the share that each start adds and
    each end takes away."""
    change = np.zeros(clock.count)
    partial = np.zeros(clock.count)
    for times, sign in ((started, 1), (ended, -1)):
        bins = clock.bins(times)
        left = (bins + 1) * clock.width_us - np.clip(times, 0, None)
        change += sign * np.bincount(bins, minlength=clock.count)
        partial += sign * np.bincount(bins, weights=left / clock.width_us, minlength=clock.count)
    carried = np.concatenate(([0.0], np.cumsum(change)[:-1]))
    return tuple(np.round(np.maximum(carried + partial, 0.0), 3).tolist())


def _percentiles(
    bins: NDArray[np.int64], response_us: NDArray[np.int64], outcome: NDArray[Any], clock: _Clock
) -> dict[str, Any]:
    """Nearest ranks of each bin, from one sort of integers that hold bin and time."""
    ranked = ~np.isin(OUTCOMES, UNRANKED)[outcome]
    times = np.where(outcome == _OK, np.clip(response_us, 0, _UNANSWERED - 1), _UNANSWERED)
    ordered = np.sort(bins[ranked] * _ONE_BIN + times[ranked]) % _ONE_BIN
    counts = np.bincount(bins[ranked], minlength=clock.count)
    first = np.concatenate(([0], np.cumsum(counts)[:-1]))
    return {
        name: tuple(
            _milliseconds(ordered[start + rank(n, q) - 1]) if n else None
            for start, n in zip(first.tolist(), counts.tolist(), strict=True)
        )
        for name, q in _QUANTILES.items()
    }


def _milliseconds(micros: np.int64) -> float | None:
    return None if micros == _UNANSWERED else int(micros) / 1000


def _bands(data: RunData) -> tuple[PhaseBand, ...]:
    return tuple(
        PhaseBand(
            scenario=phase.scenario,
            phase=phase.phase,
            start_s=phase.start_us / 1e6,
            judged_s=phase.window_us[0] / 1e6,
            end_s=phase.end_us / 1e6,
        )
        for phase in data.plan.phases
    )


def _probe_tracks(data: RunData, clock: _Clock) -> tuple[ProbeTrack, ...]:
    """Readings from the start of the run on; those before and after it are in the report."""
    span_us = clock.width_us * clock.count
    means = (
        data.readings.filter(
            (pl.col("t_us") >= 0)
            & (pl.col("t_us") <= span_us)
            & pl.col("value").is_not_null()
            & pl.col("value").is_finite()
        )
        .with_columns((pl.col("t_us") // clock.width_us).alias("bin"))
        .group_by("probe", "metric", "bin", maintain_order=True)
        .agg(pl.col("t_us").mean() / 1e6, pl.col("value").mean())
        .sort("probe", "metric", "bin")
    )
    return tuple(
        ProbeTrack(str(probe), str(metric), tuple(mine["t_us"]), tuple(mine["value"]))
        for (probe, metric), mine in means.group_by("probe", "metric", maintain_order=True)
    )
