"""`loadrunner validate CAMPAIGN`: is the file right, and what does it hold."""

import argparse
import sys
from typing import TYPE_CHECKING

from loadrunner.campaign.mix import in_words
from loadrunner.campaign.model import Campaign, DataSet, Identity
from loadrunner.campaign.options import add_options, campaign_of
from runs.analysis.wording import plural

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "validate",
        help="check a campaign file without contacting anything",
        description="Checks a campaign file whole and says what it holds. Nothing is contacted."
        " Exits 2 where the file is wrong, 5 where its host may not be loaded.",
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0; what is wrong is raised."""
    campaign = campaign_of(args)
    sys.stdout.write(summary(campaign))
    return 0


def summary(campaign: Campaign) -> str:
    """What the campaign holds, a line for each kind of thing."""
    steps = sum(len(one.steps) for one in campaign.scenarios)
    rows = [
        ("target", f"{campaign.target.base_url} (may load {', '.join(campaign.target.allow)})"),
        ("scenarios", f"{_names(campaign)} ({plural(steps, 'step')})"),
        ("functions", ", ".join(f"{name} of {file}" for file, name in campaign.functions)),
        ("mix", in_words(campaign)),
        ("identities", ", ".join(_identity(one) for one in campaign.identities.values())),
        ("data", ", ".join(_data(one) for one in campaign.data.values())),
        ("setup", ", ".join(one.name for one in campaign.setup)),
        (
            "probes",
            ", ".join(f"{p.name} ({plural(len(p.metrics), 'metric')})" for p in campaign.probes),
        ),
        *(("criterion", text) for text in campaign.criteria),
        *(("left out", f"{name}: {reason}") for name, reason in campaign.skipped.items()),
        *(("note", note) for note in campaign.notes),
    ]
    lines = [f"  {title:<11} {text}" for title, text in rows if text]
    return "\n".join([f"{campaign.file} is valid: campaign {campaign.name}.", *lines, ""])


def _names(campaign: Campaign) -> str:
    return ", ".join(one.name for one in campaign.scenarios)


def _identity(identity: Identity) -> str:
    if identity.login:
        return f"{identity.name} ({plural(identity.count, 'login')})"
    return f"{identity.name} (header {identity.header})"


def _data(data: DataSet) -> str:
    return f"{data.name} ({plural(len(data.rows), 'row')} of {', '.join(data.columns)})"
