"""A request of the file as the template that is sent."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

from loadrunner.campaign.document import Path
from loadrunner.campaign.found import described
from loadrunner.campaign.model import Request, Template, Variable
from loadrunner.campaign.positions import is_secret, is_secret_name
from loadrunner.campaign.reading import Reading
from loadrunner.campaign.schema import RequestSection
from loadrunner.campaign.variables import Scope, joined
from loadrunner.engine.wire import FRAMING, SAFE

_NOT_IN_HEADER: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_PARAMETER: Final = re.compile(r"[?&]([^=&#]+)=([^&#]*)")
_FORM_FIELD: Final = re.compile(r"(?:^|&)([^=&\s]+)=([^&\r\n]*)")
JSON_TYPE: Final = ("Content-Type", ("application/json",))


def request(section: RequestSection, path: Path, scope: Scope, reading: Reading) -> Request:
    """`path` is where the section stands in the file; problems go to the reading."""
    return Request(
        method=section.method,
        path=_url_path(section.path, (*path, "path"), scope, reading),
        headers=_headers(section, (*path, "headers"), scope, reading),
        body=_body(section, path, scope, reading),
    )


def _url_path(text: str, path: Path, scope: Scope, reading: Reading) -> Template:
    template = reading.template(text, path, scope, "url")
    _keep_query_secrets(template, reading)
    return tuple(quote(part, safe=SAFE) if isinstance(part, str) else part for part in template)


def _keep_query_secrets(template: Template, reading: Reading) -> None:
    """`?api_key=…` is a secret as a header of that name is."""
    _keep_named(_PARAMETER.findall(_literal(template)), reading)


def _keep_body_secrets(template: Template, reading: Reading) -> None:
    """In a body that is JSON or a form as well, though it is written as a text."""
    literal = _literal(template)
    try:
        _keep_named(_named_texts(json.loads(literal, strict=False)), reading)
    except (ValueError, RecursionError):
        _keep_named(_FORM_FIELD.findall(literal), reading)


def _literal(template: Template) -> str:
    """The template with U+0000 in place of what is known only while a journey runs."""
    return "".join(part if isinstance(part, str) else "\0" for part in template)


def _keep_named(values: Iterable[tuple[str, str]], reading: Reading) -> None:
    for name, value in values:
        if is_secret_name(name):
            reading.secrets.update(part for part in value.split("\0") if part)


def _named_texts(document: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a JSON document with the key that it stands under."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _named_texts(value, key)
    elif isinstance(document, list):
        for value in document:
            yield from _named_texts(value, name)
    elif isinstance(document, str):
        yield name, document


def _headers(
    section: RequestSection, path: Path, scope: Scope, reading: Reading
) -> tuple[tuple[str, Template], ...]:
    headers = [
        (name, _header(name, text, (*path, name), scope, reading))
        for name, text in section.headers.items()
    ]
    given = {name.lower() for name in section.headers}
    if section.has_json and "content-type" not in given:
        headers.insert(0, JSON_TYPE)
    return tuple(headers)


def _header(name: str, text: str, path: Path, scope: Scope, reading: Reading) -> Template:
    if name.lower() in FRAMING:
        reading.problems.add(path, "is set by the runner itself, allowed: other headers")
    template = reading.template(text, path, scope)
    for part in template:
        if isinstance(part, str) and _NOT_IN_HEADER.search(part):
            found = "a value that is not shown" if is_secret(path) else described(part)
            reading.problems.add(path, f"found {found}, allowed: one line of Latin letters")
    keep_secret(name, template, reading)
    return template


def _body(section: RequestSection, path: Path, scope: Scope, reading: Reading) -> Template | None:
    if section.body is not None:
        template = reading.template(section.body, (*path, "body"), scope)
        _keep_body_secrets(template, reading)
        return template
    if not section.has_json:
        return None
    return joined(_json(section.json_body, (*path, "json"), scope, reading))


def _json(value: object, path: Path, scope: Scope, reading: Reading) -> list[str | Variable]:
    """The pieces of the compact JSON text of a value whose texts may hold variables."""
    if isinstance(value, str):
        return _json_text(value, path, scope, reading)
    if isinstance(value, list):
        items = [_json(item, (*path, at), scope, reading) for at, item in enumerate(value)]
        return ["[", *_separated(items), "]"]
    if isinstance(value, dict):
        pairs = [
            [
                *_quoted(reading.template(key, (*path, key), scope, "json")),
                ":",
                *_json(item, (*path, key), scope, reading),
            ]
            for key, item in value.items()
        ]
        return ["{", *_separated(pairs), "}"]
    return [json.dumps(value)]


def _json_text(text: str, path: Path, scope: Scope, reading: Reading) -> list[str | Variable]:
    template = reading.template(text, path, scope, "json")
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    keep_secret(key, template, reading)
    return _quoted(template)


def _quoted(template: Template) -> list[str | Variable]:
    return ['"', *template, '"']


def _separated(parts: list[list[str | Variable]]) -> list[str | Variable]:
    pieces: list[str | Variable] = []
    for part in parts:
        pieces += [",", *part] if pieces else part
    return pieces


def keep_secret(name: str, template: Template, reading: Reading) -> None:
    """What stands under a name such as password or Authorization is a secret."""
    if is_secret_name(name):
        reading.secrets.update(part for part in template if isinstance(part, str))
