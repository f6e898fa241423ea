"""The figures of several rounds: their median, and how far they lie apart."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of the rounds; `rounds` keeps them in the order measured."""

    median: float
    low: float
    high: float
    rounds: tuple[float, ...]

    def text(self, form: str = ",.0f") -> str:
        if len(self.rounds) == 1:
            return f"{self.median:{form}}"
        return f"{self.median:{form}} ({self.low:{form}} .. {self.high:{form}})"


def spread(values: Iterable[float]) -> Spread | None:
    """None where no round gave a figure."""
    rounds = tuple(values)
    if not rounds:
        return None
    return Spread(median(rounds), min(rounds), max(rounds), rounds)


def ratios(ours: Spread, theirs: Spread) -> Spread | None:
    """Round by round, since what disturbed a round disturbed both tools in it."""
    pairs = zip(ours.rounds, theirs.rounds, strict=False)
    return spread(mine / other for mine, other in pairs if other)
