"""A figure with its uncertainty: the form in which every estimator answers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A point and its 95 % interval, from `count` observations.

    `value` is None where nothing is known, and `math.inf` where a percentile falls among the
    requests that got no expected answer. `low` or `high` is None where the interval has no
    bound on that side that the data could tell; both are None where there is no interval.
    `reason` says in words why something is missing.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int
    reason: str | None = None

    @property
    def has_interval(self) -> bool:
        return self.low is not None or self.high is not None
