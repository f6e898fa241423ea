"""The flags that every command with a campaign takes, and the campaign they lead to."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from loadrunner.campaign import environment_file
from loadrunner.campaign.file import load
from loadrunner.campaign.model import Campaign
from loadrunner.errors import UsageError


def add_options(parser: argparse.ArgumentParser) -> None:
    """CAMPAIGN and the flags that decide what of it is meant."""
    parser.add_argument(
        "campaign", type=Path, nargs="?", metavar="CAMPAIGN", help="the campaign file (YAML)"
    )
    group = parser.add_argument_group("what of the campaign")
    group.add_argument(
        "--set",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help="values for ${NAME} in the campaign",
    )
    group.add_argument(
        "--env-file",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a file of NAME=VALUE lines; the environment's own names win over it",
    )
    group.add_argument(
        "--scenario",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help="only these scenarios",
    )
    group.add_argument(
        "--smoke",
        action="store_true",
        help="the short run of the smoke section, without destructive scenarios",
    )
    group.add_argument(
        "--allow-destructive",
        action="store_true",
        help="include the scenarios that the campaign marks as destructive",
    )


def campaign_of(args: argparse.Namespace) -> Campaign:
    """The campaign that the flags of `add_options` mean, with the process's environment."""
    file = _file(args)
    return load(
        file,
        settings(args.settings),
        {**from_files(args.env_file), **os.environ},
        smoke=args.smoke,
        scenarios=args.scenario,
        allow_destructive=args.allow_destructive,
    )


def _file(args: argparse.Namespace) -> Path:
    """CAMPAIGN, also where a flag that takes several values has swallowed it, as in
    `--scenario chat campaign.yaml`: it is then that flag's last value."""
    if args.campaign is not None:
        return Path(args.campaign)
    for values in vars(args).values():
        if isinstance(values, list) and values and Path(str(values[-1])).is_file():
            return Path(str(values.pop()))
    raise UsageError("No campaign file is given. Name one, such as examples/critical-flows.yaml.")


def settings(pairs: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE pairs by name; a later one wins."""
    values = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise UsageError(
                f"--set {name or pair} is not NAME=VALUE, such as"
                " --set TARGET_URL=http://127.0.0.1:8900."
            )
        values[name] = value
    return values


def from_files(files: Sequence[Path]) -> dict[str, str]:
    values: dict[str, str] = {}
    for file in files:
        values |= environment_file.read(file)
    return values
