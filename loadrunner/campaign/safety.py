"""Which hosts and addresses a campaign may load: decided before anything is contacted."""

import ipaddress
import re
from collections.abc import Iterable
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
IN_FILE: Final = "add {} to target.allow in the campaign file"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Loopback, private and link-local networks: what they reach is near, and seldom somebody else's.
_LOCAL: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("0.0.0.0/32", "::/128", "::1/128", "fc00::/7", "fe80::/10"),
    )
)


def target(section: TargetSection, reading: Reading) -> Target:
    """The target; what is wrong with its address or list of hosts goes to the problems."""
    if wrong := _wrong_address(section.base_url):
        reading.problems.add(("target", "base_url"), wrong)
    for index, host in enumerate(section.allow or ()):
        if not _is_host(host) and _network(host) is None:
            reading.problems.add(
                ("target", "allow", index),
                f"found {described(host)}, allowed: a host's name or address alone,"
                " without a port, such as 127.0.0.1, or a network, such as 10.1.0.0/16",
            )
    stop_file = section.stop_file
    return Target(
        base_url=section.base_url.rstrip("/"),
        allow=section.allow or THIS_MACHINE,
        timeout_s=section.timeout,
        connect_timeout_s=section.connect_timeout,
        first_byte_timeout_s=section.first_byte_timeout,
        verify_tls=section.tls.verify,
        ca_file=_ca_file(section, reading),
        stop_file=None if stop_file is None else reading.file.parent / stop_file,
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
        has_host = bool(parts.hostname and _is_host(parts.hostname)) and parts.port != 0
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


def check_allowed(target: Target, where: str = IN_FILE) -> None:
    """Raise a SafetyError unless the target's host may be loaded. Nothing is looked up.

    `where` says how the user allows it.
    """
    host = host_of(target)
    if _is_among(host, target.allow):
        return
    holds = f"target.allow holds {', '.join(target.allow)}"
    if target.allow == THIS_MACHINE:
        holds = f"without target.allow only this machine may be ({', '.join(THIS_MACHINE)})"
    raise SafetyError(
        f"The host {host} of target.base_url may not be loaded: {holds}."
        f" If you may load it, {where.format('it')}."
    )


def check_addresses(target: Target, addresses: Iterable[str], where: str = IN_FILE) -> None:
    """Raise a SafetyError unless each address that the host has is near, or allowed itself."""
    for address in addresses:
        if not is_local(address) and not _is_among(address, target.allow):
            raise SafetyError(
                f"The host {host_of(target)} is allowed, but it stands for {address}, which is"
                " neither loopback nor private and is not allowed itself. Nothing was sent."
                f" If you may load it, {where.format(address)}."
            )


def host_of(target: Target) -> str:
    """The host of the base URL, in its one spelling."""
    return canonical(urlsplit(target.base_url).hostname or "")


def is_local(address: str) -> bool:
    """Whether an address is of this machine or of a private network."""
    plain = _plain(address)
    return any(plain in network for network in _LOCAL)


def _is_among(host: str, allow: Iterable[str]) -> bool:
    """Whether the list names a host or address, itself or by a network that it lies in."""
    for entry in allow:
        network = _network(entry)
        if canonical(entry) == canonical(host):
            return True
        if network is not None and _is_address(host) and _plain(host) in network:
            return True
    return False


def _network(entry: str) -> Network | None:
    """The network that an entry such as 10.1.0.0/16 means, None where it means something else."""
    if "/" not in entry:
        return None
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        return None


def _is_host(text: str) -> bool:
    """Whether it is a name or an address. What holds a colon is an address of IPv6, or else a
    host with its port: that names no host, and would never be allowed."""
    if not _HOST.fullmatch(text):
        return False
    return ":" not in text or _is_address(text.strip("[]"))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address; one of IPv4 that is written as IPv6 (::ffff:10.0.0.1) is what it stands for."""
    plain = ipaddress.ip_address(address)
    mapped = plain.ipv4_mapped if isinstance(plain, ipaddress.IPv6Address) else None
    return mapped or plain


def canonical(host: str) -> str:
    """One spelling of each name and address, as far as that goes without looking it up."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
