"""How many times production's peak the target can take, and how long that lasts as it grows."""

import math
from collections.abc import Collection
from typing import Final, Protocol

from runs.analysis.plan import Plan
from runs.analysis.saturation.result import Headroom, Interval

# A peak that takes more than this many years to outgrow the capacity is not worth a number.
_LONGEST_YEARS: Final = 100.0


class Reached(Protocol):
    """What a search for the saturation point says, open or closed."""

    @property
    def verdict(self) -> str: ...
    @property
    def capacity(self) -> float | None: ...
    @property
    def ci(self) -> Interval | None: ...


def of(
    plan: Plan, scenarios: Collection[str], found: Reached, sustained: float | None
) -> Headroom | None:
    """Capacity over the stated peak of the scenarios; from the highest load kept up with where
    none was reached. None where not all of them state a peak."""
    peaks = [plan.peak_jps.get(name) or 0.0 for name in scenarios]
    if not peaks or min(peaks) <= 0:
        return None
    peak = sum(peaks)
    growth = plan.growth_per_year
    if found.capacity is not None and found.ci is not None:
        ratio, low, high = (one / peak for one in (found.capacity, *found.ci))
        lasts = (years(low, growth), years(high, growth)) if growth else None
        return Headroom(peak, ratio, (low, high), growth, years(ratio, growth), lasts)
    if found.verdict == "not_reached" and sustained:
        ratio = sustained / peak
        least = years(ratio, growth)
        lasts = (least, None) if growth else None
        return Headroom(peak, ratio, (ratio, None), growth, least, lasts)
    return Headroom(peak, None, None, growth)


def years(ratio: float, growth: float | None) -> float | None:
    """Until a peak that grows by this share a year, compounding, has used the headroom up; 0 where
    it does not fit today, None where no growth is stated or it would take a century."""
    if not growth or growth <= 0 or ratio <= 0:
        return None
    lasts = max(math.log(ratio) / math.log1p(growth), 0.0)
    return lasts if lasts <= _LONGEST_YEARS else None
