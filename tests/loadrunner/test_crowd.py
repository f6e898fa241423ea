"""Users of the closed model whose number rises or falls."""

from pathlib import Path

import polars as pl
import pytest

from loadrunner.campaign.file import load
from loadrunner.campaign.forecast import forecast
from loadrunner.campaign.model import Load, Scenario
from loadrunner.campaign.picture import text as picture
from loadrunner.engine.crowd import Crowd
from runs.analysis.plan import Phase
from tests.loadrunner.campaigns import campaign, step
from tests.loadrunner.fault_server import OK, FaultServer, pieces
from tests.loadrunner.runs_on_disk import manifest_of, written
from tests.loadrunner.test_engine import carried_out


@pytest.mark.parametrize(
    ("first", "last", "user", "stay"),
    [
        (4, 4, 3, (0, 100)),
        (4, 4, 4, (0, -1)),
        (0, 10, 0, (5, 100)),
        (0, 10, 9, (95, 100)),
        (2, 4, 1, (0, 100)),
        (2, 4, 2, (25, 100)),
        (2, 4, 3, (75, 100)),
        (10, 0, 9, (0, 5)),
        (10, 0, 0, (0, 95)),
        (10, 0, 10, (0, -1)),
    ],
)
def test_a_user_joins_and_leaves_where_the_line_passes_them(
    first: int, last: int, user: int, stay: tuple[int, int]
) -> None:
    assert Crowd(first, last, 0, 100).stay(user) == stay


@pytest.mark.parametrize(("first", "last"), [(1, 50), (50, 1), (0, 7), (3, 3), (7, 0)])
def test_at_every_moment_there_are_as_many_as_the_line_says(first: int, last: int) -> None:
    crowd = Crowd(first, last, 1_000_000, 3_000_000)
    stays = [crowd.stay(user) for user in range(crowd.most + 3)]
    for at_us in range(1_000_000, 3_000_000, 9_973):
        line = first + (last - first) * (at_us - 1_000_000) / 2_000_000
        there = sum(joins <= at_us < leaves for joins, leaves in stays)
        assert abs(there - line) <= 0.5 + 1e-4


@pytest.mark.journey
def test_users_come_and_go_with_a_ramp_and_stay_for_the_next_phase(tmp_path: Path) -> None:
    """Each answer takes 20 ms, so that there is always somebody of every user in flight."""
    loads = (
        Load("up", 0, 1.0, "closed", users=8, users_from=1, users_to=8),
        Load("plateau", 1.0, 0.5, "closed", users=8),
        Load("down", 1.5, 1.0, "closed", users=8, users_from=8, users_to=0),
    )
    with FaultServer({"/": pieces(OK[:-1], OK[-1:])}) as server:
        scenario = Scenario("flow", (step("/"),), loads)
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool", workers=2)
    begun = samples.group_by("user").agg(
        pl.col("due_us").min().alias("first"), pl.col("due_us").max().alias("last")
    )
    joined = dict(begun.select("user", "first").rows())
    left = dict(begun.select("user", "last").rows())
    assert [joined[user] for user in range(8)] == [Crowd(1, 8, 0, 1_000_000).stay(user)[0]
                                                   for user in range(8)]  # fmt: skip
    assert all(left[user] < 1_500_000 + (7.5 - user) / 8 * 1_000_000 + 1 for user in range(8))
    phases = manifest_of(tmp_path / "spool")["phases"]
    assert [(one["users"], one["users_from"], one["users_to"]) for one in phases] == [
        (8, 1, 8),
        (8, None, None),
        (8, 8, 0),
    ]
    assert {one["think_time_s"] for one in phases} == {0.0}


def test_a_ramp_of_users_is_read_planned_and_shown(tmp_path: Path) -> None:
    ramp = "{phase: ramp_up, duration: 10s, users: {from: 1, to: 50}, think_time: 1s}"
    file = written(tmp_path, "http://127.0.0.1:8900", ramp)
    plan = load(file, {}, {})
    assert forecast(plan).peak_users == 50
    assert "1 to 50 users" in picture(plan, forecast(plan), "utf-8")


def test_the_analysis_knows_how_many_there_are_at_a_time() -> None:
    ramp = Phase("s", "up", 0, 100, "closed", users=50, users_from=0, users_to=50)
    assert [ramp.users_at(at) for at in (0, 50, 100)] == [0, 25, 50]
    assert ramp.is_ramp_of_users
    steady = Phase("s", "up", 0, 100, "closed", users=5)
    assert (steady.users_at(50), steady.is_ramp_of_users) == (5, False)
