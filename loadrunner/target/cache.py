"""The cache: lookups with a known hit rate, counted for the summary."""

from collections.abc import Mapping

from loadrunner.target.draws import EvenChoice
from loadrunner.target.recent import Recent
from loadrunner.target.token_bucket import TokenBucket

_HIT = 0
_BURST = 5


class Cache:
    """`hit_rates` are the shares that each keyspace finds; every lookup takes `time_s`.

    A keyspace with a reach, in lookups a second, answers no more than its share of so many: asked
    more often, it evicts before it is asked again, and its hit rate falls.
    """

    def __init__(
        self,
        time_s: float,
        hit_rates: Mapping[str, float],
        window_s: float,
        reaches: Mapping[str, float] | None = None,
    ) -> None:
        self.time_s = time_s
        self._hit_rates = dict(hit_rates)
        self._reaches = {name: reach for name, reach in (reaches or {}).items() if reach}
        self._window_s = window_s
        self.reset()

    def reset(self) -> None:
        self._draws = {name: EvenChoice((r, 1 - r)) for name, r in self._hit_rates.items()}
        self._kept = {
            name: TokenBucket(reach * self._hit_rates[name], _BURST)
            for name, reach in self._reaches.items()
            if self._hit_rates[name]
        }
        self._lookups = Recent(self._window_s)
        self.lookups_total = 0

    def holds(self, keyspace: str, now_s: float) -> bool:
        """One lookup. A keyspace with a hit rate of zero is not in the cache and not counted."""
        if self._hit_rates[keyspace] == 0:
            return False
        is_hit = self._draws[keyspace].draw() == _HIT and self._keeps(keyspace, now_s)
        self._lookups.add(now_s, float(is_hit))
        self.lookups_total += 1
        return is_hit

    def _keeps(self, keyspace: str, now_s: float) -> bool:
        bucket = self._kept.get(keyspace)
        return bucket is None or bucket.take(now_s).is_admitted

    @property
    def hits_total(self) -> int:
        return int(self._lookups.total)

    def hit_rate(self, now_s: float) -> float | None:
        return self._lookups.mean(now_s)
