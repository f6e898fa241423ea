"""`loadrunner cleanup SPOOL`: send the requests by which the campaign undoes what a run made."""

import argparse
import os
import sys
from pathlib import Path

from loadrunner import preflight, session
from loadrunner.campaign.file import load
from loadrunner.campaign.model import Campaign
from loadrunner.campaign.options import from_files, settings
from loadrunner.campaign.scenarios import RUN_ID
from loadrunner.errors import UsageError
from loadrunner.identities import header_of, obtain
from loadrunner.past_run import PastRun, past_run
from loadrunner.preflight import Consent
from loadrunner.redaction import Redaction
from loadrunner.session import SetupError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "cleanup",
        help="undo what a run made, as its campaign says",
        description="Sends the requests of the campaign's cleanup section, in order, to the target"
        " of a run. A spool holds neither secrets nor --set values: give those that the run had.",
        epilog="exit status: 0 all were answered as expected, 1 one was not, 2 bad usage,"
        " 5 a safety guard refused, 6 target out of reach",
    )
    parser.add_argument("spool", type=Path, metavar="SPOOL", help="the spool folder of the run")
    parser.add_argument("--campaign", type=Path, metavar="FILE", help="where the file is now")
    parser.add_argument(
        "--set", action="extend", nargs="+", default=[], metavar="NAME=VALUE", dest="settings"
    )
    parser.add_argument("--env-file", action="append", default=[], type=Path, metavar="FILE")
    parser.add_argument("--confirm-host", metavar="HOST", help="as with run")
    parser.add_argument(
        "--force", action="store_true", help="though the campaign file has changed since"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0, or 1 where something may be left; what was answered otherwise is told on stderr."""
    past = past_run(arguments.spool)
    campaign = _campaign(past, arguments)
    if not campaign.cleanup:
        print(f"{campaign.file} has no cleanup section: nothing was sent.")
        return 0
    addresses = preflight.passed(campaign, Consent(arguments.confirm_host))
    failures = _undo(campaign, addresses[0], past.manifest.run_id)
    for failure in failures:
        print(f"loadrunner: {failure}", file=sys.stderr)
    if failures:
        print(f"Something of run {past.manifest.run_id} may be left.", file=sys.stderr)
    return 1 if failures else 0


def _campaign(past: PastRun, arguments: argparse.Namespace) -> Campaign:
    """The campaign that the run was made with, for the same target."""
    campaign = load(
        past.campaign_file(arguments.campaign),
        settings(arguments.settings),
        {**from_files(arguments.env_file), **os.environ},
        allow_destructive=True,
    )
    past.check_same(campaign, force=arguments.force)
    if past.base_url not in (None, campaign.target.base_url):
        raise UsageError(
            f"The run went to {past.base_url}, and the campaign means {campaign.target.base_url}"
            " now. Nothing was sent. Give the --set and environment that the run had."
        )
    return campaign


def _undo(campaign: Campaign, address: str, run_id: str) -> list[str]:
    """What went wrong. Each request is sent, whatever came of those before it."""
    failures = []
    redact = Redaction(campaign.secrets)
    with session.client(campaign, address) as client:
        names = {one.identity for one in campaign.cleanup if one.identity is not None}
        with session.redacted(campaign):
            credentials = obtain(campaign, names, client)
        for request in campaign.cleanup:
            headers = header_of(credentials, request.identity)
            try:
                session.send(request, client, headers, what="cleanup", known={RUN_ID: run_id})
                print(f"Done: {request.name}")
            except SetupError as error:
                failures.append(redact(str(error)))
    return failures
