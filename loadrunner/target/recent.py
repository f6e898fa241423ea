"""Counting over the last stretch of time, for readings that are taken now and then."""

from collections import deque


class Recent:
    """A total since the reset, and the sum and the number of values within the window."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._values: deque[tuple[float, float]] = deque()
        self.total = 0.0

    def add(self, now_s: float, value: float = 1.0) -> None:
        self._values.append((now_s, value))
        self.total += value
        self._forget(now_s)

    def per_s(self, now_s: float) -> float:
        self._forget(now_s)
        return sum(value for _, value in self._values) / self._window_s

    def mean(self, now_s: float) -> float | None:
        """None where the window is empty: an unknown mean is not zero."""
        self._forget(now_s)
        if not self._values:
            return None
        return sum(value for _, value in self._values) / len(self._values)

    def _forget(self, now_s: float) -> None:
        while self._values and self._values[0][0] <= now_s - self._window_s:
            self._values.popleft()
