"""Which hosts a campaign may load: decided before anything is contacted."""

import ipaddress
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from loadrunner.campaign.found import described
from loadrunner.campaign.model import Target
from loadrunner.campaign.reading import Reading
from loadrunner.campaign.schema import TargetSection
from loadrunner.errors import SafetyError

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?|\[?[0-9A-Fa-f:.]+\]?")

THIS_MACHINE: Final = ("127.0.0.1", "localhost", "::1")


def target(section: TargetSection, reading: Reading) -> Target:
    """The target; what is wrong with its address or list of hosts goes to the problems."""
    if wrong := _wrong_address(section.base_url):
        reading.problems.add(("target", "base_url"), wrong)
    for index, host in enumerate(section.allow or ()):
        if not _HOST.fullmatch(host):
            reading.problems.add(
                ("target", "allow", index),
                f"found {described(host)}, allowed: a host's name or address alone,"
                " such as 127.0.0.1",
            )
    return Target(
        base_url=section.base_url.rstrip("/"),
        allow=section.allow or THIS_MACHINE,
        timeout_s=section.timeout,
        connect_timeout_s=section.connect_timeout,
        verify_tls=section.tls.verify,
        ca_file=_ca_file(section, reading),
    )


def _ca_file(section: TargetSection, reading: Reading) -> Path | None:
    if section.tls.ca is None:
        return None
    file = reading.file.parent / section.tls.ca
    if not file.is_file():
        reading.problems.add(
            ("target", "tls", "ca"), f"found {file}, which is no file; allowed: a PEM file"
        )
    return file


def _wrong_address(base_url: str) -> str | None:
    allowed = "http:// or https:// with a host, such as http://127.0.0.1:8900"
    try:
        parts = urlsplit(base_url)
        has_host = bool(parts.hostname and _HOST.fullmatch(parts.hostname)) and parts.port != 0
    except ValueError as error:
        return f"found {described(base_url)} ({error}), allowed: {allowed}"
    if parts.username is not None or parts.password is not None:
        return "found a user name or password in the address, allowed: an identity (basic) for them"
    has_odd_letters = any(not "!" <= letter <= "~" for letter in base_url)
    if parts.scheme not in ("http", "https") or not has_host or has_odd_letters:
        return f"found {described(base_url)}, allowed: {allowed}"
    if parts.query or parts.fragment:
        return f"found {described(base_url)}, allowed: an address without ? and #"
    return None


def check_allowed(target: Target) -> None:
    """Raise a SafetyError unless the target's host may be loaded. Nothing is looked up."""
    host = canonical(urlsplit(target.base_url).hostname or "")
    if host in {canonical(one) for one in target.allow}:
        return
    holds = f"target.allow holds {', '.join(target.allow)}"
    if target.allow == THIS_MACHINE:
        holds = f"without target.allow only this machine may be ({', '.join(THIS_MACHINE)})"
    raise SafetyError(
        f"The host {host} of target.base_url may not be loaded: {holds}."
        " If you may load it, add it to target.allow in the campaign file."
    )


def canonical(host: str) -> str:
    """One spelling of each name and address, as far as that goes without looking it up."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
