"""A worker's precedence on its core: it does little, but what it does must not wait.

Two means, each as far as the system grants it. A negative niceness, which it grants to root alone,
is a greater share. A short time slice, which Linux grants to everybody from 6.12 on, asks for the
core more often and for less at a time: a process with a shorter slice than the one that runs takes
over when it wakes, instead of waiting until the other's slice (3 ms) is used up.
"""

import ctypes
import os
import platform
import struct
import sys
from contextlib import suppress
from typing import Final

_NICENESS: Final = -10
# The least that Linux takes.
_SLICE_NS: Final = 100_000
# struct sched_attr: size, policy, flags, niceness, priority, runtime, deadline, period.
_ATTRIBUTES: Final = struct.Struct("IIQiIQQQ")
_ORDINARY: Final = 0  # SCHED_OTHER, of which the runtime is the slice
_SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274, "riscv64": 274}


def come_first() -> None:
    """Ask for both for this process; what is refused is done without."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    with suppress(OSError, AttributeError):
        _ask_for_short_slices()


def _ask_for_short_slices() -> None:
    call = _SCHED_SETATTR.get(platform.machine())
    if sys.platform != "linux" or call is None:
        return
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    size = _ATTRIBUTES.size
    asked = _ATTRIBUTES.pack(size, _ORDINARY, 0, niceness, 0, _SLICE_NS, 0, 0)
    # A system that refuses says so in a return code, and goes on as before.
    ctypes.CDLL(None).syscall(ctypes.c_long(call), 0, ctypes.c_char_p(asked), 0)
