"""`loadrunner upload SPOOL|FILE`: send a run's raw results to a portal."""

import argparse
from pathlib import Path

from loadrunner.commands.destination import add_destination, door_of, send
from loadrunner.errors import UsageError
from loadrunner.labels import add_labels
from loadrunner.result_files import AUTO, KINDS, NATIVE, is_spool
from runs.formats import detection, spool
from runs.formats.errors import FormatError
from runs.formats.source import Source


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "upload",
        help="send a run's raw results to a portal",
        description="Sends a spool, or the result file of another tool, to a portal. Doing it "
        "twice is harmless; what is there already is not sent again. The token comes from "
        "HEADROOM_TOKEN.",
        epilog="exit status: 0 sent, 2 bad usage, 7 the upload failed; with --wait also 3, 4, 8",
    )
    parser.add_argument(
        "source", type=Path, metavar="SPOOL|FILE", help="what 'run' or another tool wrote"
    )
    parser.add_argument(
        "--as", dest="kind", choices=KINDS, default=AUTO, help="what SOURCE is; default: auto"
    )
    add_labels(parser)
    parser.add_argument("--on-inconclusive", choices=("pass", "fail"), default="exit")
    add_destination(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    door = door_of(arguments)
    if door is None:
        raise UsageError("upload needs --portal URL and --project SLUG.")
    source: Path = arguments.source
    if not is_spool(source) and arguments.kind != NATIVE:
        _check_shape(source, arguments.kind)
        return send(source, door, arguments, kind=arguments.kind)
    folder = source.parent if source.name == spool.MANIFEST else source
    if not (folder / spool.MANIFEST).is_file():
        raise UsageError(f"{source} is not a spool: it holds no manifest.json.")
    return send(folder, door, arguments)


def _check_shape(path: Path, kind: str) -> None:
    """A file that no reader knows is not sent in the first place."""
    try:
        detection.reader_of(Source(path), kind)
    except FormatError as error:
        raise UsageError(str(error)) from error
