"""An alarm on the monotonic clock, as exact as the system allows.

On Linux a timerfd wakes the loop. A process that sleeps is woken a while after its timer rang, some
25 us where a virtual machine's core had gone idle: so the timer is set ahead by as much as that
usually takes, and who wakes too soon waits the rest out awake. Elsewhere the loop's own timers
stand in, which are a millisecond coarse; `Alarm.exact` says which one it is.
"""

import asyncio
import ctypes
import os
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from time import monotonic_ns

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_ABSOLUTE = 1
_ITIMERSPEC = struct.Struct("qqqq")  # interval s, ns; value s, ns
_pack_into = _ITIMERSPEC.pack_into
# Who has less time than this will hardly fall asleep, and is not to be kept from its work either.
_SLEEPS_NS = 100_000
# The lead follows the usual delay by such steps, and is never greater.
_STEP_NS = 500
_MOST_LEAD_NS = 50_000


class TimerfdAlarm:
    """Calls back when an absolute instant of CLOCK_MONOTONIC (in ns) has come, never before it."""

    exact = True

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        # Without letting go of the interpreter, which costs more than the call: it never waits.
        libc = ctypes.PyDLL(None, use_errno=True)
        self._fd = libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._settime = libc.timerfd_settime
        self._spec = ctypes.create_string_buffer(_ITIMERSPEC.size)
        self._spec_at = ctypes.c_void_p(ctypes.addressof(self._spec))
        self._has_expired = False
        self._at_ns = self._lead_ns = 0
        self._has_lead = False
        self._loop = loop
        self._callback = callback
        loop.add_reader(self._fd, self._fired)

    def set(self, at_ns: int) -> None:
        self._at_ns = at_ns
        self._has_lead = at_ns - monotonic_ns() > _SLEEPS_NS
        if self._has_lead:
            at_ns -= self._lead_ns
        # A value of zero would disarm it.
        at_ns = max(at_ns, 1)
        _pack_into(self._spec, 0, 0, 0, at_ns // 1_000_000_000, at_ns % 1_000_000_000)
        self._settime(self._fd, _ABSOLUTE, self._spec_at, None)
        self._has_expired = False

    def _fired(self) -> None:
        self._has_expired = True
        if self._has_lead:
            self._wait_out()
        self._callback()
        # Setting the alarm anew has emptied the descriptor, and then there is nothing to read.
        if self._has_expired:
            with suppress(BlockingIOError):
                os.read(self._fd, 8)

    def _wait_out(self) -> None:
        """Until the instant, and learn: half of the wake-ups come too soon, so that the lead is the
        usual delay. (What rings although it has been set anew is not waited for.)"""
        at_ns = self._at_ns
        left_ns = at_ns - monotonic_ns()
        if left_ns <= 0:
            self._lead_ns = min(self._lead_ns + _STEP_NS, _MOST_LEAD_NS)
        elif left_ns <= _MOST_LEAD_NS:
            self._lead_ns = max(self._lead_ns - _STEP_NS, 0)
            while monotonic_ns() < at_ns:
                pass

    def close(self) -> None:
        self._has_expired = False
        self._loop.remove_reader(self._fd)
        os.close(self._fd)


class LoopAlarm:
    """The same by the loop's own timers."""

    exact = False

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at_ns: int) -> None:
        self.close()
        delay_s = (at_ns - monotonic_ns()) / 1e9
        self._handle = self._loop.call_later(max(delay_s, 0.0), self._callback)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()


Alarm = TimerfdAlarm | LoopAlarm


def is_exact() -> bool:
    """Whether this system has the exact alarm. LOADRUNNER_NO_TIMERFD=1 says that it has not."""
    if sys.platform != "linux" or "LOADRUNNER_NO_TIMERFD" in os.environ:
        return False
    return hasattr(ctypes.CDLL(None), "timerfd_create")


def alarm(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> Alarm:
    """The best alarm that this system has."""
    if is_exact():
        with suppress(OSError):
            return TimerfdAlarm(loop, callback)
    return LoopAlarm(loop, callback)
