"""Handing memory back to the system while a large run is processed.

The C library keeps what is freed between what is not, and blocks of text leave holes of all sizes:
after ten million samples a quarter of a gigabyte, which nothing else would use.
"""

import ctypes
import sys
from collections.abc import Iterable, Iterator
from typing import Final

import polars as pl

_EVERY: Final = 1_000_000  # samples


def trim() -> None:
    """Hand back what is free anywhere; costs milliseconds. Elsewhere than with glibc: nothing."""
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def trimmed(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames as they come, and what reading them left behind handed back now and then."""
    rows = 0
    for frame in frames:
        yield frame
        rows += frame.height
        if rows >= _EVERY:
            trim()
            rows = 0
