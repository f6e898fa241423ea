"""One run as the analysis takes it: who it is, what it planned, and its frames."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

import polars as pl

from runs.analysis.plan import Plan

Derived = TypeVar("Derived")
RunState = Literal["running", "complete", "interrupted", "incomplete"]


@dataclass(frozen=True)
class Fidelity:
    """What the source of a run can support; our own runner keeps everything."""

    samples: Literal["raw", "histogram", "summary"] = "raw"
    schedule: bool = True
    failures: bool = True
    absolute_time: bool = True


@dataclass(frozen=True)
class RunInfo:
    """Times are RFC 3339 in UTC, null where unknown; `aborted` is why a guard ended the run."""

    id: str
    campaign: str
    started_at: str | None
    ended_at: str | None
    state: RunState = "complete"
    labels: dict[str, str] = field(default_factory=dict)
    source: str = "native"
    fidelity: Fidelity = Fidelity()
    aborted: str | None = None


@dataclass(frozen=True)
class RunData:
    """The frames of one run.

    `samples` has the columns of runs.formats.samples, `readings` is long (`t_us`, `probe`,
    `metric`, `value`), `health` has the columns of runs.formats.health; the last two may be empty.
    """

    info: RunInfo
    plan: Plan
    samples: pl.DataFrame
    readings: pl.DataFrame
    health: pl.DataFrame
    _derived: dict[Callable[..., Any], Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _locks: dict[Callable[..., Any], threading.Lock] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def derived(self, make: Callable[["RunData"], Derived]) -> Derived:
        """What a function makes of the run, worked out when it is first asked for: most analyses
        begin with the same cells or the same journeys. Two threads that ask at once get the
        same, made once."""
        with self._locks.setdefault(make, threading.Lock()):
            if make not in self._derived:
                self._derived[make] = make(self)
            return cast("Derived", self._derived[make])

    def let_go(self, make: Callable[["RunData"], Any]) -> None:
        """Free what was derived; whoever asks for it again waits for it again."""
        with self._locks.setdefault(make, threading.Lock()):
            self._derived.pop(make, None)
