"""Quantiles of Student's t, without the fifth of a second that importing scipy takes."""

import math
from functools import lru_cache
from statistics import NormalDist


@lru_cache(maxsize=1024)
def quantile(degrees: float, confidence: float = 0.95) -> float:
    """The two-sided quantile: |t| stays below it with this confidence.

    Hill's expansion (Communications of the ACM 13, 1970, algorithm 396), good to four digits from
    2 degrees on, whole or not; fewer than 1.5 count as 1.
    """
    tail, n = 1 - confidence, max(degrees, 1.0)
    if n < 1.5:
        return 1 / math.tan(tail * math.pi / 2)
    if n == 2:
        return math.sqrt(2 / (tail * (2 - tail)) - 2)
    a = 1 / (n - 0.5)
    b = 48 / a**2
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * n
    y = float((d * tail) ** (2 / n))
    if y > 0.05 + a:
        return math.sqrt(n * _near_normal(n, tail, a, b, c, d))
    inner = 1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)
    return math.sqrt(n * ((inner * y - 1) * (n + 1) / (n + 2) + 1 / y))


def _near_normal(n: float, tail: float, a: float, b: float, c: float, d: float) -> float:
    x = NormalDist().inv_cdf(tail / 2)
    if n < 5:
        c += 0.3 * (n - 4.5) * (x + 0.6)
    c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
    y = x * x
    y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
    return math.expm1(a * y * y)


def chance(t: float, degrees: float) -> float:
    """The two-sided probability of a |t| at least as great; 0 for an infinite one."""
    from scipy.special import stdtr  # lightly imported: only who asks waits for it

    return 2 * float(stdtr(max(degrees, 1.0), -abs(t)))
