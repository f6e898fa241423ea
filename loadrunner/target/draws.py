"""What the target leaves to chance: service times, cache hits, the answers to deletions."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from random import Random

_GOLDEN = (math.sqrt(5) - 1) / 2


class ServiceTime:
    """Lognormal times with exactly the given mean, for any variation."""

    def __init__(self, mean_s: float, cv: float, random: Random) -> None:
        self._mean_s = mean_s
        self._sigma = math.sqrt(math.log1p(cv * cv))
        self._mu = math.log(mean_s) - self._sigma**2 / 2 if mean_s > 0 else 0.0
        self._random = random

    def draw(self) -> float:
        """Seconds."""
        if self._mean_s <= 0 or self._sigma == 0:
            return self._mean_s
        return self._random.lognormvariate(self._mu, self._sigma)


class EvenChoice:
    """Picks an index by its share, spread as evenly as can be and the same in every run.

    The picks follow the multiples of the golden ratio, so that any stretch of n picks holds each
    index within one or two of its share: a hit rate of 90 % is 90 % in each second, and a flow's
    truth does not depend on luck.
    """

    def __init__(self, shares: Sequence[float]) -> None:
        self._ends = list(accumulate(shares))[:-1]
        self._turn = 0

    def draw(self) -> int:
        self._turn += 1
        return bisect_right(self._ends, self._turn * _GOLDEN % 1.0)
