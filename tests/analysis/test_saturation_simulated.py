"""A handful of simulated systems of unlike kinds; benchmarks/estimators.py runs thousands."""

import numpy as np
import pytest

from benchmarks import estimators
from benchmarks.estimators import Outcome

KINDS = ["queue", "collapse", "rate_limit", "workers", "cached", "several", "paused", "slow_errors"]
SYSTEMS = 6


def _outcomes(kind: str, reached: bool) -> list[Outcome]:
    return [estimators.outcome(kind, "stairs", reached, 77, i) for i in range(SYSTEMS)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_capacity_of_systems_of_each_kind_is_found(kind: str) -> None:
    found = [one for one in _outcomes(kind, reached=True) if one.error is not None]
    assert len(found) >= SYSTEMS - 2
    assert float(np.median([abs(one.error or 0.0) for one in found])) < 0.03
    assert sum(one.covers for one in found) >= len(found) - 1


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_claimed_below_the_capacity(kind: str) -> None:
    assert all(one.verdict != "reached" for one in _outcomes(kind, reached=False))


@pytest.mark.parametrize(
    ("kind", "number"), [("workers", 34), ("workers", 47), ("limited", 9), ("user_limit", 30)]
)
def test_a_small_room_or_burst_that_loses_a_little_by_chance_is_no_limit(
    kind: str, number: int
) -> None:
    """Loads of 0.88 to 0.92 of the capacity that lose 2 to 4 %, surely, and all the time."""
    assert estimators.outcome(kind, "spike", False, 9100, number).verdict != "reached"


def test_limits_tell_their_scope_and_quotas_their_window() -> None:
    for kind in ("rate_limit", "user_limit"):
        assert all(one.scope_is_right is not False for one in _outcomes(kind, reached=True))
    assert all(one.quota_is_right is not False for one in _outcomes("quota", reached=True))
