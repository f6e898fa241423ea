"""`loadrunner run CAMPAIGN`: execute a campaign, report on it, upload it."""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console

from loadrunner import exits
from loadrunner.campaign.model import Campaign
from loadrunner.campaign.options import add_options, campaign_of
from loadrunner.commands.destination import add_destination, door_of, send
from loadrunner.debugging import debug
from loadrunner.errors import UsageError
from loadrunner.execution import Execution, Options, default_folder, execute
from loadrunner.labels import labels_of
from loadrunner.rendering import junit, markdown, text


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "run",
        help="execute a campaign and judge it",
        description="Executes a campaign: pre-flight, set-up, load, report. The raw results stay "
        "in the spool folder; with --portal they are uploaded too.",
        epilog="exit status: 0 passed, 2 bad usage or campaign, 3 a criterion failed, 4 the run "
        "is not valid, 5 a safety guard refused, 6 target out of reach, 7 upload failed, "
        "8 inconclusive, 130 and 143 interrupted",
    )
    add_options(parser)
    add_run_options(parser)
    parser.add_argument(
        "--debug",
        action="store_true",
        help="send one journey of each scenario and print every request and answer",
    )
    parser.set_defaults(run=run)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """What `run` and `hit` have in common."""
    parser.add_argument("--out", type=Path, metavar="DIR", help="the spool folder, a new one")
    parser.add_argument("--seed", type=int, metavar="N", help="repeat the arrivals and data of N")
    parser.add_argument("--workers", type=_workers, default=1, metavar="N", help="load processes")
    parser.add_argument("--label", action="append", default=[], metavar="K=V", dest="labels")
    parser.add_argument("--junit", type=Path, metavar="F", help="write the criteria as JUnit XML")
    parser.add_argument("--markdown", type=Path, metavar="F", help="write the report as Markdown")
    parser.add_argument(
        "--on-inconclusive",
        choices=("pass", "fail"),
        default="exit",
        help="how an inconclusive verdict counts (default: exit status 8)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, no summary")
    add_destination(parser)


def run(arguments: argparse.Namespace) -> int:
    campaign = campaign_of(arguments)
    if arguments.debug:
        return debug(campaign, Console())
    return carry_out(campaign, arguments)


def carry_out(campaign: Campaign, arguments: argparse.Namespace) -> int:
    """Execute, tell, upload; the exit code of it all."""
    console = Console(stderr=True)
    door = door_of(arguments)
    options = Options(
        out=arguments.out or default_folder(campaign),
        workers=arguments.workers,
        seed=arguments.seed,
        labels=labels_of(arguments.labels),
        quiet=arguments.quiet,
    )
    execution = execute(campaign, options, console)
    _tell(campaign, execution, arguments)
    codes = [exits.of_verdict(execution.report.verdict, arguments.on_inconclusive)]
    if door is not None:
        codes.append(send(execution.folder, door, arguments))
    if execution.interrupted_by is not None:
        return exits.of_signal(execution.interrupted_by)
    return exits.first(*codes)


def _tell(campaign: Campaign, execution: Execution, arguments: argparse.Namespace) -> None:
    report = execution.report
    if arguments.junit:
        _write(arguments.junit, junit.render(report))
    if arguments.markdown:
        _write(arguments.markdown, markdown.render(report))
    if arguments.quiet:
        print(f"verdict: {report.verdict}", file=sys.stderr)
        return
    summary = text.summary(report)
    left_out = [f"Left out: {name} ({reason})" for name, reason in campaign.skipped.items()]
    left_out += [f"Note: {note}" for note in campaign.notes]
    where = f"Raw results: {execution.folder}{os.sep}"
    print("\n".join([summary, *left_out, where]))


def _write(path: Path, document: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error


def _workers(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of workers from 1 to 64")
    return int(text)
