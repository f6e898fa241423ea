"""The document that a draft is made from: JSON or YAML, OpenAPI or HAR."""

import json
from pathlib import Path
from typing import Any, Final

import yaml

from loadrunner.drafts import addresses, har, openapi
from loadrunner.drafts.draft import Draft
from loadrunner.errors import UsageError

LARGEST_BYTES: Final = 200_000_000
_LARGEST_YAML_BYTES: Final = 20_000_000


def drafted(path: Path, base_url: str | None = None, host: str | None = None) -> Draft:
    """The draft. Raises UsageError where the file is neither, or cannot be read."""
    address = None if base_url is None else addresses.chosen(base_url)
    document = _document(path)
    if har.is_har(document):
        return har.draft(document, path.name, address, host)
    if openapi.is_openapi(document):
        return openapi.draft(document, path.name, address)
    raise UsageError(
        f"{path} is neither an OpenAPI document (it has no key 'openapi' or 'swagger') nor a HAR"
        " file (it has no 'log.entries')."
    )


def _document(path: Path) -> Any:
    text = _text(path)
    try:
        return json.loads(text)
    except RecursionError as error:
        raise UsageError(f"{path} is nested too deeply to be read.") from error
    except ValueError as error:
        if text.lstrip()[:1] in ("{", "["):
            raise UsageError(f"{path} is not JSON: {error}.") from error
    return _of_yaml(path, text)


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise UsageError(f"{path} holds {size:,} bytes, allowed: at most {LARGEST_BYTES:,}.")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path} cannot be read: {reason}.") from error


def _of_yaml(path: Path, text: str) -> Any:
    if len(text) > _LARGEST_YAML_BYTES:
        raise UsageError(f"{path} is too large for YAML; give it as JSON.")
    try:
        # Texts only: a version is no number and a date no date.
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place is not None else ""
        told = getattr(error, "problem", None) or "it cannot be read"
        raise UsageError(f"{path}{where} is neither JSON nor YAML: {told}.") from error


class _Loader(yaml.SafeLoader):
    """YAML without dates, which JSON does not have either."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
