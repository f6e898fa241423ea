"""Shares with their own uncertainty, as the tables of scores show them."""

import math
from collections.abc import Sequence

Z_95 = 1.96


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % interval of hits / count."""
    if not count:
        return 0.0, 1.0
    share = hits / count
    middle = (share + Z_95**2 / (2 * count)) / (1 + Z_95**2 / count)
    spread = math.sqrt(share * (1 - share) / count + Z_95**2 / (4 * count**2))
    half = Z_95 * spread / (1 + Z_95**2 / count)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def shown(flags: Sequence[bool]) -> str:
    """'4.8 (3.9-5.9)', in per cent; a dash for nothing."""
    if not flags:
        return "-"
    low, high = wilson(sum(flags), len(flags))
    return f"{100 * sum(flags) / len(flags):.1f} ({100 * low:.1f}-{100 * high:.1f})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
