"""A quota: so many requests in a window that starts with the first of them, then none."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Allowance:
    is_admitted: bool
    remaining: int
    reset_s: float


class Quota:
    """Fixed windows, one after the other. A refused request does not count."""

    def __init__(self, requests: int, window_s: float) -> None:
        self.requests = requests
        self.window_s = window_s
        self._used = 0
        self._started_s: float | None = None

    def take(self, now_s: float) -> Allowance:
        if self._started_s is None:
            self._started_s = now_s
        elapsed_windows = (now_s - self._started_s) // self.window_s
        if elapsed_windows >= 1:
            self._started_s += elapsed_windows * self.window_s
            self._used = 0
        is_admitted = self._used < self.requests
        self._used += is_admitted
        return Allowance(
            is_admitted=is_admitted,
            remaining=self.requests - self._used,
            reset_s=self._started_s + self.window_s - now_s,
        )
