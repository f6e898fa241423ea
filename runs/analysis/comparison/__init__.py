"""Is a run better or worse than another, and by how much: from their reports alone."""

from runs.analysis.comparison.noise import Noise, learn
from runs.analysis.comparison.result import (
    MATERIAL,
    MOST_RUNS,
    Bounds,
    Change,
    ChangeVerdict,
    Comparison,
    Mean,
    NoiseUsed,
    Row,
    Statistic,
)
from runs.analysis.comparison.table import compare, compare_groups, discovery_limit

__all__ = [
    "MATERIAL",
    "MOST_RUNS",
    "Bounds",
    "Change",
    "ChangeVerdict",
    "Comparison",
    "Mean",
    "Noise",
    "NoiseUsed",
    "Row",
    "Statistic",
    "compare",
    "compare_groups",
    "discovery_limit",
    "learn",
]
