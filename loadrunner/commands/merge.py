"""`loadrunner merge SPOOL… --out DIR`: one run from the spools of several machines."""

import argparse
import sys
from pathlib import Path

from loadrunner.merging import merge
from runs.analysis.wording import plural


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "merge",
        help="make one run of the spools of several machines",
        description="Puts runs of one campaign that several machines made at the same time onto"
        " one clock. The machines' own clocks must agree.",
    )
    parser.add_argument("spools", nargs="+", type=Path, metavar="SPOOL", help="spool folders")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a new folder")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0; UsageError and FormatError where they cannot be merged."""
    manifest, notes = merge(arguments.spools, arguments.out)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    samples = sum(segment.samples for segment in manifest.segments)
    print(
        f"{plural(len(arguments.spools), 'run')} with {plural(samples, 'sample')} are now run"
        f" {manifest.run_id} in {arguments.out}"
    )
    return 0
