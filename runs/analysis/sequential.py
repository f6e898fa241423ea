"""When a run that passes or fails may change what is believed, run after run, night after night.

A 95 % interval is wrong on either side in one run of forty. Who judges every night and believes
the first run that fails will, within a year, have seen one that failed by chance. So the k-th
look has a share of the risk that falls with k squared: all looks together keep to RISK, however
many there are (alpha spending: Lan and DeMets, Biometrika 70, 1983; the weights are those of
the sum of 1/k^2). A difference that is too small for that is believed when IN_A_ROW valid runs
say the same.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import NormalDist
from typing import Final, Literal

Outcome = Literal["pass", "fail", "inconclusive"]

RISK: Final = 0.0125
IN_A_ROW: Final = 6
_USUAL: Final = 0.025  # what a 95 % interval leaves on each side
_SHARE_OF_FIRST: Final = 6 / math.pi**2


@dataclass(frozen=True)
class Look:
    """What one run said; `is_clear` where the widened interval says it as well."""

    outcome: Outcome
    is_clear: bool


def widening(look: int) -> float:
    """How many times wider than 95 % the interval of the look must be, the first being 1."""
    risk = RISK * _SHARE_OF_FIRST / look**2
    normal = NormalDist()
    return normal.inv_cdf(1 - risk) / normal.inv_cdf(1 - _USUAL)


def decision(looks: Sequence[Look], needed: int = 1) -> Literal["pass", "fail"] | None:
    """What the runs, the oldest first, have come to tell; None while it is open.

    A pass takes `needed` passing runs in a row, one of them clear; a failure one clear run.
    IN_A_ROW of either are enough without a clear one.
    """
    last = looks[-1].outcome if looks else "inconclusive"
    if last == "inconclusive":
        return None
    row = list(takewhile(lambda look: look.outcome == last, reversed(looks)))
    least = needed if last == "pass" else 1
    if len(row) < least:
        return None
    is_told = any(look.is_clear for look in row) or len(row) >= IN_A_ROW
    return last if is_told else None


def what_is_missing(looks: Sequence[Look], needed: int = 1) -> str:
    """What would decide, in words; empty where it is decided or the last run said nothing."""
    last = looks[-1].outcome if looks else "inconclusive"
    if last == "inconclusive" or decision(looks, needed):
        return ""
    row = _row(looks, last)
    least = max(needed if last == "pass" else 1, 1)
    if any(look.is_clear for look in looks[-row:]):
        return _more(least - row, last)
    clearly = "one that is clear after so many looks, or " if row + 1 >= least else ""
    return f"{clearly}{_more(max(IN_A_ROW, least) - row, last)}"


def _row(looks: Iterable[Look], outcome: str) -> int:
    newest_first = reversed(list(looks))
    return sum(1 for _ in takewhile(lambda look: look.outcome == outcome, newest_first))


def _more(count: int, outcome: str) -> str:
    runs = "1 more valid run" if count == 1 else f"{count} more valid runs in a row"
    ends = {"pass": ("that passes", "that pass"), "fail": ("that fails", "that fail")}[outcome]
    return f"{runs} {ends[0] if count == 1 else ends[1]}"
