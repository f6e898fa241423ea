"""The flags of runs that are made again and again, and what they mean."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from loadrunner.campaign.quantities import duration_s
from loadrunner.errors import UsageError

MOST: Final = 100
UNTIL_DECIDED: Final = 10  # runs at the most where nothing else is said


@dataclass(frozen=True)
class Plan:
    """`most` runs (of each side), none of them begun that would end later than `max_s` after the
    first; with `until_decided` they end as soon as every verdict stands."""

    most: int
    until_decided: bool
    max_s: float | None


def add_repeats(parser: argparse.ArgumentParser, what: str) -> None:
    group = parser.add_argument_group("repeats")
    group.add_argument("--repeat", type=_count, metavar="N", help=f"how many {what}")
    group.add_argument(
        "--until-decided",
        action="store_true",
        help="end as soon as no verdict is open; --repeat is then the most (default 10)",
    )
    group.add_argument(
        "--max",
        type=_of(duration_s),
        dest="max_s",
        metavar="15m",
        help="begin no run that would end later than this",
    )


def plan_of(arguments: argparse.Namespace, default: int | None = None) -> Plan | None:
    """None where the flags ask for one run and no more."""
    if arguments.repeat is None and not arguments.until_decided and default is None:
        if arguments.max_s is not None:
            raise UsageError("--max needs --repeat N or --until-decided: a run lasts as planned.")
        return None
    usual = UNTIL_DECIDED if arguments.until_decided else default
    most = arguments.repeat if arguments.repeat is not None else usual
    return Plan(most or 1, arguments.until_decided, arguments.max_s)


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of runs from 1 to {MOST}")
    return int(text)


def _of(reader: Callable[[object], float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            return reader(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read
