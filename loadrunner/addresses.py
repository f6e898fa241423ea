"""Where the target is: resolved and tried once, before anything is sent."""

import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from loadrunner.engine.wire import origin
from loadrunner.errors import UnreachableError

_CONNECT_WITHIN_S = 5.0


def reachable(base_url: str) -> tuple[str, ...]:
    """The addresses of the base URL's host, those that answer first. Raises UnreachableError."""
    where = origin(base_url)
    addresses = _resolved(where.host)
    failures = []
    for address in addresses:
        failure = _connect(address, where.port)
        if failure is None:
            return (address, *(other for other in addresses if other != address))
        failures.append(failure)
    raise UnreachableError(_unreachable(base_url, failures))


def _resolved(host: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise UnreachableError(
            f"The target's host {host} has no address: {error.strerror}. "
            "Check target.base_url in the campaign."
        ) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _connect(address: str, port: int) -> str | None:
    """None where the connection stands, else why it does not."""
    try:
        socket.create_connection((address, port), timeout=_CONNECT_WITHIN_S).close()
    except OSError as error:
        return f"{address}: {error.strerror or error}"
    return None


def _unreachable(base_url: str, failures: Sequence[str]) -> str:
    where = urlsplit(base_url)
    return (
        f"The target {where.scheme}://{where.netloc} could not be reached "
        f"({'; '.join(failures)}). Start it, or set target.base_url to where it is."
    )
