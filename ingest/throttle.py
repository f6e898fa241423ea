"""How many calls one token may make, so that a client that runs away leaves room for the others.

The counts are this process's own: with several processes a token may make as many times more.
"""

import math
import threading
import time
from typing import Final

from django.conf import settings

from runs.errors import TooManyError

_MINUTE_S: Final = 60.0


class Throttle:
    """A bucket for each key. It holds the calls of a minute and fills up evenly, so that a burst
    is let in, and a constant flow up to the limit is never held up."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: dict[int, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait_s(self, key: int, now_s: float) -> float:
        """0 where the call is let in, and counted; else how long until one is let in again."""
        rate = self._per_minute / _MINUTE_S
        with self._lock:
            left, at_s = self._buckets.get(key, (float(self._per_minute), now_s))
            left = min(left + (now_s - at_s) * rate, float(self._per_minute))
            is_let_in = left >= 1
            self._buckets[key] = (left - is_let_in, now_s)
        return 0.0 if is_let_in else (1 - left) / rate


_throttles: Final[dict[int, Throttle]] = {}


def admit(token: str) -> None:
    """Count a call of a token that is known; TooManyError where it has made too many."""
    limit = settings.HEADROOM_CALLS_PER_MINUTE
    if not limit:
        return
    throttle = _throttles.setdefault(limit, Throttle(limit))
    wait_s = throttle.wait_s(hash(token), time.monotonic())
    if wait_s:
        retry_after_s = math.ceil(wait_s)
        raise TooManyError(
            "too_many_calls",
            f"This token has made more calls than the {limit:,} a minute that this portal takes "
            f"of one token. Call again in {retry_after_s} s, as Retry-After says.",
            retry_after_s,
        )
