"""Which share of the load does not need what is saturated: hits of a cache, direct answers.

Beyond its capacity a target goes on serving them as fast as at low load, while what queues is
slower. So the fastest part of the latencies at low load comes back in full in an overloaded
stage, up to the share that is served directly, and not beyond.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from runs.analysis.saturation.flow import Floats, Flow

_BINS: Final = 20
_TOP: Final = 0.98
_FEWEST: Final = 100
_NONE: Final = 0.03


@dataclass(frozen=True)
class Direct:
    """The share with its standard error; `is_seen` tells a share from its absence."""

    share: float
    error: float

    @property
    def is_seen(self) -> bool:
        return self.share > _NONE


def share(
    calls: Flow, windows: Sequence[tuple[float, float]], healthy: Floats, loss: float
) -> Direct | None:
    """From the overloaded windows and the latencies of a healthy stage; None where it shows not.

    `loss` is the share of the calls that was not answered in time in those windows.
    """
    parts = [calls.between(start, end) for start, end in windows]
    due = sum(part.stop - part.start for part in parts)
    if due < _FEWEST or len(healthy) < _FEWEST // 2:
        return None
    took = np.sort(np.concatenate([calls.took[part][calls.good[part]] for part in parts]))
    edges = np.quantile(healthy, np.linspace(0, _TOP, _BINS + 1))[1:]
    reached = np.searchsorted(took, edges * 1.02, side="right") / due
    wanted = np.linspace(0, _TOP, _BINS + 1)[1:]
    fast = float(reached[-1]) / _TOP
    if fast < _NONE:
        return Direct(0.0, 0.01)
    return _from_front(reached, wanted, fast, loss, due)


def _from_front(
    reached: Floats, wanted: Floats, fast: float, loss: float, due: int
) -> Direct | None:
    slack = np.maximum(0.4 * loss, 2.5 / np.sqrt(due * wanted))
    full = reached >= wanted * (1 - slack)
    front = float(wanted[np.argmin(full) - 1]) if not full.all() else _TOP
    if not full[0] or front < 0.4 * min(fast, 1.0):
        return None
    noise = float(np.sqrt(max(fast * (1 - fast), 0.01) / due))
    apart = max(fast - front - 0.05, 0.0)
    return Direct(fast - apart / 2, 0.01 + noise + apart / 2)
