"""What an action is expected to gain, as a figure: 'p95 of billing/usage -30 %'.

The same words are written by the plan's rules and by people. `of` may be left out before a
selector in parentheses: 'p95(billing/usage) -30 %' says the same.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from runs.analysis import criteria
from runs.analysis.criteria import CriterionError
from runs.analysis.criteria.expression import Atom

Direction = Literal["higher", "lower"]
_TEXT: Final = re.compile(
    r"^\s*(?P<name>[A-Za-z_0-9.]+)\s*(?:of\s+(?P<of>.+?)|\((?P<in>.+?)\))\s*"
    r"(?P<sign>[+\-−–])\s*(?P<percent>\d+(?:[.,]\d+)?)\s*%\s*$"
)


@dataclass(frozen=True)
class Gain:
    """`statistic` as criteria write it, without a limit; `factor` is after / before: 0.7 for
    -30 %."""

    statistic: str
    factor: float

    @property
    def better(self) -> Direction:
        return "higher" if self.factor > 1 else "lower"

    def share_reached(self, factor: float) -> float:
        """How much of the expected change came, 1 being all of it; negative for the wrong way."""
        return (factor - 1) / (self.factor - 1)


@lru_cache(maxsize=4096)
def read(text: str) -> Gain | None:
    """None where the text is not such a figure; people may write what they like."""
    found = _TEXT.match(text)
    if found is None:
        return None
    statistic = f"{found['name']}({(found['of'] or found['in']).strip()})"
    percent = float(found["percent"].replace(",", "."))
    factor = 1 + percent / 100 if found["sign"] == "+" else 1 - percent / 100
    if factor in (0.0, 1.0) or not _is_statistic(statistic):
        return None
    return Gain(statistic, factor)


def _is_statistic(text: str) -> bool:
    try:
        return isinstance(criteria.parse(f"{text} >= baseline").expression, Atom)
    except CriterionError:
        return False
