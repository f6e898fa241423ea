"""`loadrunner target`: the reference target, or the truth about it."""

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from loadrunner.errors import UsageError
from loadrunner.target import settings, truth

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_EPILOG = """\
Each setting is a flag and an environment variable; the flag goes first. docs/target.md explains
them. The truth is printed for the settings given: --truth --db-pool 8 shows what 8 connections
would do.
"""


def add(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "target",
        help="serve the reference target, whose capacity is known",
        description="Serves a small HTTP service whose capacity is known, until it is ended.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--truth", action="store_true", help="print the capacity of each flow, and do not serve"
    )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="how --truth prints"
    )
    parser.add_argument(
        "--users",
        type=int,
        default=50,
        metavar="N",
        help="how many users --truth assumes, each with a limit of their own (default 50)",
    )
    _add_settings(parser.add_argument_group("settings"))
    parser.set_defaults(run=run)


def _add_settings(group: argparse._ArgumentGroup) -> None:
    for setting in settings.SETTINGS:
        if setting.flag is not None:
            text = f"{setting.meaning} ({setting.env}, default {setting.shown_default})"
            group.add_argument(
                setting.flag, dest=setting.name, metavar="VALUE", help=text.replace("%", "%%")
            )


def run(args: argparse.Namespace) -> int:
    """0; UsageError for a setting that cannot be, and where the port is taken."""
    flags = {setting.name: getattr(args, setting.name, None) for setting in settings.SETTINGS}
    chosen = settings.read(flags, os.environ)
    if args.truth:
        sys.stdout.write(_truth(chosen, args.users, args.format))
        return 0
    # uvloop and httptools are wanted by none of the other commands' help.
    from loadrunner.target import serving

    serving.serve(chosen, _say_ready)
    return 0


def _truth(chosen: settings.TargetSettings, users: int, form: str) -> str:
    if users < 1:
        raise UsageError(f"--users is {users}; it must be a whole number from 1.")
    truths = truth.of(chosen, users)
    if form == "json":
        return json.dumps(truth.as_document(truths), indent=2) + "\n"
    return truth.as_text(truths)


def _say_ready(base_url: str) -> None:
    sys.stdout.write(f"The reference target listens on {base_url}\n")
    sys.stdout.flush()
