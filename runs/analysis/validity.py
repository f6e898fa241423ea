"""May the run be believed: did the generator keep its schedule, and was it the bottleneck.

In the open model a request leaves when it is due, however slow the target is: a request that left
late was kept by the generator. A target that saturates never makes a run invalid.

=========================  ========================================  ========================
code                       suspect from                              invalid from
=========================  ========================================  ========================
schedule_not_kept          > 1 % of the planned requests of a phase  > 5 %
                           left late, and at least 3; or > 2 % of    or > 10 % of the journeys
                           its planned journeys never began; or its  never began, and the
                           p99 is 1 % and 0.5 ms off by lateness     generator's health says so
generator_limited          > 10 % of a phase's seconds with the CPU  > 50 % of them and at least
                           full and the loop late, or with users in  3; or > 5 % of requests that
                           place of a rate the loop late at all; or  the generator lost
                           > 1 % of its requests that the generator
                           lost; or the coordinator held up for 1 s
aborted                    stopped early, every phase half done      a phase never ran, or less
                                                                     than half of it did
clock_jump                 times that run backwards, or a generator  times that run backwards in
                           silent for 3 s                            > 1 % of the samples
too_few_samples            under 20 samples where p95 is judged      never
target_unhealthy_before    most of the first requests failed         never
warm_up_inside             a plateau begins 1.5 times slower than    never
                           it goes on
error_storm                >= 90 % of a phase failed, or >= 20 %     never
                           could not connect
=========================  ========================================  ========================
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis import cells, percentiles, wording
from runs.analysis.cells import Cell
from runs.analysis.columns import OK, Codes
from runs.analysis.outcomes import FAILED, OUTCOMES, UNSENT
from runs.analysis.plan import PLATEAU, Phase
from runs.analysis.run_data import RunData

ValidityVerdict = Literal["valid", "suspect", "invalid"]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MICROS: Final = 1_000_000
LATE_MS: Final = 10.0
LATE_OF_MEDIAN: Final = 0.05  # later than this share of the usual response time is late, too
SUSPECT_SHARE: Final = 0.01
INVALID_SHARE: Final = 0.05
FEWEST_LATE: Final = {"suspect": 3, "invalid": 5}
FEWEST_LIMITED: Final = 3  # one second that is lost says nothing of a phase of two
# The share and the ms by which lateness may move p99. As late as requests leave, answers are read:
# twice as much is in the figure, 2 % and 1 ms.
P99_OFF: Final = (0.01, 0.5)
FEWEST_FOR_P99: Final = 1000  # with fewer the percentile is not shown
MISSING_SHARES: Final = {"suspect": 0.02, "invalid": 0.10}
FULL_CPU: Final = {"cpu_process": 0.95, "cpu_machine": 0.97, "cpu_steal": 0.10}
LAG_US: Final = 20_000
CLOSED_LAG_US: Final = 5_000
COORDINATOR_LAG_US: Final = MICROS  # what it writes is on disk within a second, or late
LIMITED_SECONDS: Final = {"suspect": 0.10, "invalid": 0.50}
SILENCE_US: Final = 3 * MICROS
BACKWARDS_US: Final = 1000
FEWEST_SAMPLES: Final = 20
MOST_NAMED: Final = 5  # steps that are told of one by one
FIRST_REQUESTS: Final = 20
WARM_UP_RATIO: Final = 1.5
WARM_UP_MS: Final = 10.0
WARM_UP_LONE: Final = 1.5  # over the slowest of the later tenths
WARM_UP_FEWEST: Final = 15  # samples in a tenth of the phase
_LATER: Final = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_SEVERITY: Final[Mapping[ValidityVerdict, int]] = {"valid": 0, "suspect": 1, "invalid": 2}


@dataclass(frozen=True)
class Reason:
    """Why a run is not fully valid: a code, the phase (None: the whole run), a sentence."""

    code: str
    phase: str | None
    detail: str


@dataclass(frozen=True)
class Validity:
    """The worst of the reasons; a suspect run counts as valid, with a warning."""

    verdict: ValidityVerdict
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class _Finding:
    severity: ValidityVerdict
    reason: Reason


def judge(data: RunData) -> Validity:
    """Look for every reason to doubt a run; the worst comes first."""
    run = _Run(data)
    findings = [finding for look in _LOOKS for finding in look(run)]
    findings.sort(key=lambda one: -_SEVERITY[one.severity])
    verdict: ValidityVerdict = findings[0].severity if findings else "valid"
    return Validity(verdict, tuple(one.reason for one in findings))


def _found(severity: ValidityVerdict, code: str, phase: str | None, detail: str) -> _Finding:
    return _Finding(severity, Reason(code, phase, detail))


@dataclass(frozen=True)
class _Stretch:
    """The judged samples of one scenario in one phase, a cell a step; times in ms."""

    phase: Phase
    cells: tuple[Cell, ...]

    @cached_property
    def outcome(self) -> Codes:
        return self._joined([cell.outcome for cell in self.cells])

    @cached_property
    def is_timed(self) -> Flags:
        """Whose lateness means anything: what the plan called for, or, with a set number of
        users, whatever was due."""
        if self.phase.model == "closed":
            return np.ones(self.count, dtype=bool)
        timed = [cell.is_timed for cell in self.cells]
        return np.concatenate(timed) if timed else np.empty(0, dtype=bool)

    # Not kept: for every stretch of a run they take as much memory as its samples.
    @property
    def delay_ms(self) -> Floats:
        delays = self._joined([cell.started_us - cell.due_us for cell in self.cells])
        return np.asarray(delays / 1000, dtype=np.float64)

    @property
    def took_ms(self) -> Floats:
        took = self._joined([cell.ended_us - cell.started_us for cell in self.cells])
        return np.asarray(took / 1000, dtype=np.float64)

    @property
    def count(self) -> int:
        return sum(cell.count for cell in self.cells)

    @property
    def is_of_plateau(self) -> bool:
        return self.phase.phase == PLATEAU

    def share(self, which: Sequence[str], of: Flags | None = None) -> float:
        """The share of some outcomes among all samples, or among those picked out."""
        outcome = self.outcome if of is None else self.outcome[of]
        return float(_is(outcome, which).mean()) if len(outcome) else 0.0

    @staticmethod
    def _joined(parts: Sequence[Codes]) -> Codes:
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _is(outcome: Codes, which: Sequence[str]) -> Flags:
    """A lookup by code: several times faster than comparing each code with each name's."""
    return np.isin(OUTCOMES, which)[outcome]


class _Run:
    """A run and its stretches, cut once."""

    def __init__(self, data: RunData) -> None:
        self.data = data
        self.table = cells.of(data)

    @cached_property
    def stretches(self) -> tuple[_Stretch, ...]:
        """One for each scenario and phase of the plan, those without samples too."""
        return tuple(
            _Stretch(
                phase,
                tuple(
                    cell
                    for key, cell in self.table.cells.items()
                    if (key.scenario, key.phase) == (phase.scenario, phase.phase)
                ),
            )
            for phase in self.data.plan.phases
        )

    @cached_property
    def measured_until_us(self) -> int:
        last = self.data.samples["started_us"].max()
        return last if isinstance(last, int) else 0

    @cached_property
    def health(self) -> pl.DataFrame:
        """The workers' seconds; the coordinator has no schedule to keep."""
        return self.data.health.filter(pl.col("worker") >= 0).sort("worker", "t_us")

    @cached_property
    def coordinator(self) -> pl.DataFrame:
        return self.data.health.filter(pl.col("worker") < 0)

    @property
    def is_cut_short(self) -> bool:
        return self.data.info.state in ("interrupted", "incomplete")


def _late(run: _Run) -> Iterator[_Finding]:
    """Requests that left late, the ones that were given up for being late among them."""
    for stretch in run.stretches:
        delays = stretch.delay_ms[stretch.is_timed]
        if not len(delays) or delays.max() <= P99_OFF[1]:
            continue
        limit = max(LATE_MS, LATE_OF_MEDIAN * _median_ms(stretch))
        late = int((delays > limit).sum())
        severity = _severity(late / len(delays), SUSPECT_SHARE, INVALID_SHARE)
        if late < FEWEST_LATE["suspect"]:
            severity = "valid"
        elif severity == "invalid" and late < FEWEST_LATE["invalid"]:
            severity = "suspect"
        if severity != "valid":
            share = wording.percent(late / len(delays))
            detail = (
                f"The generator fell behind: {share} of the requests of"
                f" {stretch.phase.scenario} left more than {wording.milliseconds(limit)} late."
            )
            yield _found(severity, "schedule_not_kept", stretch.phase.phase, detail)
        else:
            yield from _p99_off(stretch)


def _median_ms(stretch: _Stretch) -> float:
    took = stretch.took_ms[stretch.outcome == OK]
    return float(np.median(took)) if len(took) else 0.0


def _p99_off(stretch: _Stretch) -> Iterator[_Finding]:
    """Few were late, but enough to move the percentile that people read."""
    answered = stretch.is_timed & (stretch.outcome == OK)
    if answered.sum() < FEWEST_FOR_P99:
        return
    took = stretch.took_ms[answered]
    on_time = percentiles.nearest_rank(np.sort(took), 0.99)
    measured = percentiles.nearest_rank(np.sort(took + stretch.delay_ms[answered]), 0.99)
    share, least_ms = P99_OFF
    if measured - on_time > max(share * on_time, least_ms):
        detail = (
            f"p99 of {stretch.phase.scenario} is {wording.milliseconds(measured)}, and would be"
            f" {wording.milliseconds(on_time)} had every request left on time."
        )
        yield _found("suspect", "schedule_not_kept", stretch.phase.phase, detail)


def _missing(run: _Run) -> Iterator[_Finding]:
    """Journeys that the rate curve called for and that never began."""
    if run.is_cut_short or not run.data.info.fidelity.schedule:
        return
    for stretch in run.stretches:
        planned = _planned(stretch.phase)
        # Of a journey only the first step is due by the plan; dropped ones are due as well.
        begun = int(stretch.is_timed.sum())
        noise = 4 * math.sqrt(planned) + 1  # arrivals may be random
        missing = (planned - noise - begun) / planned if planned else 0.0
        if not begun or missing <= MISSING_SHARES["suspect"]:
            continue
        is_confirmed = _health_says_missing(run, stretch.phase)
        is_bad = missing > MISSING_SHARES["invalid"] and is_confirmed
        detail = (
            f"{begun:,} of {planned:,.0f} planned journeys of {stretch.phase.scenario} began:"
            " the load was lower than the plan says."
        )
        severity: ValidityVerdict = "invalid" if is_bad else "suspect"
        yield _found(severity, "schedule_not_kept", stretch.phase.phase, detail)


def _planned(phase: Phase) -> float:
    """The arrivals that the rate curve gives in the judged part of an open phase."""
    if phase.model != "open" or phase.rate_from is None or phase.rate_to is None:
        return 0.0
    start, end = phase.window_us
    length = phase.end_us - phase.start_us
    if end <= start or length <= 0:
        return 0.0
    slope = (phase.rate_to - phase.rate_from) / length
    middle = phase.rate_from + slope * ((start + end) / 2 - phase.start_us)
    return middle * (end - start) / MICROS


def _health_says_missing(run: _Run, phase: Phase) -> bool:
    """Whether the workers knew that they reached less than they wanted; drops are the load's."""
    mine = _seconds(run, (phase,))
    wanted, reached = (float(_column(mine, name).sum()) for name in ("wanted", "reached"))
    return wanted > 0 and reached < (1 - MISSING_SHARES["invalid"]) * wanted


def _seconds(run: _Run, phases: tuple[Phase, ...]) -> pl.DataFrame:
    """The seconds of health that end in any of the phases."""
    inside = pl.lit(value=False)
    for phase in phases:
        inside |= pl.col("t_us").is_between(phase.start_us, phase.end_us, closed="right")
    return run.health.filter(inside)


def _limited(run: _Run) -> Iterator[_Finding]:
    """Seconds in which a processor was full and the loop late."""
    if run.health.is_empty():
        return
    for name in dict.fromkeys(phase.phase for phase in run.data.plan.phases):
        mine = _seconds(run, tuple(one for one in run.data.plan.phases if one.phase == name))
        if mine.is_empty():
            continue
        is_late = _column(mine, "loop_lag_us") > LAG_US
        is_late |= _column(mine, "delay_p99_us") > LATE_MS * 1000
        full = {one: _column(mine, one) >= limit for one, limit in FULL_CPU.items()}
        is_limited = is_late & np.logical_or.reduce(list(full.values()))
        share = float(is_limited.mean())
        severity = _severity(share, LIMITED_SECONDS["suspect"], LIMITED_SECONDS["invalid"])
        if severity == "invalid" and is_limited.sum() < FEWEST_LIMITED:
            severity = "suspect"
        if severity != "valid":
            detail = (
                f"{_what_was_full(full, is_limited)} in {wording.percent(share)} of the seconds,"
                " and the generator was late in them: it was the bottleneck, or shared its"
                " processor with one."
            )
            yield _found(severity, "generator_limited", name, detail)
        else:
            yield from _lagging(run, name, mine)


def _lagging(run: _Run, name: str, mine: pl.DataFrame) -> Iterator[_Finding]:
    """Where users wait for their answers nothing is due while the generator stands still, so that
    no request is late: that the loop was says it alone."""
    stretches = [one for one in run.stretches if one.phase.phase == name]
    if any(one.phase.model != "closed" for one in stretches):
        return
    noticed_us = LATE_OF_MEDIAN * 1000 * max((_median_ms(one) for one in stretches), default=0.0)
    lags_us = _column(mine, "loop_lag_us")
    is_late = lags_us > max(CLOSED_LAG_US, noticed_us)
    is_bad = lags_us > max(LAG_US, noticed_us)
    share = float(is_late.mean())
    severity: ValidityVerdict = "suspect" if share > LIMITED_SECONDS["suspect"] else "valid"
    is_lasting = is_bad.sum() >= FEWEST_LATE["invalid"]
    if is_lasting and is_bad.mean() > LIMITED_SECONDS["invalid"]:
        severity = "invalid"
    if severity != "valid":
        detail = (
            f"The generator stood still for up to {wording.duration(lags_us.max() / MICROS)} in"
            f" {wording.percent(share)} of the seconds: answers that came meanwhile seem slow."
        )
        yield _found(severity, "generator_limited", name, detail)


def _column(frame: pl.DataFrame, name: str) -> Floats:
    return np.asarray(frame[name].cast(pl.Float64).fill_null(0.0).to_numpy(), dtype=np.float64)


def _what_was_full(full: Mapping[str, Flags], is_limited: Flags) -> str:
    words = {
        "cpu_process": "The generator used a whole core",
        "cpu_machine": "All cores of the generator's machine were busy",
        "cpu_steal": "The generator's machine was denied its processor",
    }
    return words[max(full, key=lambda one: int((full[one] & is_limited).sum()))]


def _lost(run: _Run) -> Iterator[_Finding]:
    """Requests that the generator could not send: no descriptor, no port, no memory."""
    for stretch in run.stretches:
        share = stretch.share(("generator_error",))
        severity = _severity(share, SUSPECT_SHARE, INVALID_SHARE)
        if severity != "valid":
            detail = (
                f"{wording.percent(share)} of the requests of {stretch.phase.scenario} were lost in"
                " the generator before they were sent (outcome generator_error)."
            )
            yield _found(severity, "generator_limited", stretch.phase.phase, detail)


def _held_up(run: _Run) -> Iterator[_Finding]:
    """A coordinator that a slow disk holds up is late with probes, rules and the spool."""
    longest = run.coordinator["loop_lag_us"].max()
    if isinstance(longest, int) and longest > COORDINATOR_LAG_US:
        detail = (
            f"The coordinator was held up for {wording.duration(longest / MICROS)}, by a slow disk"
            " or for want of a processor: probe readings, abort rules and the spool were late."
            " Requests are sent and timed by other processes."
        )
        yield _found("suspect", "generator_limited", None, detail)


def _aborted(run: _Run) -> Iterator[_Finding]:
    """A run that ended early says something of the phases that it did, and nothing of others."""
    if not run.is_cut_short:
        return
    until_us = run.measured_until_us
    cut = [one for one in run.data.plan.phases if until_us < (one.start_us + one.end_us) / 2]
    ended = "was interrupted" if run.data.info.state == "interrupted" else "broke off"
    detail = f"The run {ended} after {wording.duration(until_us / MICROS)}"
    if run.data.info.aborted is not None:
        detail = f"{run.data.info.aborted} {detail}"
    if not cut:
        yield _found("suspect", "aborted", None, f"{detail}; every phase was at least half done.")
        return
    names = ", ".join(dict.fromkeys(one.phase for one in cut))
    yield _found("invalid", "aborted", None, f"{detail}: {names} did not run, or hardly.")


def _clock(run: _Run) -> Iterator[_Finding]:
    yield from _backwards(run)
    silence = pl.col("t_us").diff().over("worker")
    silent = run.health.with_columns(silence.alias("gap_us")).filter(pl.col("gap_us") > SILENCE_US)
    for worker, t_us, gap_us in silent.select("worker", "t_us", "gap_us").head(3).iter_rows():
        detail = (
            f"Worker {worker} was silent for {wording.duration(gap_us / MICROS)}, until"
            f" {wording.duration(t_us / MICROS)} into the run: it or its machine was stopped."
        )
        yield _found("suspect", "clock_jump", _phase_at(run, t_us - gap_us // 2), detail)


def _backwards(run: _Run) -> Iterator[_Finding]:
    count = sent = 0
    for cell in run.table.cells.values():
        is_sent = ~_is(cell.outcome, UNSENT)
        is_early = cell.is_timed & (cell.started_us < cell.due_us - BACKWARDS_US)
        sent += int(is_sent.sum())
        count += int((is_sent & (is_early | (cell.ended_us < cell.started_us))).sum())
    if count:
        severity: ValidityVerdict = "invalid" if count > 0.01 * sent else "suspect"
        detail = (
            f"{wording.plural(count, 'sample')} ended before it started, or started before it was"
            " due: the clock jumped."
        )
        yield _found(severity, "clock_jump", None, detail)


def _phase_at(run: _Run, t_us: float) -> str | None:
    phases = run.data.plan.phases
    return next((one.phase for one in phases if one.start_us <= t_us < one.end_us), None)


def _few(run: _Run) -> Iterator[_Finding]:
    """Where criteria look by themselves, p95 must be an observation."""
    for stretch in run.stretches:
        alone = len(run.data.plan.phases_of(stretch.phase.scenario)) == 1
        if not (stretch.is_of_plateau or alone):
            continue
        name = stretch.phase.scenario
        if not stretch.count:
            detail = f"{name} has no samples at all."
            yield _found("suspect", "too_few_samples", stretch.phase.phase, detail)
            continue
        few = [cell for cell in stretch.cells if cell.count < FEWEST_SAMPLES]
        needed = f"p95 needs at least {FEWEST_SAMPLES}."
        if len(few) > MOST_NAMED:
            detail = (
                f"{len(few)} steps of {name} have fewer than {FEWEST_SAMPLES} samples: {needed}"
            )
            yield _found("suspect", "too_few_samples", stretch.phase.phase, detail)
            continue
        for cell in few:
            has = f"{name}/{cell.key.step} has {wording.plural(cell.count, 'sample')}"
            yield _found("suspect", "too_few_samples", stretch.phase.phase, f"{has}: {needed}")


def _unhealthy_before(run: _Run) -> Iterator[_Finding]:
    """The target failed from the first request on, before any load could have hurt it."""
    samples = run.data.samples.select("started_us", "outcome")
    early = samples["started_us"].bottom_k(4 * FIRST_REQUESTS).sort()
    known = samples.filter(
        (pl.col("started_us") <= pl.lit(early).max()) & ~pl.col("outcome").is_in((*UNSENT, "cut"))
    )
    first = known.sort("started_us").head(FIRST_REQUESTS)
    failed = first.filter(pl.col("outcome").is_in(FAILED)).height
    if first.height >= FIRST_REQUESTS // 2 and failed > first.height / 2:
        detail = (
            f"{failed} of the first {first.height} requests failed: the target was not well before"
            " the load came, or the campaign asks for the wrong thing."
        )
        yield _found("suspect", "target_unhealthy_before", None, detail)


def _warm_up(run: _Run) -> Iterator[_Finding]:
    """A plateau whose first fifth is slower than its second half has its warm-up inside."""
    for stretch in run.stretches:
        phase = stretch.phase
        start, end = phase.window_us
        if not stretch.is_of_plateau or end - start < 5 * MICROS:
            continue
        for cell in stretch.cells:
            is_ok = cell.outcome == OK
            took_ms = (cell.ended_us - cell.started_us)[is_ok] / 1000
            at = (cell.due_us[is_ok] - start) / (end - start)
            first, rest = took_ms[at < 0.2], took_ms[at >= 0.4]
            is_early = at[at < 0.2] < 0.05
            if _is_slower(first, is_early, [took_ms[(at >= x) & (at < x + 0.1)] for x in _LATER]):
                seconds = wording.duration((end - start) / 5 / MICROS)
                detail = (
                    f"{phase.scenario}/{cell.key.step} took"
                    f" {wording.milliseconds(float(np.median(first)))} in the first {seconds} and"
                    f" {wording.milliseconds(float(np.median(rest)))} later (medians): the warm-up"
                    " is inside the figures. Give the phase a warm_up."
                )
                yield _found("suspect", "warm_up_inside", phase.phase, detail)


def _is_slower(first: Floats, is_early: Flags, later: Sequence[Floats]) -> bool:
    """Clearly so: by half and by 10 ms, from the first requests on, and slower than any later
    tenth of the phase: a queue close to saturation is slow now and then as well."""
    if min(len(first) // 2, *(len(tenth) for tenth in later)) < WARM_UP_FEWEST:
        return False
    usual, slowest = float(np.median(np.concatenate(later))), max(map(np.median, later))
    limit = max(WARM_UP_RATIO * usual, usual + WARM_UP_MS, WARM_UP_LONE * float(slowest))
    return bool(is_early.any() and min(np.median(first), np.median(first[is_early])) > limit)


def _storm(run: _Run) -> Iterator[_Finding]:
    """A phase of failures has no latency worth reading, whoever is at fault."""
    for stretch in run.stretches:
        judged = ~_is(stretch.outcome, (*UNSENT, "cut"))
        if judged.sum() < FEWEST_SAMPLES:
            continue
        failed = stretch.share(FAILED, judged)
        unconnected = stretch.share(("connection_error",), judged)
        name = stretch.phase.scenario
        if failed >= 0.9:
            detail = f"{wording.percent(failed)} of the requests of {name} failed."
        elif unconnected >= 0.2:
            detail = f"{wording.percent(unconnected)} of the requests of {name} got no connection."
        else:
            continue
        yield _found("suspect", "error_storm", stretch.phase.phase, detail)


def _severity(share: float, suspect: float, invalid: float) -> ValidityVerdict:
    if share > invalid:
        return "invalid"
    return "suspect" if share > suspect else "valid"


_LOOKS: Final[tuple[Callable[[_Run], Iterator[_Finding]], ...]] = (
    _late,
    _missing,
    _limited,
    _lost,
    _held_up,
    _aborted,
    _clock,
    _few,
    _unhealthy_before,
    _warm_up,
    _storm,
)
