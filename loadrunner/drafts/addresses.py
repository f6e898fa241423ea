"""Where a draft's requests go: never anywhere that was only named in a document."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from loadrunner.campaign.safety import is_local
from loadrunner.errors import UsageError

_HERE: Final = "http://127.0.0.1:8000"
_NAMES_OF_HERE: Final = ("localhost",)


@dataclass(frozen=True)
class Address:
    base_url: str
    allow: tuple[str, ...]
    comments: tuple[str, ...] = ()


def chosen(base_url: str) -> Address:
    """The one that the user gave. Raises UsageError."""
    try:
        parts = urlsplit(base_url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or parts.username is not None or parts.query or parts.fragment:
        raise UsageError(
            f"--base-url {base_url} is not an address such as https://staging.example.test/api."
        )
    return Address(base_url.rstrip("/"), (str(parts.hostname),))


def found(url: str | None) -> Address:
    """The one that the source names; one that is not near is only told of."""
    if url is None:
        return Address(_HERE, _with_here("127.0.0.1"), ("The source names no server.",))
    try:
        parts = urlsplit(url)
        host, netloc = parts.hostname, parts.netloc.rpartition("@")[2]
        port = parts.port
    except ValueError:
        return found(None)
    path = parts.path.rstrip("/")
    if parts.scheme not in ("http", "https") or not host or port == 0:
        return Address(f"{_HERE}{path}", _with_here("127.0.0.1"), ("The source names no server.",))
    if _is_near(host):
        return Address(f"{parts.scheme}://{netloc}{path}", _with_here(host))
    return Address(
        f"{_HERE}{path}",
        _with_here("127.0.0.1"),
        (
            f"The source names {parts.scheme}://{netloc}{path}. To load it, if you may, write it"
            " here and its",
            f"host ({host}) under allow, or run init with --base-url.",
        ),
    )


def _with_here(host: str) -> tuple[str, ...]:
    here = ("127.0.0.1", "localhost")
    return here if host in here else (host,)


def _is_near(host: str) -> bool:
    try:
        return host in _NAMES_OF_HERE or is_local(host)
    except ValueError:
        return False
