"""Where the target is: its name looked up once, its addresses tried once."""

import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from loadrunner.engine.wire import origin
from loadrunner.errors import UnreachableError

_CONNECT_WITHIN_S = 5.0


def resolved(base_url: str) -> tuple[str, ...]:
    """The addresses of the base URL's host. Raises UnreachableError where it has none."""
    host = origin(base_url).host
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreachableError(
            f"The target's host {host} has no address: {reason}. "
            "Check target.base_url in the campaign."
        ) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def reachable(base_url: str, addresses: Sequence[str]) -> tuple[str, ...]:
    """The same addresses, one that takes connections first. Raises UnreachableError."""
    port = origin(base_url).port
    failures = []
    for address in addresses:
        failure = _connect(address, port)
        if failure is None:
            return (address, *(other for other in addresses if other != address))
        failures.append(failure)
    raise UnreachableError(_unreachable(base_url, failures))


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
