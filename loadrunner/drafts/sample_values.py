"""A value that a JSON Schema allows: an example where it gives one, else the plainest."""

from collections.abc import Mapping
from typing import Any, Final

from loadrunner.drafts.draft import FILL_IN, identifier, literal, variable
from loadrunner.drafts.references import References
from loadrunner.drafts.sensitive import Cleaner, is_sensitive_name

Trail = tuple[int, ...]
"""The schemas that are being gone through, so that one which holds itself ends."""

_DEEPEST: Final = 8
_MOST_KEYS: Final = 40
_MOST_VALUES: Final = 400
_OF_FORMAT: Final[Mapping[str, str]] = {
    "uuid": "${uuid}",
    "date-time": "${now}",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "email": "load-${index}@example.test",
    "idn-email": "load-${index}@example.test",
    "uri": "https://example.test/",
    "url": "https://example.test/",
    "hostname": "example.test",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "c2FtcGxl",
    "duration": "P1D",
}


def sample(schema: Any, name: str, references: References, trail: Trail = ()) -> Any:
    """A value for `schema`, called `name`; texts may hold variables."""
    if not trail:
        references.visits = 0
    references.visits += 1
    schema = references.followed(schema)
    if not isinstance(schema, dict) or id(schema) in trail or len(trail) > _DEEPEST:
        return None
    if references.visits > _MOST_VALUES:
        return None
    trail = (*trail, id(schema))
    given, is_given = _given(schema)
    if is_given:
        return Cleaner().json(given, name)
    for key in ("allOf", "oneOf", "anyOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return _combined(key, schema, name, references, trail)
    return _of_type(schema, name, references, trail)


def _given(schema: Mapping[str, Any]) -> tuple[Any, bool]:
    """What the document itself says the value is."""
    for key in ("const", "example", "default"):
        if schema.get(key) is not None:
            return schema[key], True
    for key in ("examples", "enum"):
        values = schema.get(key)
        if isinstance(values, list) and values:
            return values[0], True
    return None, False


def _combined(
    key: str, schema: Mapping[str, Any], name: str, references: References, trail: Trail
) -> Any:
    parts = [part for part in schema[key] if not _is_null(references.followed(part))]
    own = {inner: value for inner, value in schema.items() if inner != key}
    if key != "allOf":
        return sample(parts[0], name, references, trail) if parts else None
    values = [sample(part, name, references, trail) for part in (*parts, own)]
    whole: dict[str, Any] = {}
    for value in values:
        if isinstance(value, dict):
            whole |= value
    plain = [value for value in values if value is not None]
    return whole or (plain[0] if plain else None)


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "null"


def _of_type(schema: Mapping[str, Any], name: str, references: References, trail: Trail) -> Any:
    match _type(schema):
        case "object":
            return _object(schema, references, trail)
        case "array":
            item = sample(schema.get("items", {}), name, references, trail)
            return [] if item is None else [item]
        case "integer":
            return _number(schema)
        case "number":
            return float(_number(schema))
        case "boolean":
            return True
        case "string":
            return _string(schema, name)
    return None


def _type(schema: Mapping[str, Any]) -> str | None:
    found = schema.get("type")
    if isinstance(found, list):
        kinds = [one for one in found if one != "null"]
        found = kinds[0] if kinds else None
    if found is None and isinstance(schema.get("properties"), dict):
        return "object"
    return found if isinstance(found, str) else None


def _object(schema: Mapping[str, Any], references: References, trail: Trail) -> dict[str, Any]:
    """Its required keys, or where none is said to be, all of them but read-only ones."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    required = schema.get("required")
    names = required if isinstance(required, list) and required else list(properties)
    chosen = [one for one in map(str, names) if one in properties][:_MOST_KEYS]
    values: dict[str, Any] = {}
    for name in chosen:
        inner = references.followed(properties[name])
        if isinstance(inner, dict) and inner.get("readOnly"):
            continue
        value = sample(inner, name, references, trail)
        if value is not None or inner == {}:
            values[literal(name)] = value
    return values


def _number(schema: Mapping[str, Any]) -> int:
    """The least that is allowed, 1 where nothing is said."""
    least, strict = schema.get("minimum"), schema.get("exclusiveMinimum")
    if isinstance(strict, int | float) and not isinstance(strict, bool):
        return int(strict) + 1
    if isinstance(least, int | float):
        return int(least) + 1 if strict is True else int(-(-least // 1))
    most = schema.get("maximum")
    return min(1, int(most)) if isinstance(most, int | float) else 1


def _string(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") == "password" or is_sensitive_name(name):
        return variable(identifier(name, "secret"), FILL_IN)
    known = _OF_FORMAT.get(str(schema.get("format")))
    if known is not None:
        return known
    least, most = schema.get("minLength"), schema.get("maxLength")
    text = "sample"
    if isinstance(least, int) and len(text) < least <= 1000:
        text = (text * (least // len(text) + 1))[:least]
    return text[:most] if isinstance(most, int) and most >= 0 else text
