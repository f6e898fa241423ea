"""The alarm on the monotonic clock, set anew while it rings or left alone."""

import asyncio
from collections.abc import Callable
from time import monotonic_ns

import pytest

from loadrunner.engine import timer
from loadrunner.engine.worker import event_loop

STEP_NS = 3_000_000


async def rung(make: Callable[..., timer.Alarm], times: int) -> list[int]:
    """How many ns after its instant an alarm rang that was set anew, three ms on, so often; it
    then has a while to ring once too often."""
    late: list[int] = []
    due = monotonic_ns() + STEP_NS

    def ring() -> None:
        nonlocal due
        late.append(monotonic_ns() - due)
        if len(late) < times:
            due += STEP_NS
            alarm.set(due)

    alarm = make(asyncio.get_running_loop(), ring)
    alarm.set(due)
    async with asyncio.timeout(20):
        while len(late) < times:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    alarm.close()
    return late


KINDS = [
    pytest.param(
        timer.TimerfdAlarm, marks=pytest.mark.skipif(not timer.is_exact(), reason="no timerfd")
    ),
    timer.LoopAlarm,
]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("times", [1, 5])
def test_an_alarm_rings_once_for_each_time_that_it_is_set(
    make: Callable[..., timer.Alarm], times: int
) -> None:
    with asyncio.Runner(loop_factory=event_loop) as runner:
        assert len(runner.run(rung(make, times))) == times


@pytest.mark.skipif(not timer.is_exact(), reason="no timerfd")
def test_the_exact_alarm_never_rings_early() -> None:
    with asyncio.Runner(loop_factory=event_loop) as runner:
        assert min(runner.run(rung(timer.TimerfdAlarm, 20))) >= 0


@pytest.mark.skipif(not timer.is_exact(), reason="no timerfd")
def test_who_wakes_too_soon_waits_the_rest_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a lead of two milliseconds after every ring that came late."""
    monkeypatch.setattr(timer, "_MOST_LEAD_NS", 2_000_000)
    monkeypatch.setattr(timer, "_STEP_NS", 2_000_000)
    with asyncio.Runner(loop_factory=event_loop) as runner:
        assert min(runner.run(rung(timer.TimerfdAlarm, 20))) >= 0
