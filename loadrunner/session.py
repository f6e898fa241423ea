"""One HTTP client for everything that is not measured: pre-flight, set-up, logins, probes.

Proxies of the environment are left aside: load and what belongs to it goes to the target itself,
and to the one address that was checked: a name is looked up once a run, and never again.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import httpx

from loadrunner.campaign.model import Campaign, Request, SetupRequest, Template
from loadrunner.engine import tls
from loadrunner.engine.variables import Values
from loadrunner.engine.wire import USER_AGENT
from loadrunner.errors import LoadrunnerError, UnreachableError
from loadrunner.redaction import Redaction

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class SetupError(LoadrunnerError):
    """A set-up request or a login that did not get its expected answer."""


@contextmanager
def redacted(campaign: Campaign) -> Iterator[None]:
    """Keeps the campaign's secrets out of what a SetupError says: a path may hold one."""
    try:
        yield
    except SetupError as error:
        raise SetupError(Redaction(campaign.secrets)(str(error))) from None


@dataclass(frozen=True)
class Message:
    """A request with its variables filled in."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None


def filled(request: Request, number: int = 0, known: Mapping[str, str] = NOTHING) -> Message:
    """Fill a request in for the user or journey of this number; `known` are further variables."""
    values = Values(number, number, seed=0, data={})
    values.extracted.update(known)

    def text(template: Template) -> str:
        return "".join(p if isinstance(p, str) else values.text(p) for p in template)

    headers = {name: text(value) for name, value in request.headers}
    body = None if request.body is None else text(request.body)
    return Message(request.method, text(request.path), headers, body)


def _tls(campaign: Campaign) -> ssl.SSLContext:
    return tls.context(verify=campaign.target.verify_tls, ca_file=campaign.target.ca_file)


class _Pinned(httpx.HTTPTransport):
    """Connects to one address whatever the URL's host; that host stays in Host and in TLS."""

    def __init__(self, address: str, verify: ssl.SSLContext) -> None:
        super().__init__(verify=verify, trust_env=False)
        self._address = address

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return super().handle_request(_at(self._address, request))


class _AsyncPinned(httpx.AsyncHTTPTransport):
    def __init__(self, address: str, verify: ssl.SSLContext) -> None:
        super().__init__(verify=verify, trust_env=False)
        self._address = address

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await super().handle_async_request(_at(self._address, request))


def _at(address: str, request: httpx.Request) -> httpx.Request:
    """The same request, its headers made already, to an address in place of the host's name."""
    name = {"sni_hostname": request.url.host}
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address.partition("%")[0]),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, **name},
    )


def client(campaign: Campaign, address: str) -> httpx.Client:
    """Everything goes to the base URL's host at this address."""
    return httpx.Client(
        base_url=campaign.target.base_url,
        timeout=campaign.target.timeout_s,
        headers={"user-agent": USER_AGENT},
        transport=_Pinned(address, _tls(campaign)),
    )


def async_client(campaign: Campaign, address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=campaign.target.base_url,
        timeout=campaign.target.timeout_s,
        headers={"user-agent": USER_AGENT},
        transport=_AsyncPinned(address, _tls(campaign)),
    )


def send(
    request: SetupRequest,
    client: httpx.Client,
    headers: Mapping[str, str],
    what: str,
    known: Mapping[str, str] = NOTHING,
) -> None:
    """Send a request that stands beside the load. Raises SetupError, beginning with `what` it is
    of, where no answer comes, or not one that is expected."""
    message = filled(request.request, known=known)
    sent = httpx.Headers(headers)  # where a name's case makes no difference
    sent.update(message.headers)
    named = f"{what} {request.name}: {message.method} {message.path}"
    try:
        answer = client.request(message.method, message.path, headers=sent, content=message.body)
    except httpx.HTTPError as error:
        raise SetupError(f"{named}: {error or type(error).__name__}.") from error
    is_expected = answer.status_code in request.expect if request.expect else answer.is_success
    if not is_expected:
        wanted = " or ".join(map(str, request.expect)) or "a 2xx"
        raise SetupError(f"{named} answered {answer.status_code}, {wanted} is needed.")


def greet(campaign: Campaign, address: str) -> None:
    """One GET of the base URL; any answer will do. Raises UnreachableError where none comes.

    The head is an answer already: the body may have no end, or not be what its head says.
    """
    try:
        with client(campaign, address) as session, session.stream("GET", ""):
            return
    except httpx.RemoteProtocolError:
        return  # it answered, if only nonsense: that is for the run to measure
    except httpx.HTTPError as error:
        raise UnreachableError(
            f"The target {campaign.target.base_url} takes connections"
            f"{_why_without_tls(error) or _why_silent(campaign, error)}"
        ) from error


def _why_silent(campaign: Campaign, error: httpx.HTTPError) -> str:
    within_s = campaign.target.timeout_s
    return (
        f" but gave no answer within {within_s:g} s ({type(error).__name__}). Check that it is up."
    )


def _why_without_tls(error: BaseException | None) -> str:
    """What TLS fails of; empty where it does not."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f", but its certificate is not trusted ({error.verify_message}). In a campaign"
                " file target.tls.ca names a certificate to trust, and target.tls.verify: false"
                " takes any."
            )
        if isinstance(error, ssl.SSLError):
            return f", but TLS fails ({error.reason}). Check that it speaks https."
        error = error.__cause__ or error.__context__
    return ""
