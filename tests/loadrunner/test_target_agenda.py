"""The agenda: callbacks at their instants, in order, and never early."""

import asyncio
import time
from functools import partial

import uvloop

from loadrunner.target.agenda import Agenda


async def _rung(delays_s: list[float]) -> list[tuple[float, float]]:
    """(the delay asked for, how late it rang) in the order of ringing."""
    agenda = Agenda(asyncio.get_running_loop())
    now_s = time.monotonic()
    rung: list[tuple[float, float]] = []

    def note(delay_s: float) -> None:
        rung.append((delay_s, time.monotonic() - now_s - delay_s))

    for delay_s in delays_s:
        agenda.at(now_s + delay_s, partial(note, delay_s))
    await asyncio.sleep(max(delays_s) + 0.05)
    agenda.close()
    return rung


def test_what_is_due_rings_in_order_and_never_before_its_time() -> None:
    rung = uvloop.run(_rung([0.03, 0.01, 0.0104, 0.02]))
    assert [delay for delay, _ in rung] == [0.01, 0.0104, 0.02, 0.03]
    assert all(0 <= late < 0.02 for _, late in rung)


def test_one_callback_that_fails_does_not_keep_the_others_from_their_time() -> None:
    def fail() -> None:
        raise ZeroDivisionError("division by zero")

    async def ring_both() -> list[str]:
        loop = asyncio.get_running_loop()
        told: list[str] = []
        loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))
        agenda = Agenda(loop)
        agenda.at(time.monotonic() + 0.005, fail)
        agenda.at(time.monotonic() + 0.010, lambda: told.append("the other"))
        await asyncio.sleep(0.05)
        agenda.close()
        return told

    assert uvloop.run(ring_both()) == ["division by zero", "the other"]
