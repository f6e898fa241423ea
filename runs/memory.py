"""Handing memory back to the system while a large run is processed.

The C library keeps what is freed between what is not, and arrays that come and go leave holes of
all sizes, which nothing else would use.
"""

import ctypes
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import polars as pl

_EVERY: Final = 1_000_000  # samples
# Of mallopt(3): from which size on memory is mapped, and so handed back at once. The usual one is
# that of portal.memory.
_MMAP_THRESHOLD: Final = -3
_USUAL: Final = 8 << 20
_SMALL: Final = 1 << 20


def trim() -> None:
    """Hand back what is free anywhere; costs milliseconds. Elsewhere than with glibc: nothing."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@contextmanager
def handed_back_at_once() -> Iterator[None]:
    """Inside, arrays of a megabyte go back the moment they are let go: less memory, more time."""
    library = _glibc()
    if library is not None:
        library.mallopt(_MMAP_THRESHOLD, _SMALL)
    try:
        yield
    finally:
        if library is not None:
            library.mallopt(_MMAP_THRESHOLD, _USUAL)


def trimmed(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames as they come, and what reading them left behind handed back now and then."""
    rows = 0
    for frame in frames:
        yield frame
        rows += frame.height
        if rows >= _EVERY:
            trim()
            rows = 0


def _glibc() -> ctypes.CDLL | None:
    """None where there is another C library, such as musl."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None
