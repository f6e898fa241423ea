"""`loadrunner upload SPOOL`: send a run's raw results to a portal."""

import argparse
from pathlib import Path

from loadrunner.commands.destination import add_destination, door_of, send
from loadrunner.errors import UsageError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "upload",
        help="send a run's raw results to a portal",
        description="Sends a spool to a portal. Doing it twice is harmless; what is there already "
        "is not sent again. The token comes from HEADROOM_TOKEN.",
        epilog="exit status: 0 sent, 2 bad usage, 7 the upload failed; with --wait also 3, 4, 8",
    )
    parser.add_argument("source", type=Path, metavar="SPOOL", help="the spool folder")
    parser.add_argument("--label", action="append", default=[], metavar="K=V", dest="labels")
    parser.add_argument("--on-inconclusive", choices=("pass", "fail"), default="exit")
    add_destination(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    door = door_of(arguments)
    if door is None:
        raise UsageError("upload needs --portal URL and --project SLUG.")
    if not (arguments.source / "manifest.json").is_file():
        raise UsageError(f"{arguments.source} is not a spool: it holds no manifest.json.")
    return send(arguments.source, door, arguments)
