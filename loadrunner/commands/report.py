"""`loadrunner report`: what a run's results say, in the form that the reader wants."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loadrunner.rendering import csv, html, junit, markdown, text
from loadrunner.rendering.terminal import Terminal
from loadrunner.result_files import AUTO, KINDS, read_report
from runs.analysis.report import Report
from runs.formats import report_json

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_EPILOG = """\
docs/reading-results.md explains every figure. Relative criteria such as '0.8 * baseline' are
judged against the spool, or the folder of repeats, that --baseline names.
"""


def add(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "report",
        help="show what a run's results say",
        description="Reads a spool, or a report that was kept, and writes the report to standard"
        " output. Nothing is sent anywhere.",
        epilog=_EPILOG,
    )
    parser.add_argument("source", type=Path, metavar="SPOOL|FILE", help="what 'run' wrote")
    parser.add_argument(
        "--format", choices=tuple(_RENDERERS), default="text", help="default: %(default)s"
    )
    parser.add_argument(
        "--as", dest="kind", choices=KINDS, default=AUTO, help="what SOURCE is; default: auto"
    )
    parser.add_argument(
        "--baseline", type=Path, metavar="SPOOL", help="the run that criteria are relative to"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 once the document is written; UsageError where the source cannot be read."""
    report, notes = read_report(args.source, args.kind, args.baseline)
    for note in notes:
        sys.stderr.write(f"note: {note}\n")
    Terminal.of(sys.stdout).write(_RENDERERS[args.format](report))
    return 0


def _as_text(report: Report) -> str:
    terminal = Terminal.of(sys.stdout)
    return text.render(report, width=terminal.width, colour=terminal.has_colour)


def _as_json(report: Report) -> str:
    return json.dumps(report_json.dump(report), indent=1, ensure_ascii=False) + "\n"


_RENDERERS: Final[Mapping[str, Callable[[Report], str]]] = {
    "text": _as_text,
    "json": _as_json,
    "markdown": markdown.render,
    "html": html.render,
    "junit": junit.render,
    "csv": csv.render,
}
