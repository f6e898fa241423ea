"""The values that must never be written, and what is written in their place."""

import json
import re
from collections.abc import Collection, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from loadrunner.campaign.document import Node, Scalar, scalars
from loadrunner.campaign.positions import is_secret
from loadrunner.redaction import MASK, Redaction

# Anything shorter stands in too many harmless words; such a value is masked where it stands in
# the campaign's text, and nowhere else.
SHORTEST: Final = 4
_SCHEMES: Final = re.compile(r"(?:Bearer|Basic|Token|ApiKey)\s+(?=\S)", re.IGNORECASE)
_DEFAULT: Final = re.compile(r":-(?:[^}$]|\$(?!\{))*\}")


def closed(values: Collection[str]) -> frozenset[str]:
    """The values that are long enough, with the forms that they take in JSON, URLs and forms."""
    forms = {form for value in values for form in _forms(value)}
    return frozenset(form for form in forms if len(form) >= SHORTEST)


def _forms(value: str) -> Iterator[str]:
    bare = _SCHEMES.sub("", value, count=1) if _SCHEMES.match(value) else value
    for one in {value.strip(), bare.strip()}:
        yield one
        yield json.dumps(one)[1:-1]
        yield json.dumps(one, ensure_ascii=False)[1:-1]
        yield quote(one, safe="")
        yield quote_plus(one)


def masked_file(text: str, root: Node, secrets: frozenset[str]) -> str:
    """The campaign's text without its secrets, however YAML writes them."""
    spans = {
        (scalar.start, scalar.end)
        for path, scalar in scalars(root)
        if is_secret(path) and _is_text(scalar)
    }
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + _without_literals(text[start:end]) + text[end:]
    return Redaction(secrets)(text)


def _is_text(scalar: Scalar) -> bool:
    return bool(scalar.text) and not isinstance(scalar.value, bool | None)


def _without_literals(source: str) -> str:
    """A value that names a variable keeps the name and loses its default."""
    if "${" in source:
        return _DEFAULT.sub(f":-{MASK}}}", source)
    return f'"{MASK}"'
