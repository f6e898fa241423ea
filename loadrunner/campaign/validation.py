"""From the plain values of a file to its typed sections, each error with its key."""

import types
import typing
from typing import Any, Final, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from loadrunner.campaign.document import Path
from loadrunner.campaign.found import described, did_you_mean, one_of
from loadrunner.campaign.positions import is_of_identity, is_secret
from loadrunner.campaign.problems import Problems
from loadrunner.campaign.schema import CampaignFile, Section

_NOT_EMPTY: Final = "a text that is not empty"
_ALLOWED: Final = {
    "dict_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "a text",
    "string_too_short": _NOT_EMPTY,
}


def validated(value: object, problems: Problems) -> CampaignFile:
    """The sections of the file. Raises what is wrong with them, all at once."""
    try:
        file = CampaignFile.model_validate(value)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _add(detail, problems)
        raise problems.error() from error
    problems.raise_any()
    return file


def _add(detail: ErrorDetails, problems: Problems) -> None:
    path = _path(detail["loc"])
    if detail["type"] == "extra_forbidden":
        problems.drop_below(path)
    # pydantic calls a list too short when its entries are wrong; those are told themselves.
    is_echo = detail["type"] == "too_short" and bool(detail["input"])
    if not is_echo and not problems.has(path):
        problems.add(path, _message(detail, path))


def _path(loc: tuple[int | str, ...]) -> Path:
    """pydantic marks an error in a key itself with a last part `[key]`."""
    return tuple(part for part in loc if part != "[key]")


def _message(detail: ErrorDetails, path: Path) -> str:
    found = described(detail["input"])
    context: dict[str, Any] = detail.get("ctx", {})
    match detail["type"]:
        case "value_error":
            return _own(str(context["error"]), path)
        case "missing":
            return _missing(path)
        case "extra_forbidden":
            return _unknown(path)
        case "literal_error":
            return f"found {found}, allowed: {context['expected'].replace(chr(39), '')}" + (
                did_you_mean(str(detail["input"]), context["expected"].split("'"))
            )
        case "model_type" | "model_attributes_type":
            keys = one_of(_keys(_section_at(path)))
            return _own(f"found {found}, allowed: a mapping with {keys}", path)
        case "too_short":
            allowed = _NOT_EMPTY if detail["input"] == "" else "at least one entry"
            return _own(f"found {found}, allowed: {allowed}", path)
        case kind:
            allowed = _ALLOWED.get(kind, detail["msg"])
            return _own(f"found {found}, allowed: {allowed}", path)


def _own(message: str, path: Path) -> str:
    """The message, without the value where that may be a secret."""
    if is_secret(path) or is_of_identity(path):
        _, found, allowed = message.rpartition("allowed:")
        return f"found a value that is not shown, {found}{allowed}"
    return message


def _missing(path: Path) -> str:
    section = _section_at(path[:-1])
    meaning = _description(section, str(path[-1])) if section else ""
    return f"is missing, required: {meaning[:1].lower()}{meaning[1:]}"


def _unknown(path: Path) -> str:
    keys = _keys(_section_at(path[:-1]))
    found = str(path[-1])
    return f"found an unknown key, allowed: {one_of(keys)}{did_you_mean(found, keys)}"


def _keys(section: type[Section] | None) -> list[str]:
    if section is None:
        return []
    return [field.alias or name for name, field in section.model_fields.items()]


def _description(section: type[Section], key: str) -> str:
    for name, field in section.model_fields.items():
        if key in (name, field.alias):
            return field.description or ""
    return ""


def _section_at(path: Path) -> type[Section] | None:
    """The section that the schema has at a path of the file."""
    kind: Any = CampaignFile
    for part in path:
        section = _section_in(kind)
        if isinstance(part, str) and section is not None and _is_key(section, part):
            kind = _annotation(section, part)
        else:
            kind = _inside(kind)
    return _section_in(kind)


def _is_key(section: type[Section], key: str) -> bool:
    return key in _keys(section)


def _annotation(section: type[Section], key: str) -> Any:
    fields = section.model_fields.items()
    return next(field.annotation for name, field in fields if key in (name, field.alias))


def _inside(kind: Any) -> Any:
    """What a list or mapping holds; None where it is neither."""
    for option in _options(kind):
        arguments = get_args(option)
        if get_origin(option) is dict:
            return arguments[1]
        if get_origin(option) is tuple:
            return arguments[0]
    return None


def _section_in(kind: Any) -> type[Section] | None:
    for option in _options(kind):
        if isinstance(option, type) and issubclass(option, Section):
            return option
    return None


def _options(kind: Any) -> list[Any]:
    """An annotation without Annotated, its alternatives one by one."""
    if get_origin(kind) is typing.Annotated:
        return _options(get_args(kind)[0])
    if get_origin(kind) in (typing.Union, types.UnionType):
        return [option for part in get_args(kind) for option in _options(part)]
    return [kind]
