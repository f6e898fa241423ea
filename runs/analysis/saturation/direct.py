"""Which share of the load does not need what is saturated: hits of a cache, direct answers.

Beyond its capacity a target goes on serving them as fast as at low load, while what queues comes
later or not at all. So of the latencies at low load, ordered, the fastest share h comes back in
full in an overloaded stage, and what is beyond comes back thinned out. Counting the good answers
of overloaded stages between the quantiles of low load says how likely each h is.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from runs.analysis.saturation.flow import Floats, Flow

SHARES: Final = np.concatenate([[0.0], np.linspace(0.02, 0.98, 49)])
"""The shares that are weighed; the first is none at all."""

_TOP: Final = 0.98
_BINS: Final = 49
_FEWEST: Final = 60
# A latency that never varies must not fall beside its own quantile.
_TIE: Final = 1.005
_LEAST: Final = 0.02
# Neither the two distributions nor the requests are as independent as counting takes them to be.
_OVERDISPERSION: Final = 2.0


def likelihood(calls: Flow, windows: Sequence[tuple[float, float]], healthy: Floats) -> Floats:
    """The log-likelihood of each of SHARES, its maximum 0; all 0 where nothing can be told.

    `windows` are late parts of overloaded stages, `healthy` latencies of a stage that kept up.
    """
    parts = [calls.between(start, end) for start, end in windows]
    due = sum(part.stop - part.start for part in parts)
    if due < _FEWEST or len(healthy) < _FEWEST:
        return np.zeros(len(SHARES))
    took = np.sort(np.concatenate([calls.took[part][calls.good[part]] for part in parts]))
    edges = np.unique(np.quantile(healthy, np.linspace(0, _TOP, _BINS + 1)[1:]))
    before = np.sort(healthy)
    below = np.searchsorted(before, edges * _TIE, side="right") / len(healthy)
    counts = np.diff(np.searchsorted(took, edges * _TIE, side="right"), prepend=0)
    masses = np.diff(below, prepend=0.0)
    scale = _OVERDISPERSION * (1 + due / len(healthy))
    logs = np.array([_fit(counts, due * masses, due * below, due * h) for h in SHARES]) / scale
    relative: Floats = logs - logs.max()
    return relative


def _fit(counts: Floats, masses: Floats, below: Floats, direct: float) -> float:
    """Poisson counts: all of what was due up to `direct`, a thinner part of what is beyond."""
    full = np.clip(direct - (below - masses), 0.0, masses)
    rest = masses - full
    beyond = rest.sum()
    thin = (counts.sum() - full.sum()) / beyond if beyond > 0 else 0.0
    mean = full + rest * min(max(float(thin), _LEAST), 1.0)
    likely = counts * np.log(np.maximum(mean, 1e-9)) - mean
    return float(likely.sum())
