"""How much a reader takes before it refuses: what bounds the memory that a file can cost."""

import threading
from dataclasses import dataclass, field
from typing import Final

from runs.formats.errors import SpoolError

# The longest name of a scenario, step, phase, probe or metric, and the longest text of an error
# that is kept, in characters.
LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 1_000
# No run begins an hour before it starts, or lasts longer than a month.
EARLIEST_US: Final = -3_600 * 1_000_000
LATEST_US: Final = 31 * 24 * 3_600 * 1_000_000


@dataclass(frozen=True)
class Limits:
    """What one run may hold: plain text once inflated, samples, and rows of its report."""

    inflated_bytes: int = 16 << 30
    samples: int = 50_000_000
    series: int = 2_000
    readings: int = 2_000_000


@dataclass
class Budget:
    """What the files of one run have used so far of its limits. The methods raise SpoolError, and
    may be called by several threads, each with a file of its own."""

    limits: Limits = field(default_factory=Limits)
    _inflated: int = 0
    _samples: int = 0
    _series: set[tuple[str, ...]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def inflate(self, count: int, name: str) -> None:
        with self._lock:
            self._inflated += count
            inflated = self._inflated
        if inflated > self.limits.inflated_bytes:
            raise SpoolError(
                f"{name}: the files of this run hold more than {self.limits.inflated_bytes:,}"
                " bytes once inflated, the most that is taken. Measure for a shorter time, or"
                " split the run."
            )

    def count_samples(self, count: int, name: str) -> None:
        self._samples += count
        if self._samples > self.limits.samples:
            raise SpoolError(
                f"{name}: the files of this run hold more than {self.limits.samples:,} samples, the"
                " most that are taken. Measure for a shorter time, or split the run."
            )

    def see_series(self, found: set[tuple[str, ...]], name: str) -> None:
        """Rows of the report that occur in a file: scenario, step and phase, or probe and
        metric."""
        with self._lock:
            self._series |= found
            count = len(self._series)
        if count > self.limits.series:
            raise SpoolError(
                f"{name}: more than {self.limits.series:,} different scenarios, steps, phases"
                " and metrics. Name a step after its route, such as 'GET /orders/{id}', and not"
                " after each address."
            )
