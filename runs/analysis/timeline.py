"""A run second by second: what was due, sent and answered, how long it took, what was in flight,
and the probe readings on the same clock. The columns of the charts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from runs.analysis import columns, percentiles
from runs.analysis.columns import OK, Codes, Columns, Micros, Rows
from runs.analysis.outcomes import ANSWERED, OUTCOMES, UNRANKED, UNSENT
from runs.analysis.run_data import RunData

MOST_BINS: Final = 600
_WIDTHS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_QUANTILES: Final = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
_IS_SENT: Final = ~columns.table(UNSENT)
_IS_ANSWER: Final = columns.table(ANSWERED)
_IS_RANKED: Final = ~columns.table(UNRANKED)
_ONE_BIN: Final = 1 << 40  # microseconds, longer than any response: 12 days
_UNANSWERED: Final = _ONE_BIN - 1
_NO_ROWS: Final = np.empty(0, dtype=np.int64)


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
    table = columns.of(data)
    end_us = _end_us(data, table)
    width_s = _width_s(end_us)
    clock = _Clock(width_s * 1_000_000, max(1, -(-end_us // (width_s * 1_000_000))))
    names = _names(data, table)
    counts = {name: _of_scenario(table, name, clock) for name in names}
    total = _Counts.together([*counts.values(), _Counts.of(table, _NO_ROWS, clock)])
    return Timeline(
        bin_s=float(width_s),
        t_s=tuple(float(one * width_s) for one in range(clock.count)),
        total=_track(total, clock),
        scenarios={name: _track(one, clock) for name, one in counts.items()},
        phases=_bands(data),
        probes=_probe_tracks(data, clock),
    )


def _names(data: RunData, table: Columns) -> Iterable[str]:
    """The scenarios of the plan, then others in the order of their first sample."""
    first = {key.scenario: len(table.due_us) for key in table.rows}
    for key, rows in table.rows.items():
        first[key.scenario] = min(first[key.scenario], int(rows[0]))
    return dict.fromkeys([*data.plan.scenarios, *sorted(first, key=first.__getitem__)])


def _end_us(data: RunData, table: Columns) -> int:
    """The end of the last phase or of the last answer, whichever is later."""
    planned = [phase.end_us for phase in data.plan.phases]
    seen = [int(times.max()) + 1 for times in (table.ended_us, table.due_us) if len(times)]
    return max([*planned, *seen, 1])


def _width_s(end_us: int) -> int:
    fitting = (one for one in _WIDTHS_S if end_us <= one * 1_000_000 * MOST_BINS)
    return next(fitting, -(-end_us // (1_000_000 * MOST_BINS)))


@dataclass(frozen=True)
class _Clock:
    """Bins of `width_us`; what lies before the start falls into the first one."""

    width_us: int
    count: int

    def bins(self, times_us: Micros) -> Micros:
        bins: Micros = np.clip(times_us // self.width_us, 0, self.count - 1)
        return bins

    def counts(self, bins: Micros, codes: Codes, kinds: int) -> Micros:
        """How many of each code there are in each bin, shape (kinds, bins)."""
        counts = np.bincount(
            codes.astype(np.int64) * self.count + bins, minlength=kinds * self.count
        )
        return counts.reshape(kinds, self.count)

    def left_us(self, bins: Micros, times_us: Micros) -> Micros:
        """The sum of what was left of each bin at the times in it; floats hold it exactly."""
        left = (bins + 1) * self.width_us - np.clip(times_us, 0, None)
        return np.bincount(bins, weights=left, minlength=self.count).astype(np.int64)


@dataclass(frozen=True)
class _Counts:
    """What happened in each bin, as whole numbers, so that scenarios add up to their total.

    `due` and `ended` have a row for each outcome, `classes` one for each hundred of statuses;
    `begun_us` and `ended_us` are what was left of the bins at each start and end. `ranked` holds
    bin times _ONE_BIN plus the response time of each request that is ranked.
    """

    due: Micros
    classes: Micros
    begun: Micros
    ended: Micros
    begun_us: Micros
    ended_us: Micros
    ranked: Micros

    @classmethod
    def of(cls, table: Columns, rows: Rows, clock: _Clock) -> "_Counts":
        first = rows[~table.is_retry[rows]]
        sent = rows[_IS_SENT[table.outcome[rows]]]
        due, ended = (clock.bins(times) for times in (table.due_us[first], table.ended_us[sent]))
        begun, outcome = clock.bins(table.started_us[sent]), table.outcome[first]
        ranked = _IS_RANKED[outcome]
        return cls(
            due=clock.counts(due, outcome, len(OUTCOMES)),
            classes=clock.counts(due, np.clip(table.status[first] // 100, 0, 6), 7),
            begun=np.bincount(begun, minlength=clock.count),
            ended=clock.counts(ended, table.outcome[sent], len(OUTCOMES)),
            begun_us=clock.left_us(begun, table.started_us[sent]),
            ended_us=clock.left_us(ended, table.ended_us[sent]),
            ranked=np.sort((due * _ONE_BIN + _response_us(table, first))[ranked]),
        )

    @classmethod
    def together(cls, parts: Sequence["_Counts"]) -> "_Counts":
        every = [vars(part) for part in parts]
        sums = {name: sum(one[name] for one in every) for name in every[0] if name != "ranked"}
        ranked = np.concatenate([one["ranked"] for one in every])
        ranked.sort()
        return cls(**sums, ranked=ranked)


def _of_scenario(table: Columns, name: str, clock: _Clock) -> _Counts:
    """A series at a time, since what is needed on the way is several times as much."""
    mine = [rows for key, rows in table.rows.items() if key.scenario == name]
    return _Counts.together([_Counts.of(table, rows, clock) for rows in (*mine, _NO_ROWS)])


def _response_us(table: Columns, rows: Rows) -> Micros:
    response = np.clip(table.ended_us[rows] - table.due_us[rows], 0, _UNANSWERED - 1)
    return np.where(table.outcome[rows] == OK, response, _UNANSWERED)


def _track(counts: _Counts, clock: _Clock) -> Track:
    return Track(
        due=_whole(counts.due.sum(axis=0)),
        started=_whole(counts.begun),
        answered=_whole(counts.ended[_IS_ANSWER].sum(axis=0)),
        good=_whole(counts.ended[OK]),
        in_flight=_in_flight(counts, clock),
        **_percentiles(counts),
        outcomes={
            name: _whole(one) for name, one in zip(OUTCOMES, counts.due, strict=True) if one.any()
        },
        classes={
            f"{n}xx": _whole(counts.classes[n]) for n in range(1, 6) if counts.classes[n].any()
        },
    )


def _whole(counts: Micros) -> tuple[int, ...]:
    return tuple(counts.tolist())


def _in_flight(counts: _Counts, clock: _Clock) -> tuple[float, ...]:
    """The mean of each bin: what came in with the bin, plus the share that each start adds and
    each end takes away."""
    change = np.cumsum(counts.begun - counts.ended.sum(axis=0))
    carried = np.concatenate(([0], change[:-1]))
    partial = (counts.begun_us - counts.ended_us) / clock.width_us
    return tuple(np.round(np.maximum(carried + partial, 0.0), 3).tolist())


def _percentiles(counts: _Counts) -> dict[str, Any]:
    """Nearest ranks of each bin."""
    ranked = counts.due[_IS_RANKED].sum(axis=0)
    first = np.cumsum(ranked) - ranked
    return {
        name: tuple(
            _milliseconds(int(counts.ranked[at])) if n else None
            for at, n in zip(
                (first + percentiles.ranks(ranked, q) - 1).tolist(), ranked.tolist(), strict=True
            )
        )
        for name, q in _QUANTILES.items()
    }


def _milliseconds(ranked: int) -> float | None:
    micros = ranked % _ONE_BIN
    return None if micros == _UNANSWERED else micros / 1000


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
