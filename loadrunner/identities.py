"""Who requests are sent as: fixed headers, and tokens that the harness obtains by logging in."""

import math
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import httpx

from loadrunner.campaign.model import Campaign, Identity, Login
from loadrunner.engine.json_path import compiled, found
from loadrunner.session import SetupError, filled

# A token is replaced when so much of its life is over.
_RENEW_AT = 0.7
# And no sooner than this, however short that life: a run is no load test of the login.
_RENEW_AFTER_S = 1.0


@dataclass(frozen=True)
class Credential:
    """The header lines of an identity's users, and when they should be renewed (monotonic s)."""

    lines: tuple[bytes, ...]
    secrets: frozenset[str] = frozenset()
    renew_at_s: float | None = None


def obtain(
    campaign: Campaign, names: Collection[str], session: httpx.Client
) -> dict[str, Credential]:
    """Log these identities in, one after the other. Raises SetupError naming who could not."""
    return {
        name: credential(identity, session)
        for name, identity in campaign.identities.items()
        if name in names
    }


def credential(identity: Identity, session: httpx.Client) -> Credential:
    if identity.login is None:
        return Credential((_line(identity.header, identity.value or ""),))
    started_s = time.monotonic()
    answers = [_log_in(identity, identity.login, index, session) for index in range(identity.count)]
    lives = [life_s for _, life_s in answers if life_s is not None]
    return Credential(
        tuple(_line(identity.header, f"Bearer {token}") for token, _ in answers),
        frozenset(token for token, _ in answers),
        _renew_at_s(started_s, lives),
    )


def _renew_at_s(started_s: float, lives: list[float]) -> float | None:
    """When the first of the tokens is due, all of which were asked for since `started_s`."""
    if not lives:
        return None
    return max(started_s + min(lives) * _RENEW_AT, time.monotonic() + _RENEW_AFTER_S)


def header_of(credentials: Mapping[str, Credential], identity: str | None) -> dict[str, str]:
    """The header of an identity's first user, for requests off the measured path."""
    if identity is None:
        return {}
    name, _, value = credentials[identity].lines[0].decode().partition(": ")
    return {name: value.rstrip("\r\n")}


def _line(header: str, value: str) -> bytes:
    return f"{header}: {value}\r\n".encode()


def _log_in(
    identity: Identity, login: Login, index: int, session: httpx.Client
) -> tuple[str, float | None]:
    """The token of one user and how long it lives, in seconds."""
    what = filled(login.request, index)
    who = f"identity {identity.name}, login {index + 1} of {identity.count}"
    try:
        answer = session.request(what.method, what.path, headers=what.headers, content=what.body)
    except httpx.HTTPError as error:
        raise SetupError(f"{who}: {what.method} {what.path} failed: {error}.") from error
    if not answer.is_success:
        raise SetupError(
            f"{who}: {what.method} {what.path} answered {answer.status_code}, a 2xx is needed. "
            "Check the password that the campaign sends."
        )
    return _token(answer, login, who)


def _token(answer: httpx.Response, login: Login, who: str) -> tuple[str, float | None]:
    try:
        document = answer.json()
    except (ValueError, RecursionError) as error:
        raise SetupError(f"{who}: the answer is not JSON, so it holds no {login.token}.") from error
    token = found(document, compiled(login.token))
    if not isinstance(token, str):
        raise SetupError(f"{who}: the answer holds no text at {login.token}.")
    if login.expires_in is None:
        return token, None
    return token, _life_s(found(document, compiled(login.expires_in)))


def _life_s(value: object) -> float | None:
    """A lifetime in seconds, also one that is written as text. None for a token that does not
    expire, which some services say as 0 or -1."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        life_s = float(value)
    except (ValueError, OverflowError):
        return None
    return life_s if math.isfinite(life_s) and life_s > 0 else None
