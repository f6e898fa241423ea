"""`loadrunner plan CAMPAIGN`: what would be sent, without sending it."""

import argparse
import json
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from loadrunner import ceiling
from loadrunner.campaign.forecast import forecast
from loadrunner.campaign.mix import shares
from loadrunner.campaign.model import Campaign
from loadrunner.campaign.options import add_options, campaign_of
from loadrunner.campaign.picture import text

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "plan",
        help="show what a campaign would send, without sending it",
        description="Shows the phases, rates and counts of a campaign. Nothing is contacted.",
    )
    add_options(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0; what is wrong with the campaign is raised."""
    campaign = campaign_of(args)
    if warning := ceiling.warning(campaign):
        campaign = replace(campaign, notes=(*campaign.notes, warning))
    if args.format == "json":
        sys.stdout.write(json.dumps(document(campaign), indent=2) + "\n")
    else:
        sys.stdout.write(text(campaign, forecast(campaign), sys.stdout.encoding or "ascii"))
    return 0


def document(campaign: Campaign) -> dict[str, Any]:
    """The plan for machines: times in seconds, rates per second, unknown counts null."""
    plan = asdict(forecast(campaign))
    phases = plan.pop("phases")
    return {
        "campaign": campaign.name,
        "file": str(campaign.file),
        "target": campaign.target.base_url,
        "smoke": campaign.is_smoke,
        "mix": {name: float(share) for name, share in shares(campaign.mix).items()},
        **plan,
        "phases": list(phases),
        "criteria": list(campaign.criteria),
        "skipped": dict(campaign.skipped),
        "notes": list(campaign.notes),
    }
