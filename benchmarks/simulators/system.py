"""One simulated system under one load profile, as a run with its truth."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from runs.analysis.plan import Phase, Plan
from runs.analysis.run_data import RunData, RunInfo

Floats = NDArray[np.float64]
SCENARIO = "flow"
STATUS = {"ok": 200, "refused": 429, "server_error": 500, "timeout": None, "cut": None}


@dataclass(frozen=True)
class Simulated:
    """`truth` is the capacity in journeys/s; `top` the highest load offered, over the truth."""

    kind: str
    data: RunData
    truth: float
    top: float
    scope: str | None = None
    quota: tuple[int, float] | None = None
    detail: dict[str, float] = field(default_factory=dict)


@dataclass
class Recorder:
    """Collects requests; a row each."""

    step: list[str] = field(default_factory=list)
    journey: list[int] = field(default_factory=list)
    user: list[int] = field(default_factory=list)
    due: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    outcome: list[str] = field(default_factory=list)

    def add(
        self, step: str, journey: int, user: int, due: float, ended: float, outcome: str
    ) -> None:
        self.step.append(step)
        self.journey.append(journey)
        self.user.append(user)
        self.due.append(due)
        self.ended.append(ended)
        self.outcome.append(outcome)


def run_of(
    phases: tuple[Phase, ...],
    *,
    due: Floats,
    ended: Floats,
    outcome: NDArray[np.str_] | list[str],
    step: list[str] | None = None,
    journey: NDArray[np.int64] | list[int] | None = None,
    user: NDArray[np.int64] | list[int] | None = None,
    status: NDArray[np.int64] | list[int | None] | None = None,
) -> RunData:
    """The samples in the order in which they ended, as a runner would have written them."""
    count = len(due)
    due_us = np.round(np.asarray(due) * 1e6).astype(np.int64)
    ended_us = np.maximum(np.round(np.asarray(ended) * 1e6).astype(np.int64), due_us)
    frame = pl.DataFrame(
        {
            "scenario": pl.Series([SCENARIO]).new_from_index(0, count),
            "step": step if step is not None else pl.Series(["only"]).new_from_index(0, count),
            "phase": _phase_names(phases, due_us),
            "journey": np.arange(count) if journey is None else journey,
            "user": np.zeros(count, dtype=np.int64) if user is None else user,
            "due_us": due_us,
            "started_us": due_us,
            "ended_us": ended_us,
            "outcome": pl.Series(outcome, dtype=pl.String()),
        }
    )
    frame = frame.with_columns(
        status=status
        if status is not None
        else pl.col("outcome").replace_strict(STATUS, return_dtype=pl.Int64)
    ).sort("ended_us")
    plan = Plan(phases=phases)
    return RunData(
        RunInfo("run", "campaign", None, None), plan, frame, pl.DataFrame(), pl.DataFrame()
    )


def _phase_names(phases: tuple[Phase, ...], due_us: NDArray[np.int64]) -> list[str]:
    starts = np.array([phase.start_us for phase in phases])
    names = [phase.phase for phase in phases]
    at = np.clip(np.searchsorted(starts, due_us, side="right") - 1, 0, len(names) - 1)
    return [names[i] for i in at]
