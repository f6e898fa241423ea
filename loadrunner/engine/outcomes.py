"""Which outcome an answer's status means for a step: looked up, not decided, on the hot path."""

from loadrunner.campaign.model import Step
from loadrunner.engine.record import CHECK_FAILED, CLIENT_ERROR, OK, REFUSED, SERVER_ERROR

# Only the Retry-After header can tell whether this one is a refusal.
UNDECIDED = -1
_STATUSES = 1000


def table(step: Step) -> tuple[int, ...]:
    """The outcome of each status from 0 to 999; a refusal wins over an expected status."""
    return tuple(_outcome(status, step) for status in range(_STATUSES))


def _outcome(status: int, step: Step) -> int:
    if status in step.refusals:
        return REFUSED
    if status in step.expect:
        return OK
    if status == 503:
        return UNDECIDED
    return unexpected(status)


def unexpected(status: int) -> int:
    """The class of an answer that was neither expected nor a refusal."""
    if 400 <= status < 500:
        return CLIENT_ERROR
    return SERVER_ERROR if 500 <= status < 600 else CHECK_FAILED
