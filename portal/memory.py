"""How this process hands memory back to the system.

Processing a run takes large arrays for seconds. The C library and the allocator of polars would
keep what is freed for their next user, in as many places as there are threads, so that the portal
would stay as large as its largest run ever made it, and grow beyond what that run needs.
"""

import ctypes
import os
import sys
from typing import Final

# Of mallopt(3): from which size on memory is mapped, and so handed back at once; how much at the
# end of the heap may be free before it is; and in how many arenas threads allocate.
_MMAP_THRESHOLD: Final = -3
_TRIM_THRESHOLD: Final = -1
_ARENA_MAX: Final = -8
# Blocks of 4 MB are read one after the other: fetching each anew from the system would cost an
# eighth of the time that a run takes to come in.
_KEPT: Final = 8 << 20
_ARENAS: Final = 2


def hand_back() -> None:
    """To be called before polars is loaded, which reads its part from the environment."""
    conf = f"narenas:{_ARENAS},dirty_decay_ms:100,muzzy_decay_ms:0"
    os.environ.setdefault("_RJEM_MALLOC_CONF", conf)
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    # musl has neither arenas nor this function.
    if hasattr(library, "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, _KEPT)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)
        library.mallopt(_ARENA_MAX, _ARENAS)
