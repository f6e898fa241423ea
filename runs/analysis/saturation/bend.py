"""Where goodput leaves the line goodput = offered: the capacity, from the stages' points.

Beyond the capacity C a target answers

    plateau    g = C
    part       g = C + h (a - C)      a share h needs nothing of what is saturated
    waste      g = C (a / C) ** -w    work is spent on what fails in the end
    drop       g = r C                throughput under overload is lower than the best

for an offered load a. All four are weighed on a grid by how likely they make the points, with
priors that follow from what latencies tell about h; the answer is the mean over the four.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runs.analysis.saturation.direct import Direct
from runs.analysis.saturation.flow import Floats

_CELLS: Final = 240
_SHARES: Final = np.linspace(0.02, 0.96, 48)
_WASTES: Final = np.concatenate([np.linspace(0.05, 1.0, 20), np.linspace(1.1, 3.0, 20)])
_DROPS: Final = np.linspace(0.3, 0.98, 35)
_TAILS: Final = (0.025, 0.5, 0.975)
# The priors of plateau, part, waste and drop.
_UNTOLD: Final = (0.80, 0.10, 0.05, 0.05)
_PART: Final = (0.02, 0.94, 0.02, 0.02)
_WHOLE: Final = (0.88, 0.01, 0.06, 0.05)


@dataclass(frozen=True)
class Points:
    """Stages: offered load, goodput and its standard error, all in the same unit a second."""

    offered: Floats
    goodput: Floats
    error: Floats

    def scaled(self, unit: float) -> "Points":
        return Points(self.offered / unit, self.goodput / unit, self.error / unit)


@dataclass(frozen=True)
class Bend:
    """`weights` are those of plateau, part, waste and drop; `share` is the mean of h."""

    capacity: float
    low: float
    high: float
    weights: tuple[float, float, float, float]
    share: float


def find(points: Points, direct: Direct | None, overloaded: NDArray[np.bool_]) -> Bend:
    """The capacity in the unit of the points, with its 95 % interval."""
    unit = float(points.goodput[overloaded].max())
    scaled = points.scaled(unit)
    top = float(max(scaled.offered[overloaded].max(), 1.0)) * 1.02
    grid = np.geomspace(0.3, top, _CELLS)
    for _ in range(2):
        weights = _weighed(scaled, direct, grid)
        grid = _zoomed(grid, np.sum([w.sum(axis=1) for w in weights], axis=0), top)
    weights = _weighed(scaled, direct, grid)
    marginal = np.sum([w.sum(axis=1) for w in weights], axis=0)
    low, middle, high = _quantiles(grid, marginal)
    total = marginal.sum()
    part = weights[1].sum(axis=0)
    mean_share = float((part * _SHARES).sum() / max(part.sum(), 1e-300))
    kinds = [float(w.sum() / total) for w in weights]
    return Bend(
        middle * unit, low * unit, high * unit, (kinds[0], kinds[1], kinds[2], kinds[3]), mean_share
    )


def _weighed(points: Points, direct: Direct | None, grid: Floats) -> list[Floats]:
    """The posterior weight of each cell (capacity x shape) of each kind."""
    capacity = grid[:, None, None]
    offered = points.offered[None, None, :]
    beyond = offered > capacity
    models = (
        np.broadcast_to(capacity, (len(grid), 1, len(points.offered))),
        capacity + _SHARES[None, :, None] * (offered - capacity),
        capacity * (offered / capacity) ** -_WASTES[None, :, None],
        _DROPS[None, :, None] * capacity,
    )
    logs = [_log(points, np.where(beyond, model, offered)) for model in models]
    best = max(float(log.max()) for log in logs)
    priors, spread = _priors(direct)
    weights = [
        np.exp(log - best) * prior / log.shape[1] for log, prior in zip(logs, priors, strict=True)
    ]
    weights[1] = weights[1] * spread[None, :]
    return weights


def _log(points: Points, model: Floats) -> Floats:
    """The log-likelihood; a wrong point (a pause, a cold cache) must not rule alone."""
    off = ((points.goodput - model) / points.error) ** 2
    return -0.5 * np.where(off < 16, off, 8 * np.sqrt(off) - 16).sum(axis=2)


def _priors(direct: Direct | None) -> tuple[tuple[float, ...], Floats]:
    flat = np.ones(len(_SHARES))
    if direct is None:
        return _UNTOLD, flat
    if not direct.is_seen:
        return _WHOLE, flat
    spread = np.exp(-0.5 * ((_SHARES - direct.share) / max(direct.error, 0.01)) ** 2) + 1e-4
    return _PART, spread / spread.mean()


def _zoomed(grid: Floats, marginal: Floats, top: float) -> Floats:
    kept = grid[marginal > marginal.max() * 1e-6]
    step = grid[1] / grid[0]
    return np.geomspace(kept[0] / step, min(kept[-1] * step, top), len(grid))


def _quantiles(grid: Floats, marginal: Floats) -> tuple[float, float, float]:
    below = np.cumsum(marginal) - marginal / 2
    low, middle, high = np.interp(_TAILS, below / marginal.sum(), grid)
    return float(low), float(middle), float(high)
