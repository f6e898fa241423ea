"""`loadrunner compare`: what differs between runs, and whether the difference is real."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loadrunner.errors import UsageError
from loadrunner.rendering import comparison as rendering
from loadrunner.rendering.terminal import Terminal
from loadrunner.result_files import AUTO, KINDS, read_group
from runs.analysis import comparison
from runs.analysis.comparison import MOST_RUNS, Comparison
from runs.formats import comparison_json

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "compare",
        help="hold runs against each other",
        description="Reads two to six runs and says what got better or worse against the first."
        " A folder of repeats, as `run --repeat` and `ab` leave it, is taken as one."
        " Nothing is sent anywhere.",
        epilog="docs/reading-results.md explains every figure.",
    )
    parser.add_argument(
        "sources",
        type=Path,
        nargs="+",
        metavar="SPOOL|FILE",
        help="the baseline first, then the runs, or folders of repeats, to hold against it",
    )
    parser.add_argument(
        "--format", choices=tuple(_RENDERERS), default="text", help="default: %(default)s"
    )
    parser.add_argument(
        "--as", dest="kind", choices=KINDS, default=AUTO, help="what the sources are; default: auto"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 once the document is written; UsageError where a source cannot be read."""
    if not 2 <= len(args.sources) <= MOST_RUNS:
        raise UsageError(f"compare takes 2 to {MOST_RUNS} runs; found {len(args.sources)}.")
    groups = []
    for source in args.sources:
        reports, notes = read_group(source, args.kind)
        groups.append(reports)
        for note in notes:
            sys.stderr.write(f"note: {source}: {note}\n")
    found = comparison.compare_groups(groups)
    Terminal.of(sys.stdout).write(_RENDERERS[args.format](found))
    return 0


def _as_text(comparison: Comparison) -> str:
    terminal = Terminal.of(sys.stdout)
    return rendering.as_text(comparison, width=terminal.width, colour=terminal.has_colour)


def _as_json(comparison: Comparison) -> str:
    return json.dumps(comparison_json.dump(comparison), indent=1, ensure_ascii=False) + "\n"


_RENDERERS: Final[Mapping[str, Callable[[Comparison], str]]] = {
    "text": _as_text,
    "json": _as_json,
    "markdown": rendering.as_markdown,
}
