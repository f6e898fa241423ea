"""The ten ways in which a request can end, and what each counts as."""

from typing import Final

# The first that holds; in this order.
OUTCOMES: Final = (
    "dropped",
    "generator_error",
    "connection_error",
    "timeout",
    "cut",
    "refused",
    "client_error",
    "server_error",
    "check_failed",
    "ok",
)
UNSENT: Final = ("dropped", "generator_error")
FAILED: Final = ("client_error", "server_error", "timeout", "connection_error", "check_failed")
ANSWERED: Final = ("refused", "client_error", "server_error", "check_failed", "ok")

# By what a status of 4xx or 5xx counts as unexpected: `ok` and `refused` were declared by the step,
# and so was a `check_failed` with such a status: an expected answer whose check failed.
UNDECLARED: Final = ("client_error", "server_error", "timeout", "connection_error")
# What the headline's percentiles leave out of what was due.
UNRANKED: Final = ("refused", "generator_error")
