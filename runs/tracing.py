"""Where a trace can be read: a project's template with {trace_id} in it, filled in safely."""

from typing import Final
from urllib.parse import quote, urlsplit

PLACE: Final = "{trace_id}"


def is_template(text: str) -> bool:
    """Whether the text is an http(s) address with a place for the id, and nothing else."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and PLACE in text


def address(template: str, trace_id: str | None) -> str:
    """The trace's address; empty where there is none. An id can not change where it leads."""
    if not trace_id or not is_template(template):
        return ""
    return template.replace(PLACE, quote(trace_id, safe=""))
