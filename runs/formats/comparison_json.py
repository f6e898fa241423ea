"""A comparison of runs as JSON."""

import json
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from runs.analysis.comparison import Comparison


@cache
def _adapter() -> TypeAdapter[Comparison]:
    return TypeAdapter(Comparison)


def dump(comparison: Comparison) -> dict[str, Any]:
    """Plain dicts and lists; what is not a finite number is null."""
    document: dict[str, Any] = json.loads(_adapter().dump_json(comparison))
    return document
