"""Where goodput leaves the line goodput = offered: the capacity, from the stages' points.

Beyond the capacity C a target answers

    plateau    g = C
    part       g = C + h (a - C)      a share h needs nothing of what is saturated
    waste      g = C (a / C) ** -w    work is spent on what fails in the end
    drop       g = r C                throughput under overload is lower than the best

for an offered load a. All four are weighed on a grid by how likely they make the points and what
latencies tell about h; the answer is the mean over the four.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runs.analysis.saturation.direct import SHARES
from runs.analysis.saturation.flow import Floats

_CELLS: Final = 240
_PARTS: Final = SHARES[1:-1]
_WASTES: Final = np.concatenate([np.linspace(0.05, 1.0, 20), np.linspace(1.1, 3.0, 20)])
_DROPS: Final = np.linspace(0.3, 0.98, 35)
# A small drop is more likely than a large one.
_DROP_LOGS: Final = -(1 - _DROPS) / 0.08
# From this weight on a shape is taken for settled: the tails of what is all but excluded would
# make up most of a 95 % interval.
_CLEAR: Final = 0.9
_TAILS: Final = (0.025, 0.5, 0.975)


@dataclass(frozen=True)
class Points:
    """Stages: offered load, goodput and the standard errors of goodput less h times offered, one
    row for each of SHARES; all in the same unit a second."""

    offered: Floats
    goodput: Floats
    errors: Floats
    overloaded: NDArray[np.bool_]

    def scaled(self, unit: float) -> "Points":
        return Points(self.offered / unit, self.goodput / unit, self.errors / unit, self.overloaded)


@dataclass(frozen=True)
class Prior:
    """What speaks for plateau, part, waste and drop before the points do, and the log-likelihood
    of each of SHARES."""

    kinds: tuple[float, float, float, float]
    shares: Floats


@dataclass(frozen=True)
class Spread:
    """A capacity and its 95 % interval."""

    capacity: float
    low: float
    high: float


@dataclass(frozen=True)
class Bend:
    """`weights` are those of plateau, part, waste and drop; `share` is the mean of h. `spread`
    is the capacity over all of them, `level` where throughput does not fall."""

    spread: Spread
    level: Spread
    weights: tuple[float, float, float, float]
    share: float

    @property
    def falling(self) -> float:
        """How likely it is that throughput falls beyond the capacity."""
        return self.weights[2] + self.weights[3]


def find(points: Points, prior: Prior) -> Bend:
    """The capacity in the unit of the points, with its 95 % interval."""
    best = float(points.goodput[points.overloaded].max())
    unit = best if best > 0 else float(points.offered.max())
    scaled = points.scaled(unit)
    top = float(max(scaled.offered[scaled.overloaded].max(), 1.0)) * 1.02
    grid = np.geomspace(min(0.3, top / 2), top, _CELLS)
    for _ in range(2):
        marginal = np.sum([w.sum(axis=1) for w in _weighed(scaled, prior, grid)], axis=0)
        grid = _zoomed(grid, marginal, top)
    weights = _weighed(scaled, prior, grid)
    marginal = np.sum([w.sum(axis=1) for w in weights], axis=0)
    kinds = [float(w.sum() / marginal.sum()) for w in weights]
    clear = kinds[0] > _CLEAR * (kinds[0] + kinds[1])
    level = weights[0].sum(axis=1) + (0 if clear else weights[1].sum(axis=1))
    part = weights[1].sum(axis=0)
    share = float((part * _PARTS).sum() / max(float(part.sum()), 1e-300))
    every = _quantiles(grid, level if clear and kinds[0] > _CLEAR else marginal, unit)
    return Bend(
        every, _quantiles(grid, level, unit), (kinds[0], kinds[1], kinds[2], kinds[3]), share
    )


def joined(level: Spread, falling: Spread, weight: float) -> Spread:
    """Two answers as one, the second of a weight: of the mixture of two normal distributions
    that have each its own spread on either side."""
    low = min(level.low, falling.low) * 0.9
    high = max(level.high, falling.high) * 1.1
    grid = np.linspace(low, high, 4 * _CELLS)
    density = (1 - weight) * _density(level, grid) + weight * _density(falling, grid)
    return _quantiles(grid, density, 1.0)


def _density(spread: Spread, grid: Floats) -> Floats:
    below = max(spread.capacity - spread.low, 1e-6 * spread.capacity)
    above = max(spread.high - spread.capacity, 1e-6 * spread.capacity)
    sigma = np.where(grid < spread.capacity, below, above) / 1.96
    # Half of the probability on either side, as the capacity is a median.
    found: Floats = np.exp(-0.5 * ((grid - spread.capacity) / sigma) ** 2) / sigma
    return found


def _weighed(points: Points, prior: Prior, grid: Floats) -> list[Floats]:
    """The posterior weight of each cell (capacity x shape) of each kind."""
    capacity = grid[:, None, None]
    offered = points.offered[None, None, :]
    beyond = offered > capacity
    models = (
        np.broadcast_to(capacity, (len(grid), 1, len(points.offered))),
        capacity + _PARTS[None, :, None] * (offered - capacity),
        capacity * (np.maximum(offered, 1e-9) / capacity) ** -_WASTES[None, :, None],
        _DROPS[None, :, None] * capacity,
    )
    plain = points.errors[:1]
    errors = (plain, points.errors[1:-1], plain, plain)
    logs = [
        _log(points, np.where(beyond, model, offered), error)
        for model, error in zip(models, errors, strict=True)
    ]
    shares = prior.shares
    logs[1] = logs[1] + shares[None, 1:-1]
    logs[3] = logs[3] + (_DROP_LOGS - np.log(np.exp(_DROP_LOGS).mean()))[None, :]
    for i in (0, 2, 3):
        logs[i] = logs[i] + shares[0]
    best = max(float(log.max()) for log in logs)
    return [
        np.exp(log - best) * kind / log.shape[1]
        for log, kind in zip(logs, prior.kinds, strict=True)
    ]


def _log(points: Points, model: Floats, error: Floats) -> Floats:
    """The log-likelihood; a wrong point (a pause, a cold cache) must not rule alone."""
    off = ((points.goodput - model) / error[None, :, :]) ** 2
    robust = np.where(off < 16, off, 8 * np.sqrt(off) - 16)
    spread: Floats = np.log(error[:, points.overloaded]).sum(axis=1)
    logs: Floats = -0.5 * robust.sum(axis=2) - spread[None, :]
    return logs


def _zoomed(grid: Floats, marginal: Floats, top: float) -> Floats:
    kept = grid[marginal > marginal.max() * 1e-6]
    step = grid[1] / grid[0]
    return np.geomspace(kept[0] / step, min(kept[-1] * step, top), len(grid))


def _quantiles(grid: Floats, marginal: Floats, unit: float) -> Spread:
    below = np.cumsum(marginal) - marginal / 2
    low, middle, high = np.interp(_TAILS, below / max(float(marginal.sum()), 1e-300), grid) * unit
    return Spread(float(middle), float(low), float(high))
