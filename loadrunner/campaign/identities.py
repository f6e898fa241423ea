"""Who requests are sent as: logins and fixed headers, their values kept as secrets."""

import base64
import json
from collections.abc import Mapping
from urllib.parse import parse_qsl

from loadrunner.campaign.document import Path
from loadrunner.campaign.model import Identity, Login, Template, Variable
from loadrunner.campaign.positions import is_secret_name
from loadrunner.campaign.reading import Reading
from loadrunner.campaign.requests import request
from loadrunner.campaign.schema import IdentitySection, RequestSection
from loadrunner.campaign.variables import Scope

LOGIN_NAMES = ("index", "user", "uuid", "now")


def identities(sections: Mapping[str, IdentitySection], reading: Reading) -> dict[str, Identity]:
    """The identities by name. No journey runs at a login, so that it knows the user alone."""
    scope = Scope(built_ins=LOGIN_NAMES)
    return {
        name: _identity(name, section, ("identities", name), scope, reading)
        for name, section in sections.items()
    }


def _identity(
    name: str, section: IdentitySection, path: Path, scope: Scope, reading: Reading
) -> Identity:
    if section.login is not None and section.token is not None:
        login = _login(section.login, section.token, section, path, scope, reading)
        return Identity(name, login=login, count=section.count)
    header, value = _fixed(section)
    if not (value.isprintable() and value.isascii()):
        reading.problems.add(
            path, "found a value that is not shown, allowed: one line of ASCII letters"
        )
    reading.secrets.add(value)
    if section.basic is not None:
        reading.secrets.add(section.basic.password)
    return Identity(name, header=header, value=value)


def _fixed(section: IdentitySection) -> tuple[str, str]:
    """The header's name and its whole value."""
    if section.header is not None and section.value is not None:
        return section.header, section.value
    if section.basic is not None:
        pair = f"{section.basic.user}:{section.basic.password}"
        return "Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"
    return "Authorization", f"Bearer {section.bearer}"


def _login(
    section: RequestSection,
    token: str,
    identity: IdentitySection,
    path: Path,
    scope: Scope,
    reading: Reading,
) -> Login:
    sent = request(section, (*path, "login"), scope, reading)
    if section.body is not None and sent.body is not None:
        _keep_raw_secrets(sent.body, reading)
    return Login(sent, token, identity.expires_in)


def _keep_raw_secrets(body: Template, reading: Reading) -> None:
    """A body that is written as text may be JSON or a form; its secrets are found in either."""
    text = "".join("" if isinstance(part, Variable) else part for part in body)
    try:
        document = json.loads(text)
    except ValueError:
        document = dict(parse_qsl(text))
    if isinstance(document, dict):
        named = ((key, value) for key, value in document.items() if is_secret_name(str(key)))
        reading.secrets.update(str(value) for _, value in named)
