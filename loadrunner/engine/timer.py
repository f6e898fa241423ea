"""An alarm on the monotonic clock, as exact as the system allows.

On Linux a timerfd wakes the loop within tens of microseconds of the set instant. Elsewhere the
loop's own timers stand in, which are a millisecond coarse; `Alarm.exact` says which one it is.
"""

import asyncio
import ctypes
import os
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_ABSOLUTE = 1
_ITIMERSPEC = struct.Struct("qqqq")  # interval s, ns; value s, ns
_pack_into = _ITIMERSPEC.pack_into


class TimerfdAlarm:
    """Calls back when an absolute instant of CLOCK_MONOTONIC (in ns) has come."""

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
        self._loop = loop
        self._callback = callback
        loop.add_reader(self._fd, self._fired)

    def set(self, at_ns: int) -> None:
        # A value of zero would disarm it.
        at_ns = max(at_ns, 1)
        _pack_into(self._spec, 0, 0, 0, at_ns // 1_000_000_000, at_ns % 1_000_000_000)
        self._settime(self._fd, _ABSOLUTE, self._spec_at, None)
        self._has_expired = False

    def _fired(self) -> None:
        self._has_expired = True
        self._callback()
        # Setting the alarm anew has emptied the descriptor, and then there is nothing to read.
        if self._has_expired:
            with suppress(BlockingIOError):
                os.read(self._fd, 8)

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
        delay_s = (at_ns - time.monotonic_ns()) / 1e9
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
