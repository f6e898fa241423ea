"""A rate limit: a bucket that fills at a steady rate and lets a request through for a token."""

from dataclasses import dataclass

# Steps of refilling add up to a whole token but for rounding.
_WHOLE = 1 - 1e-9


@dataclass(frozen=True)
class Admission:
    """`remaining` whole tokens; seconds until the next token and until the bucket is full."""

    is_admitted: bool
    remaining: int
    retry_after_s: float
    reset_s: float


class TokenBucket:
    """Starts full, so `burst` requests pass at once; then `rate` a second."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._level = float(burst)
        self._at_s: float | None = None

    def take(self, now_s: float) -> Admission:
        if self._at_s is not None:
            gained = max(0.0, now_s - self._at_s) * self.rate
            self._level = min(self.burst, self._level + gained)
        self._at_s = now_s
        is_admitted = self._level >= _WHOLE
        if is_admitted:
            self._level = max(0.0, self._level - 1)
        return Admission(
            is_admitted=is_admitted,
            remaining=int(self._level),
            retry_after_s=max(0.0, 1 - self._level) / self.rate,
            reset_s=(self.burst - self._level) / self.rate,
        )
