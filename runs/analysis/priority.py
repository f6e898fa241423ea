"""What to do first: the stated rule by which actions and proposals are ordered."""

from typing import Final, Literal

Level = Literal["low", "medium", "high"]

LEVELS: Final[dict[str, int]] = {"low": 1, "medium": 2, "high": 3}
HIGHEST: Final = 12


def computed(impact: str, effort: str, risk: str) -> int:
    """From 0 to 12, the highest first: three times the impact, less twice the effort, less the
    risk (low 1, medium 2, high 3), moved so that the least is 0."""
    return 3 * LEVELS[impact] - 2 * LEVELS[effort] - LEVELS[risk] + 6
