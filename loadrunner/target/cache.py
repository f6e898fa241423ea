"""The cache: lookups with a known hit rate, counted for the summary."""

from collections.abc import Mapping

from loadrunner.target.draws import EvenChoice
from loadrunner.target.recent import Recent

_HIT = 0


class Cache:
    """`hit_rates` are the shares that each keyspace finds; every lookup takes `time_s`."""

    def __init__(self, time_s: float, hit_rates: Mapping[str, float], window_s: float) -> None:
        self.time_s = time_s
        self._hit_rates = dict(hit_rates)
        self._window_s = window_s
        self.reset()

    def reset(self) -> None:
        self._draws = {name: EvenChoice((r, 1 - r)) for name, r in self._hit_rates.items()}
        self._lookups = Recent(self._window_s)
        self.lookups_total = 0

    def holds(self, keyspace: str, now_s: float) -> bool:
        """One lookup. A keyspace with a hit rate of zero is not in the cache and not counted."""
        if self._hit_rates[keyspace] == 0:
            return False
        is_hit = self._draws[keyspace].draw() == _HIT
        self._lookups.add(now_s, float(is_hit))
        self.lookups_total += 1
        return is_hit

    @property
    def hits_total(self) -> int:
        return int(self._lookups.total)

    def hit_rate(self, now_s: float) -> float | None:
        return self._lookups.mean(now_s)
