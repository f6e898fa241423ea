"""The exit codes of `run`, `hit` and `upload --wait`, as the contract numbers them."""

import signal
from typing import Final, Literal

DONE: Final = 0
FAULT: Final = 1
CRITERION_FAILED: Final = 3
NOT_VALID: Final = 4
REFUSED: Final = 5
UPLOAD_FAILED: Final = 7
INCONCLUSIVE: Final = 8

OnInconclusive = Literal["exit", "pass", "fail"]


def of_verdict(verdict: str, on_inconclusive: OnInconclusive = "exit") -> int:
    """What a verdict means for whoever called."""
    if verdict == "inconclusive":
        return {"exit": INCONCLUSIVE, "pass": DONE, "fail": CRITERION_FAILED}[on_inconclusive]
    return {"fail": CRITERION_FAILED, "invalid": NOT_VALID}.get(verdict, DONE)


def of_signal(number: signal.Signals) -> int:
    """As shells have it: 130 for SIGINT, 143 for SIGTERM."""
    return 128 + number.value


def first(*codes: int) -> int:
    """Where several hold, the one that stands first in the contract."""
    order = (2, REFUSED, 6, NOT_VALID, CRITERION_FAILED, UPLOAD_FAILED, INCONCLUSIVE, FAULT, DONE)
    return min(codes, key=order.index)
