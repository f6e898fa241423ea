"""The arrivals of whole scenarios: phases one after another, scenarios beside each other."""

import pytest

from loadrunner.campaign.model import Load, Scenario
from loadrunner.engine.schedule import Arrival, merged
from loadrunner.pacing import WHOLE, Shard
from tests.loadrunner.campaigns import step


def phase(name: str, start_s: float, duration_s: float, start: float, end: float) -> Load:
    return Load(name, start_s, duration_s, rate_from=start, rate_to=end)


def scenario(*loads: Load, name: str = "flow", arrivals: str = "uniform") -> Scenario:
    return Scenario(name, (step("/"),), loads, arrivals=arrivals)  # type: ignore[arg-type]


def due(scenarios: list[Scenario], seed: int = 1, shard: Shard = WHOLE) -> list[Arrival]:
    return list(merged(tuple(scenarios), seed, shard))


def test_a_phase_begins_with_an_arrival_and_holds_none_at_its_end() -> None:
    flow = scenario(phase("plateau", 0, 1, 4, 4), phase("spike", 1, 0.5, 8, 8))
    found = [(at, number) for at, _, number, _ in due([flow])]
    assert found == [
        *((at, 0) for at in (0, 250_000, 500_000, 750_000)),
        *((at, 1) for at in (1_000_000, 1_125_000, 1_250_000, 1_375_000)),
    ]


def test_journeys_are_numbered_through_all_phases() -> None:
    flow = scenario(phase("a", 0, 1, 4, 4), phase("b", 1, 1, 4, 4))
    assert [number for *_, number in due([flow])] == list(range(8))


@pytest.mark.parametrize("arrivals", ["uniform", "poisson"])
@pytest.mark.parametrize(
    ("start", "end"),
    # At the last of these an arrival is due 0.4 us before the end.
    [(1_000, 50_000), (50_000, 1_000), (7000.004 / 0.7, 7000.004 / 0.7)],
)
def test_rounding_to_microseconds_carries_no_arrival_into_the_next_phase(
    start: float, end: float, arrivals: str
) -> None:
    flow = scenario(
        phase("fast", 0, 0.7, start, end), phase("slow", 0.7, 1, 1, 1), arrivals=arrivals
    )
    fast = [at for at, _, number, _ in due([flow]) if number == 0]
    assert fast
    assert max(fast) < 700_000
    assert fast == sorted(fast)


def test_a_staircase_rises_by_stages_and_not_between_them() -> None:
    stages = [phase(f"stage_{n:02d}", n, 1, 10 * n, 10 * n) for n in range(1, 4)]
    found = due([scenario(*stages)])
    for number in range(3):
        times = [at for at, _, which, _ in found if which == number]
        gap = 100_000 / (number + 1)
        wanted = [(number + 1) * 1e6 + gap * n for n in range(10 * (number + 1))]
        assert times == pytest.approx(wanted, abs=0.5)


def test_a_mix_is_what_the_rates_of_its_scenarios_make_it() -> None:
    """Three to one, at every moment and not only in the end."""
    often = scenario(phase("plateau", 0, 10, 30, 30), name="often")
    seldom = scenario(phase("plateau", 0, 10, 10, 10), name="seldom")
    found = due([often, seldom])
    assert [at for at, *_ in found] == sorted(at for at, *_ in found)
    for second in range(10):
        which = [one for at, one, *_ in found if second * 10**6 <= at < (second + 1) * 10**6]
        assert (which.count(0), which.count(1)) == (30, 10)


@pytest.mark.parametrize("arrivals", ["uniform", "poisson"])
def test_the_same_seed_gives_the_same_arrivals_to_any_number_of_workers(arrivals: str) -> None:
    flows = [
        scenario(phase("plateau", 0, 2, 50, 80), name=name, arrivals=arrivals)
        for name in ("a", "b")
    ]
    whole = due(flows, seed=7)
    assert whole == due(flows, seed=7)
    assert (whole == due(flows, seed=8)) == (arrivals == "uniform")
    parts = [one for index in range(3) for one in due(flows, seed=7, shard=Shard(index, 3))]
    assert sorted(parts) == sorted(whole)
