"""What to do first: the stated rule by which actions and proposals are ordered."""

from typing import Final, Literal

Level = Literal["low", "medium", "high"]

LEVELS: Final[dict[str, int]] = {"low": 1, "medium": 2, "high": 3}
HIGHEST: Final = 12

RULE: Final = (
    "Priority is three times the impact, less twice the effort, less the risk, each from 1 (low) "
    "to 3 (high), moved so that the least is 0: from 0 to 12, the highest first."
)
# What the levels mean, so that two people mean the same by them.
MEANINGS: Final[dict[str, dict[str, str]]] = {
    "impact": {
        "low": "Nobody outside the team would notice, or the headroom is ample.",
        "medium": "Users would notice at the peak, or capacity grows by a quarter or more.",
        "high": "The peak is survived because of it, or capacity grows by half or more.",
    },
    "effort": {
        "low": "Hours: a setting, a limit, a line of configuration.",
        "medium": "Days: a change of code within one part.",
        "high": "Weeks, or several teams.",
    },
    "risk": {
        "low": "It can be undone at once, and nothing else depends on it.",
        "medium": "Something else shares what is changed: look at it before and after.",
        "high": "Data, money or another team's service may suffer, or it cannot be undone.",
    },
}


def computed(impact: str, effort: str, risk: str) -> int:
    """From 0 to 12, the highest first: three times the impact, less twice the effort, less the
    risk (low 1, medium 2, high 3), moved so that the least is 0."""
    return 3 * LEVELS[impact] - 2 * LEVELS[effort] - LEVELS[risk] + 6
