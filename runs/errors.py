"""What the warehouse and its door raise; the edge (portal/api.py) turns each into its status.

PortalError               every refusal, worded for the caller
├── NotFoundError         no such thing, or none that this caller may see
├── ForbiddenError        it is there, and this caller may not
├── ConflictError         it stands against what is there already
├── RefusedError          it was understood and is wrong
├── LengthRequiredError   a body that does not say how long it is
├── TooLargeError         a body beyond the published limits
└── TooManyError          more calls than the published limit; it says when to come again
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: where (a key's path, a header, a file) and what."""

    at: str
    message: str


class PortalError(Exception):
    """`code` is for machines, `detail` a sentence for people, `faults` the single reasons."""

    status: ClassVar[int] = 400

    def __init__(self, code: str, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.faults = tuple(faults)


class NotFoundError(PortalError):
    status = 404


class ForbiddenError(PortalError):
    status = 403


class ConflictError(PortalError):
    status = 409


class RefusedError(PortalError):
    status = 422


class LengthRequiredError(PortalError):
    status = 411


class TooLargeError(PortalError):
    status = 413


class TooManyError(PortalError):
    """`retry_after_s` is how long to wait before the call is made again."""

    status = 429

    def __init__(self, code: str, detail: str, retry_after_s: int) -> None:
        super().__init__(code, detail)
        self.retry_after_s = retry_after_s


Forbidden, NotFound = ForbiddenError, NotFoundError
