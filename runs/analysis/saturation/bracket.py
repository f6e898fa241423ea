"""The loads between which the losses begin: what holds whatever the target is like.

A capacity can hardly lie below a load that was kept up with over a whole stage, nor above one
that was lost; nor below what is answered all the time under overload, where each answer is as much
work as any other. Each alone is no proof: a stage may be too short to show a small loss, and a
pause may spoil one. So they bound the answer softly, and what a model of the target says is
weighed in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from runs.analysis.saturation import balance
from runs.analysis.saturation.balance import Stage
from runs.analysis.saturation.bend import Spread
from runs.analysis.saturation.flow import Floats

_CELLS: Final = 400
_TAILS: Final = (0.025, 0.5, 0.975)
# How sharply a stage bounds the capacity, and how much of the way between the two the load of a
# piece of a ramp moves within it.
BLUR: Final = 0.02
# Of a stage that kept up there is less doubt than of one that was lost.
_KEPT: Final = 0.8
# A model may be wrong, so that its tails are those of a Student's t.
_FREEDOM: Final = 4.0
_FAR_APART: Final = 0.7
_WITHIN_A_PIECE: Final = 0.4


@dataclass(frozen=True)
class Bracket:
    """Journeys/s: the highest load `kept` up with below the lowest one `lost`, which is the lowest
    one that its own load overloaded; `blur` is how sharply the two bound the capacity, as a part
    of it; `floor` is what was answered under overload, 0 where that does not count."""

    kept: float
    lost: float
    blur: float
    floor: float = 0.0

    @property
    def is_wide(self) -> bool:
        """Whether the losses may have begun anywhere between very different loads."""
        return self.kept < _FAR_APART * self.lost

    @classmethod
    def of(
        cls, stages: Sequence[Stage], blur: float = BLUR, floor: float = 0.0
    ) -> "Bracket | None":
        """None where no load below the losses was kept up with."""
        bad = balance.caused(stages)
        lost = min(bad, key=lambda stage: stage.offered)
        below = [one for one in balance.kept(stages) if one.offered < lost.offered]
        if not below:
            return None
        best = max(below, key=lambda stage: stage.offered)
        if lost.segment.is_ramp or best.segment.is_ramp:
            blur = max(blur, _WITHIN_A_PIECE * (1 - best.offered / lost.offered))
        return cls(best.offered, lost.offered, blur, floor)

    def weighed(self, capacity: float, error: float) -> Spread:
        """An estimate with its standard error, within the bracket."""
        top = max(self.lost, self.floor, capacity)
        grid = np.linspace(0.7 * min(self.kept, capacity), 1.2 * top, _CELLS)
        off = ((grid - capacity) / error) ** 2
        weight = (1 + off / _FREEDOM) ** (-(_FREEDOM + 1) / 2) * self._bounds(grid)
        return _quantiles(grid, weight)

    def alone(self) -> Spread:
        """What is known without any model."""
        grid = np.linspace(0.7 * self.kept, 1.2 * self.lost, _CELLS)
        return _quantiles(grid, self._bounds(grid))

    def _bounds(self, grid: Floats) -> Floats:
        above = _logistic((grid / self.kept - 0.97) / (_KEPT * self.blur))
        below = _logistic((self.lost / grid - 1.0) / self.blur)
        if not self.floor:
            return above * below
        return above * below * _logistic((grid / self.floor - 0.98) / BLUR)


def _quantiles(grid: Floats, weight: Floats) -> Spread:
    share = (np.cumsum(weight) - weight / 2) / max(float(weight.sum()), 1e-300)
    low, middle, high = (float(one) for one in np.interp(_TAILS, share, grid))
    return Spread(middle, low, high)


def _logistic(z: Floats) -> Floats:
    """Close to the normal distribution function."""
    found: Floats = 1 / (1 + np.exp(-1.7 * np.clip(z, -40, 40)))
    return found
