"""What became of one criterion: the `criteria` entry of the report."""

from dataclasses import dataclass
from typing import Literal

from runs.analysis.criteria.expression import By

CriterionVerdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True)
class Judgement:
    """Figures are in `unit`: ms, % (then in per cent), /s, or none.

    Of several joined conditions the figures are those of the one that decided. `measured` is None
    where nothing was measured or the percentile falls among unanswered requests; a bound of `ci`
    is None where there is none on that side.
    """

    text: str
    by: By
    verdict: CriterionVerdict
    measured: float | None
    ci: tuple[float | None, float | None] | None
    limit: float | None
    unit: str
    count: int
    reason: str
