"""Everything that must hold before a target is loaded, asked in this order: may its host be
loaded, may its addresses, does somebody mean it, has nobody pulled the stop file, is it there.

The name is looked up once. Nothing is connected to before the guards have let it pass.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadrunner import session
from loadrunner.addresses import reachable, resolved
from loadrunner.campaign.model import Campaign, Target
from loadrunner.campaign.safety import (
    IN_FILE,
    canonical,
    check_addresses,
    check_allowed,
    host_of,
    is_local,
)
from loadrunner.errors import SafetyError

WITH_FLAG: Final = "name {} with --allow"


@dataclass(frozen=True)
class Consent:
    """What the user says for the guards: `confirmed_host` as --confirm-host has it, the files of
    --stop-file, and how a host is allowed here (in the campaign, or with a flag)."""

    confirmed_host: str | None = None
    stop_files: tuple[Path, ...] = ()
    how_to_allow: str = IN_FILE


def passed(campaign: Campaign, consent: Consent) -> tuple[str, ...]:
    """The target's addresses, one that answers first. Raises SafetyError, UnreachableError."""
    target = campaign.target
    check_allowed(target, consent.how_to_allow)
    addresses = resolved(target.base_url)
    check_addresses(target, addresses, consent.how_to_allow)
    _confirm(target, addresses, consent.confirmed_host)
    _check_stop_files(stop_files(campaign, consent))
    addresses = reachable(target.base_url, addresses)
    session.greet(campaign, addresses[0])
    return addresses


def stop_files(campaign: Campaign, consent: Consent) -> tuple[Path, ...]:
    """The files that end a run when they appear: the campaign's, and those of the command."""
    own = campaign.target.stop_file
    return (*(() if own is None else (own,)), *consent.stop_files)


def _confirm(target: Target, addresses: Sequence[str], confirmed: str | None) -> None:
    """Somebody must mean it where the load goes beyond this machine and private networks."""
    far = [address for address in addresses if not is_local(address)]
    if not far:
        return
    host = host_of(target)
    who = f"{host} ({', '.join(far)})" if far != [host] else host
    if confirmed is None:
        confirmed = _typed(host, who)
    if canonical(confirmed) != host:
        raise SafetyError(
            f"The load would go to {who}, and what was confirmed is '{confirmed}'."
            " Nothing was sent."
        )


def _typed(host: str, who: str) -> str:
    """What the user types as the host's name."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SafetyError(
            f"The load would go to {who}, which is neither this machine nor in a private network,"
            " and there is no terminal to confirm it on. Nothing was sent. If it is meant, add"
            f" --confirm-host {host}."
        )
    sys.stderr.write(
        f"The load goes to {who}, which is neither this machine nor in a private network.\n"
        "Type the host's name to go on: "
    )
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _check_stop_files(files: Sequence[Path]) -> None:
    for file in files:
        if file.exists():
            raise SafetyError(
                f"The stop file {file} is there, so that nothing was sent. Remove it to run."
            )
