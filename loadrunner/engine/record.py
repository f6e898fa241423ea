"""How a sample travels from a worker to the coordinator: packed, without a word of text.

The worker packs one record a request; the coordinator makes frames of them (see frames.py). Times
are microseconds since the run's start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

import numpy as np

from runs.analysis.outcomes import OUTCOMES

NONE: Final = -1  # stands for null in every signed field

RECORD: Final = Struct("<HHqiBBBBqqiiqqqiiiiqqq")
DTYPE: Final = np.dtype(
    [
        ("step", "<u2"),  # index into Names.steps
        ("phase", "<u2"),  # index into Names.phases
        ("journey", "<i8"),
        ("user", "<i4"),
        ("attempt", "u1"),
        ("due_by", "u1"),
        ("outcome", "u1"),
        ("reused", "u1"),
        ("due_us", "<i8"),
        ("started_us", "<i8"),
        ("wait_us", "<i4"),
        ("connect_us", "<i4"),
        ("first_byte_us", "<i8"),
        ("ended_us", "<i8"),
        ("first_token_us", "<i8"),
        ("tokens", "<i4"),
        ("status", "<i4"),
        ("error", "<i4"),  # index into the worker's error texts
        ("retry_after_ms", "<i4"),
        ("bytes_out", "<i8"),
        ("bytes_in", "<i8"),
        ("trace", "<i8"),
    ]
)
DUE_BY: Final = ("plan", "previous")
PLAN, PREVIOUS = 0, 1

(
    DROPPED,
    GENERATOR_ERROR,
    CONNECTION_ERROR,
    TIMEOUT,
    CUT,
    REFUSED,
    CLIENT_ERROR,
    SERVER_ERROR,
    CHECK_FAILED,
    OK,
) = range(len(OUTCOMES))


@dataclass(frozen=True)
class Names:
    """What the indexes of a record stand for. `trace_prefix` is the run's half of a trace id."""

    steps: Sequence[tuple[str, str]]  # (scenario, step)
    phases: Sequence[str]
    trace_prefix: str
