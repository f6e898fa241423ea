"""The analysis's frozen dataclasses as plain JSON, as the database keeps them."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, Final

_AS_THEY_ARE: Final = (int, str, type(None))


def plain(value: Any) -> Any:
    """Dataclasses become objects, sequences lists; what is not finite becomes null."""
    # Nearly everything in a document is one of these: a timeline has tens of thousands of them.
    if isinstance(value, _AS_THEY_ARE):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return value


def digest(document: Mapping[str, Any]) -> str:
    """Tells two versions of a document apart."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
