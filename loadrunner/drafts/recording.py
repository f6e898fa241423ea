"""The exchanges of a HAR file that are worth repeating: no assets, no other hosts' requests."""

import base64
import json
import re
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from loadrunner.drafts.draft import METHODS

_ASSET_TYPES: Final = frozenset(
    {"image", "font", "stylesheet", "script", "media", "manifest", "texttrack", "ping", "preflight"}
)
_ASSET_KINDS: Final = re.compile(
    r"image/|font/|video/|audio/|text/css|(text|application)/(x-)?(java|ecma)script|application/"
    r"(wasm|font|x-font|vnd\.ms-fontobject|manifest)",
    re.IGNORECASE,
)
_ASSET_PATH: Final = re.compile(
    r"\.(png|jpe?g|gif|svg|webp|avif|ico|css|m?js|map|woff2?|ttf|otf|eot|mp[34]|webm|wasm"
    r"|webmanifest)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Exchange:
    """One request and its answer; `sent` are the request's headers, names in lower case."""

    method: str
    url: SplitResult
    sent: Sequence[tuple[str, str]]
    received: Sequence[tuple[str, str]]
    status: int
    kind: str
    post_kind: str
    post_text: str | None
    post_parameters: Sequence[tuple[str, str]]
    answer: str
    resource_type: str
    started_s: float | None = None
    took_s: float = 0.0

    @property
    def origin(self) -> str:
        return f"{self.url.scheme}://{self.url.netloc.rpartition('@')[2]}"

    @property
    def is_asset(self) -> bool:
        """Whether it is a file that a cache or a content network serves."""
        if self.resource_type in _ASSET_TYPES:
            return True
        return bool(_ASSET_KINDS.match(self.kind) or _ASSET_PATH.search(self.url.path))

    @cached_property
    def document(self) -> Any:
        """The answer as JSON, None where it is none."""
        return _parsed(self.answer)

    @cached_property
    def post_document(self) -> Any:
        return _parsed(self.post_text or "")

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.sent if key == name), None)


@dataclass
class Recording:
    """What is left after the assets, and why the rest is not in it."""

    origin: str | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    everything: list[Exchange] = field(default_factory=list)


def is_har(document: Any) -> bool:
    log = document.get("log") if isinstance(document, dict) else None
    return isinstance(log, dict) and isinstance(log.get("entries"), list)


def recording(document: Mapping[str, Any], host: str | None) -> Recording:
    """The exchanges with one origin: that of `host`, or the one that most requests went to."""
    found = Recording(everything=list(_exchanges(document["log"]["entries"])))
    flows = [one for one in found.everything if _is_of_flow(one)]
    assets = len(found.everything) - len(flows)
    origins = Counter(one.origin for one in flows if host in (None, one.url.hostname))
    if not origins:
        return found
    found.origin = origins.most_common(1)[0][0]
    others = Counter(one.origin for one in flows if one.origin != found.origin)
    if assets:
        found.left_out.append(f"{assets} assets, preflights and requests that got no answer")
    found.left_out += [f"{count} to {origin}" for origin, count in others.most_common(20)]
    found.exchanges = [one for one in flows if one.origin == found.origin]
    return found


def _is_of_flow(one: Exchange) -> bool:
    return not one.is_asset and one.method in METHODS and one.method != "OPTIONS" and one.status > 0


def _exchanges(entries: Sequence[Any]) -> Iterator[Exchange]:
    for entry in entries:
        request, response = (_mapping(_mapping(entry).get(key)) for key in ("request", "response"))
        try:
            url = urlsplit(str(request.get("url", "")))
            is_http = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        except ValueError:
            continue
        if is_http:
            yield _exchange(_mapping(entry), request, response, url)


def _exchange(
    entry: Mapping[str, Any],
    request: Mapping[str, Any],
    response: Mapping[str, Any],
    url: SplitResult,
) -> Exchange:
    post, content = _mapping(request.get("postData")), _mapping(response.get("content"))
    text = post.get("text")
    return Exchange(
        method=str(request.get("method", "GET")).upper(),
        url=url,
        sent=[(name.lower(), value) for name, value in _pairs(request.get("headers"))],
        received=[(name.lower(), value) for name, value in _pairs(response.get("headers"))],
        status=_number(response.get("status")),
        kind=str(content.get("mimeType", "")),
        post_kind=str(post.get("mimeType", "")).split(";")[0].strip().lower(),
        post_text=text if isinstance(text, str) else None,
        post_parameters=_pairs(post.get("params")),
        answer=_text(content),
        resource_type=str(entry.get("_resourceType", "")).lower(),
        started_s=_instant(entry.get("startedDateTime")),
        took_s=max(0.0, _seconds(entry.get("time"))),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _pairs(value: Any) -> list[tuple[str, str]]:
    items = value if isinstance(value, list) else []
    return [
        (str(one["name"]), str(one.get("value", "")))
        for one in items
        if isinstance(one, dict) and "name" in one
    ]


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _seconds(milliseconds: Any) -> float:
    is_number = isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool)
    return milliseconds / 1000 if is_number else 0.0


def _text(content: Mapping[str, Any]) -> str:
    text = content.get("text")
    if not isinstance(text, str):
        return ""
    if content.get("encoding") != "base64":
        return text
    try:
        return base64.b64decode(text).decode(errors="replace")
    except (Base64Error, ValueError):
        return ""


def _instant(value: Any) -> float | None:
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except (ValueError, OverflowError):
        return None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
