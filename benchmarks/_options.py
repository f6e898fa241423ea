"""The flags that all benchmarks share."""

import argparse
import math
from dataclasses import dataclass

from benchmarks._calm import Calm


@dataclass(frozen=True)
class Options:
    """How long and how often; `port` is the first of a handful that are taken."""

    rounds: int
    seconds: float
    port: int
    as_json: bool
    wait_quiet_s: float
    calm: Calm
    given: argparse.Namespace


def parser(doc: str | None, *, rounds: int, seconds: float) -> argparse.ArgumentParser:
    """A parser whose help is the script's own description."""
    made = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--rounds", type=int, default=rounds, help=f"default {rounds}")
    made.add_argument("--seconds", type=float, default=seconds, help=f"of load, default {seconds}")
    made.add_argument("--quick", action="store_true", help="one short round: does it work at all?")
    made.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    made.add_argument("--port", type=int, default=18650, help="the server's port, default 18650")
    made.add_argument(
        "--wait-quiet",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="wait up to so long for a load average under 1 before measuring",
    )
    made.add_argument(
        "--calm",
        type=float,
        default=0.25,
        metavar="CORES",
        help="measure again (three times at most) what others took more than so much of; "
        "default 0.25",
    )
    return made


def options_of(parser: argparse.ArgumentParser) -> Options:
    """The command line; --quick overrules rounds and seconds."""
    given = parser.parse_args()
    return Options(
        rounds=1 if given.quick else max(1, given.rounds),
        seconds=min(2.0, given.seconds) if given.quick else given.seconds,
        port=given.port,
        as_json=given.json,
        wait_quiet_s=given.wait_quiet,
        calm=Calm(math.inf if given.quick else given.calm),
        given=given,
    )
