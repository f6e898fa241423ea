"""Journeys that pause between two requests hold nothing, and nobody waits for them in vain."""

import time
from pathlib import Path

import polars as pl
import pytest

from loadrunner.campaign.model import Retry, Scenario
from tests.loadrunner.campaigns import at_rate, campaign, step, with_users
from tests.loadrunner.fault_server import OK, FaultServer, sends
from tests.loadrunner.test_engine import carried_out

pytestmark = pytest.mark.journey

LATER = sends(b"HTTP/1.1 429 No\r\nRetry-After: 900\r\ncontent-length: 0\r\n\r\n")


def test_journeys_that_think_have_nothing_in_flight_and_make_no_others_be_dropped(
    tmp_path: Path,
) -> None:
    """Twenty of them are under way at the end, and no more than a few at a time in flight."""
    with FaultServer({"/": sends(OK)}) as server:
        steps = (step("/", "one"), step("/", "two", think_time_s=2.5))
        scenario = Scenario("flow", steps, (at_rate(10, 2.0),), max_in_flight=5)
        whole = campaign(server.url, scenario, timeout_s=10.0)
        samples = carried_out(whole, tmp_path / "spool")
    dropped = samples.filter(pl.col("outcome") == "dropped").height
    assert dropped < 10  # 15, if those that think counted; a busy machine may let five pile up
    assert samples.filter(pl.col("step") == "two").height == 20 - dropped


@pytest.mark.parametrize("load", [at_rate(20, 0.5), with_users(3, 0.5)])
def test_a_retry_that_would_come_after_the_run_ends_its_journey_at_once(
    load: object, tmp_path: Path
) -> None:
    """The drain, of half a minute here, is for answers, and not for a quarter of an hour."""
    retry = Retry(on=(429,), max=1, honour_retry_after=True)
    with FaultServer({"/": LATER}) as server:
        steps = (step("/", retry=retry),)
        scenario = Scenario("flow", steps, (load,))  # type: ignore[arg-type]
        began_s = time.monotonic()
        samples = carried_out(campaign(server.url, scenario, timeout_s=30.0), tmp_path / "spool")
    assert time.monotonic() - began_s < 25
    assert samples["attempt"].to_list() == [1] * samples.height
    assert set(samples["outcome"].to_list()) == {"refused"}
    assert set(samples["retry_after_ms"].to_list()) == {900_000}
