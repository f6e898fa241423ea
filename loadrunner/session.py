"""One HTTP client for everything that is not measured: pre-flight, set-up, logins, probes.

Proxies of the environment are left aside: load and what belongs to it goes to the target itself.
"""

import ssl
from dataclasses import dataclass

import httpx

from loadrunner.campaign.model import Campaign, Request, Template
from loadrunner.engine import tls
from loadrunner.engine.variables import Values
from loadrunner.engine.wire import USER_AGENT
from loadrunner.errors import LoadrunnerError, UnreachableError


class SetupError(LoadrunnerError):
    """A set-up request or a login that did not get its expected answer."""


@dataclass(frozen=True)
class Message:
    """A request with its variables filled in."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None


def message(request: Request, number: int = 0) -> Message:
    """Fill a request in for the user or journey of this number."""
    values = Values(number, number, seed=0, data={})

    def text(template: Template) -> str:
        return "".join(p if isinstance(p, str) else values.text(p) for p in template)

    headers = {name: text(value) for name, value in request.headers}
    body = None if request.body is None else text(request.body)
    return Message(request.method, text(request.path), headers, body)


def _tls(campaign: Campaign) -> ssl.SSLContext:
    return tls.context(verify=campaign.target.verify_tls, ca_file=campaign.target.ca_file)


def client(campaign: Campaign) -> httpx.Client:
    return httpx.Client(
        base_url=campaign.target.base_url,
        timeout=campaign.target.timeout_s,
        headers={"user-agent": USER_AGENT},
        trust_env=False,
        verify=_tls(campaign),
    )


def async_client(campaign: Campaign) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=campaign.target.base_url,
        timeout=campaign.target.timeout_s,
        headers={"user-agent": USER_AGENT},
        trust_env=False,
        verify=_tls(campaign),
    )


def greet(campaign: Campaign) -> None:
    """One GET of the base URL; any answer will do. Raises UnreachableError where none comes."""
    try:
        with client(campaign) as session:
            session.get("")
    except httpx.RemoteProtocolError:
        return  # it answered, if only nonsense: that is for the run to measure
    except httpx.HTTPError as error:
        raise UnreachableError(
            f"The target {campaign.target.base_url} takes connections but gave no answer within "
            f"{campaign.target.timeout_s:g} s ({type(error).__name__}). Check that it is up."
        ) from error
