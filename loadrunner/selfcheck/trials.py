"""What the selfcheck sends: one run for the ceiling, one for everything that is known."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import uuid4

from loadrunner.campaign.model import Campaign, Load, Request, Scenario, Step, Target, Variable
from loadrunner.engine.coordinator import Coordinator, Settings
from loadrunner.engine.worker import event_loop
from loadrunner.spool import SpoolWriter
from runs.formats import spool
from runs.formats.spool import Spool

CONNECTIONS: Final = 32
CEILING_S: Final = 5.0
WARM_UP_S: Final = 1.0
ARRIVALS_S: Final = 3.0
SERVICE_S: Final = 4.0
SERVICE_RPS: Final = 300.0
STALL_RUN_S: Final = 4.0
STALL_RPS: Final = 500.0
# A rate that is not held shows in what is dropped, and does not drown the rates after it.
MOST_IN_FLIGHT: Final = 1000
_PAUSE_S: Final = 0.5
# As long as a usual request of an API, with a part that is filled in anew each time.
_BODY: Final = ('{"conversation":"', Variable("index", "json"), '","text":"' + "x" * 250 + '"}')


def ceiling(base_url: str) -> Spool:
    """As many requests as one worker can send, by closed users without think time."""
    load = Load("full", 0.0, CEILING_S, model="closed", users=CONNECTIONS, warm_up_s=WARM_UP_S)
    return _made(base_url, (Scenario("ceiling", (_post("/"),), (load,)),))


def known(base_url: str, rates: Sequence[float]) -> Spool:
    """Arrivals at each of the rates (phases rate_0, rate_1, …), then known service times, then a
    stall."""
    arrivals, start_s = [], 0.0
    for number, rate in enumerate(rates):
        arrivals.append(_at(f"rate_{number}", rate, start_s, ARRIVALS_S))
        start_s += ARRIVALS_S + _PAUSE_S
    service = _at("service", SERVICE_RPS, start_s, SERVICE_S)
    start_s += SERVICE_S + _PAUSE_S
    stall = _at("stall", STALL_RPS, start_s, STALL_RUN_S)
    return _made(
        base_url,
        (
            Scenario("arrivals", (_post("/"),), tuple(arrivals), max_in_flight=MOST_IN_FLIGHT),
            Scenario("service", (_post("/mixed"),), (service,)),
            Scenario("stall", (_post("/stalling"),), (stall,)),
        ),
    )


def _post(path: str) -> Step:
    headers = (("authorization", ("Bearer selfcheck",)), ("content-type", ("application/json",)))
    return Step("post", Request("POST", (path,), headers, _BODY))


def _at(phase: str, rate: float, start_s: float, duration_s: float) -> Load:
    return Load(phase, start_s, duration_s, rate_from=rate, rate_to=rate)


def _made(base_url: str, scenarios: tuple[Scenario, ...]) -> Spool:
    """The spool of a run that was made as any other is, by one worker; read and removed."""
    campaign = Campaign(
        name="selfcheck",
        file=Path(),
        text="# loadrunner selfcheck\n",
        sha256="",
        target=Target(base_url, ("127.0.0.1",)),
        scenarios=scenarios,
    )
    with TemporaryDirectory(prefix="loadrunner-selfcheck-") as folder:
        writer = SpoolWriter(Path(folder) / "spool")
        settings = Settings(run_id=uuid4(), seed=1)
        coordinator = Coordinator(campaign, settings, {}, ("127.0.0.1",), writer, None)
        with asyncio.Runner(loop_factory=event_loop) as runner:
            runner.run(coordinator.run())
        if coordinator.signal is not None:
            raise KeyboardInterrupt
        return spool.read(writer.folder)
