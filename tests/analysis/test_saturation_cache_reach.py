"""A cache that answers so many requests a second, not so many of each hundred: no part of what
comes beyond the capacity is served all the same."""

from heapq import heapreplace

import numpy as np
import pytest

from runs.analysis import saturation
from runs.analysis.run_data import RunData
from tests.analysis.staircases import arrivals, row, run, stages

LOADS = [39.4, 56.2, 73.1, 90.0, 106.9, 123.8, 140.6, 157.5, 174.4, 191.3]
HITS, SERVERS, SERVICE_S = 50.0, 6, 0.095
CAPACITY = HITS + SERVERS / SERVICE_S


def _cached(seconds: float) -> RunData:
    """At random, as often as the cache reaches: always below 50/s, ever less often beyond."""
    rng = np.random.default_rng(5)
    phases = stages(LOADS, seconds)
    free = [0.0] * SERVERS
    rows = []
    for journey, (phase, due) in enumerate(arrivals(phases)):
        load = LOADS[int(phase[-2:]) - 1]
        if rng.random() < min(0.9, HITS / load):
            rows.append(row(phase, journey, due, due + 0.0014))
            continue
        ended = max(due, free[0]) + SERVICE_S * rng.uniform(0.9, 1.1)
        heapreplace(free, ended)
        rows.append(row(phase, journey, due, ended))
    return run(phases, rows)


@pytest.mark.parametrize("seconds", [1.6, 6.0])
def test_the_capacity_is_what_the_level_goodput_says(seconds: float) -> None:
    (found,) = saturation.find(_cached(seconds))
    assert found.capacity_jps == pytest.approx(CAPACITY, rel=0.03)
    assert found.ci_jps is not None
    assert found.ci_jps[0] <= CAPACITY <= found.ci_jps[1]
