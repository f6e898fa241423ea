"""A HAR recording as a draft: the journey that somebody clicked through, without its secrets.

What may be a secret is never copied: a variable to be filled in stands in its place. An id or a
token that one answer gives and a later request sends is extracted, so that the journey works.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

from loadrunner.drafts import addresses
from loadrunner.drafts.addresses import Address
from loadrunner.drafts.draft import (
    FILL_IN,
    Draft,
    DraftScenario,
    DraftStep,
    identifier,
    in_url,
    literal,
    sendable,
    unique,
    variable,
)
from loadrunner.drafts.recording import Exchange, Recording, is_har, recording
from loadrunner.drafts.sensitive import Cleaner, is_sensitive_name

__all__ = ["draft", "is_har"]

_KEPT: Final = frozenset({"accept", "accept-language", "content-type", "x-requested-with"})
_OF_BROWSER: Final = re.compile(
    r":.*|sec-.*|host|connection|content-length|accept-encoding|user-agent|referer|origin|dnt|te"
    r"|pragma|cache-control|if-.*|priority|upgrade.*|keep-alive|proxy-.*|via|x-forwarded-.*"
    r"|transfer-encoding|expect|range|traceparent|tracestate|baggage"
)
_FORM: Final = "application/x-www-form-urlencoded"
_ID_NAME: Final = re.compile(r"(^|[_-])(id|uuid|guid|key|slug|ref|token|code)$|(Id|Uuid|Token)$")
_FRONT: Final = DraftStep("front_page", "GET", "/", expect=(200, 301, 302, 307, 404))
_SHORTEST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0


def draft(
    document: Mapping[str, Any], origin: str, address: Address | None, host: str | None
) -> Draft:
    """`address` is where the user says that requests go, None for where they went."""
    found = recording(document, host)
    journey = _Journey(Cleaner(tuple(_secrets(found.everything))))
    for exchange in found.exchanges:
        journey.add(exchange)
    where = address or addresses.found(found.origin)
    return Draft(
        name="recorded",
        origin=origin,
        base_url=where.base_url,
        allow=where.allow,
        address_comments=where.comments,
        scenarios=_scenarios(journey.steps),
        identities=journey.identities,
        left_out=(*_counted(found), *journey.left_out),
    )


def _counted(found: Recording) -> Iterator[str]:
    yield from found.left_out
    if not found.exchanges:
        yield "everything: the recording holds no request that is worth repeating"


def _scenarios(steps: Sequence[DraftStep]) -> tuple[DraftScenario, ...]:
    """The journey without what changes or deletes, and where there is such, the whole one."""
    harmless = [step for step in steps if not step.is_destructive]
    without = _without_unknown(harmless)
    scenarios = [DraftScenario("recorded", without or (_FRONT,))]
    if len(harmless) < len(steps):
        note = (
            "The whole journey, with what changes or deletes. Run it against data that nobody"
            " needs."
        )
        whole = DraftScenario("recorded_changes", tuple(steps), (note,), is_destructive=True)
        scenarios.append(whole)
    return tuple(scenarios)


def _without_unknown(steps: Sequence[DraftStep]) -> tuple[DraftStep, ...]:
    """The steps that need nothing of one that is not among them."""
    known: set[str] = set()
    kept: list[DraftStep] = []
    for step in steps:
        if _needed(step) <= known:
            kept.append(step)
            known |= set(step.extract)
    return tuple(kept)


def _needed(step: DraftStep) -> set[str]:
    """The names that it takes from earlier answers."""
    texts = [step.path, step.body or "", *step.headers.values(), *_texts(step.json)]
    return {name for text in texts for name in re.findall(r"(?<!\$)\$\{(\w+)\}", text)} - {"index"}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def _secrets(everything: Sequence[Exchange]) -> Iterator[str]:
    """Values that are secrets for certain: credentials, cookies, what stands under their names."""
    for one in everything:
        for name, value in (*one.sent, *one.received):
            if is_sensitive_name(name):
                yield from _parts_of_secret(name, value)
        for name, value in (*parse_qsl(one.url.query), *one.post_parameters):
            if is_sensitive_name(name):
                yield value
        for document in (one.document, one.post_document):
            yield from _secret_texts(document, is_secret=False)
        if one.url.password:
            yield unquote(one.url.password)


def _parts_of_secret(name: str, value: str) -> Iterator[str]:
    if "cookie" in name:
        for pair in value.replace("\n", ";").split(";"):
            yield pair.partition("=")[2].strip() if "=" in pair else ""
        return
    yield value
    yield value.partition(" ")[2].strip()


def _secret_texts(value: Any, *, is_secret: bool, depth: int = 0) -> Iterator[str]:
    if depth > 30:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            hidden = is_sensitive_name(str(name))
            yield from _secret_texts(inner, is_secret=hidden, depth=depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _secret_texts(inner, is_secret=is_secret, depth=depth + 1)
    elif isinstance(value, str) and is_secret:
        yield value


@dataclass
class _Given:
    """A value that an answer gave: which step's, where in it, and what it would be called."""

    step: int
    path: str
    name: str


@dataclass
class _Journey:
    """The steps so far. Values that answers gave are known by what they were."""

    cleaner: Cleaner
    steps: list[DraftStep] = field(default_factory=list)
    identities: dict[str, dict[str, Any]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    _given: dict[str, _Given] = field(default_factory=dict)
    _seen: set[tuple[str, str, str]] = field(default_factory=set)
    _ended_s: float | None = None

    def add(self, one: Exchange) -> None:
        problem = self._problem(one)
        key = (one.method, one.url.path + "?" + one.url.query, one.post_text or "")
        if problem is None and key in self._seen:
            problem = "sent again; say so with a step of its own if that matters"
        if problem is not None:
            path = "/".join(self.cleaner.text("part", part) for part in one.url.path.split("/"))
            self.left_out.append(f"{one.method} {_without_variables(path)}: {problem}")
            return
        self._seen.add(key)
        self._append(one)

    def _problem(self, one: Exchange) -> str | None:
        if one.status >= 400:
            return f"it answered {one.status} in the recording"
        if one.post_kind.startswith("multipart/"):
            return f"its body ({one.post_kind}) must be written by hand"
        if any(ord(sign) < 9 or sign == "\ufffd" for sign in one.post_text or ""):
            return "its body is not text"
        return None

    def _append(self, one: Exchange) -> None:
        headers, identity, comments = self._headers(one)
        path = self._path(one)
        name = identifier(f"{one.method} {_without_variables(path.split('?')[0])}", "get")
        step = DraftStep(
            name=unique(name, [step.name for step in self.steps]),
            method=one.method,
            path=path,
            headers=sendable(headers),
            expect=(200, 304) if one.status == 304 else (one.status,),
            identity=identity,
            think_time_s=self._pause_s(one),
            comments=comments,
        )
        self.steps.append(self._with_body(step, one))
        self._learn(one)

    def _pause_s(self, one: Exchange) -> float:
        """What passed since the answer before, as far as it looks like somebody thinking."""
        before = self._ended_s
        if one.started_s is None:
            return 0.0
        self._ended_s = max(one.started_s + one.took_s, before or 0.0)
        pause_s = one.started_s - before if before is not None else 0.0
        return 0.0 if pause_s < _SHORTEST_PAUSE_S else round(min(pause_s, _LONGEST_PAUSE_S), 1)

    # Texts.

    def _path(self, one: Exchange) -> str:
        parts = [self._segment(part) for part in one.url.path.split("/")]
        path = "/".join(parts) or "/"
        if not one.url.query:
            return path
        pairs = [self._parameter(*pair.partition("=")[::2]) for pair in one.url.query.split("&")]
        return f"{path}?{'&'.join(pairs)}"

    def _segment(self, part: str) -> str:
        value = unquote(part)
        given = self._use(value)
        if given is not None:
            return given
        text = self.cleaner.text("part", value)
        return text if text.startswith("${") else quote(literal(value), safe="$:@!&'()*+,;=~-._{}")

    def _parameter(self, name: str, value: str) -> str:
        plain = unquote_plus(value)
        shown = self._use(plain) or self.cleaner.text(unquote_plus(name), plain)
        safe_name = FILL_IN if self.cleaner.is_secret(unquote_plus(name)) else name
        named = quote(unquote_plus(safe_name), safe="[]().-_~:")
        return f"{named}={in_url(shown)}"

    def _with_body(self, step: DraftStep, one: Exchange) -> DraftStep:
        if one.post_text is None and not one.post_parameters:
            return step
        if isinstance(one.post_document, dict | list):
            return replace(step, json=self._filled(one.post_document), has_json=True)
        if one.post_kind == _FORM:
            pairs = one.post_parameters or parse_qsl(one.post_text or "", keep_blank_values=True)
            return replace(step, body="&".join(self._field(*pair) for pair in pairs))
        return replace(step, body=self.cleaner.text("body", one.post_text or ""))

    def _field(self, name: str, value: str) -> str:
        plain = unquote_plus(value)
        shown = self._use(plain) or self.cleaner.text(unquote_plus(name), plain)
        return f"{quote(unquote_plus(name), safe='[]')}={in_url(shown)}"

    def _filled(self, value: Any, name: str = "value") -> Any:
        """A JSON body: what an earlier answer gave, else what may be copied."""
        if isinstance(value, dict):
            clean = self.cleaner.json(dict.fromkeys(value))
            return {
                key: self._filled(inner, name)
                for key, (name, inner) in zip(clean, value.items(), strict=True)
            }
        if isinstance(value, list):
            return [self._filled(inner, name) for inner in value]
        if isinstance(value, str) and (given := self._use(value)):
            return given
        return self.cleaner.json(value, name)

    # Headers and identities.

    def _headers(self, one: Exchange) -> tuple[dict[str, str], str | None, tuple[str, ...]]:
        """The headers that are kept, who it is sent as, and which headers were not copied."""
        headers: dict[str, str] = {}
        identity: str | None = None
        more: list[str] = []
        for name, value in sorted(one.sent, key=lambda pair: _rank(pair[0])):
            shown = "-".join(part.capitalize() for part in name.split("-"))
            if name in _KEPT and not self.cleaner.is_secret(value):
                if value != "*/*" and not (name == "content-type" and one.post_text is None):
                    headers[shown] = literal(value)
            elif name == "authorization" and (given := self._bearer(value)):
                headers[shown] = given
            elif is_sensitive_name(name) and identity is None and "Authorization" not in headers:
                identity = self._identity(name, value)
            elif not _OF_BROWSER.fullmatch(name):
                more.append(shown)
        note = (
            f"The recording sent {', '.join(dict.fromkeys(more))} too; what it held is not copied."
        )
        return headers, identity, (note,) if more else ()

    def _bearer(self, value: str) -> str | None:
        """The header that sends the token which an earlier answer gave."""
        scheme, _, token = value.partition(" ")
        given = self._use(token.strip())
        return None if given is None else f"{literal(scheme)} {given}"

    def _identity(self, name: str, value: str) -> str:
        """The name of the identity that sends such a header; made where it is new."""
        scheme = value.partition(" ")[0].lower()
        section: dict[str, Any]
        if name == "authorization" and scheme == "basic":
            section = {
                "basic": {
                    "user": variable("API_USER", "load"),
                    "password": variable("API_PASSWORD", FILL_IN),
                }
            }
        elif name == "authorization" and scheme == "bearer":
            section = {"bearer": variable("API_TOKEN", FILL_IN)}
        else:
            shown = "-".join(part.capitalize() for part in name.split("-"))
            secret = variable(f"{identifier(name, 'api')}_value_token", FILL_IN)
            section = {"header": shown, "value": secret}
        for known, other in self.identities.items():
            if other == section:
                return known
        chosen = unique(f"of_{identifier(name, 'header')}", self.identities)
        self.identities[chosen] = section
        return chosen

    # What answers give to later requests.

    def _learn(self, one: Exchange) -> None:
        step = len(self.steps) - 1
        for path, name, value in _values(one.document):
            if value not in self._given:
                self._given[value] = _Given(step, path, identifier(name, "value"))

    def _use(self, value: str) -> str | None:
        """The variable for a value that an earlier answer gave; its step extracts it then."""
        given = self._given.get(value)
        if given is None:
            return None
        maker = self.steps[given.step]
        name = next((key for key, path in maker.extract.items() if path == given.path), None)
        if name is None:
            taken = [key for step in self.steps for key in step.extract]
            name = unique(given.name, (*taken, "index", "user", "journey", "uuid", "now"))
            extract = {**maker.extract, name: given.path}
            self.steps[given.step] = replace(maker, extract=extract)
        return f"${{{name}}}"


def _rank(header: str) -> int:
    """A request is sent as one identity: as who it is authorised to be, else by its cookies."""
    return {"authorization": 0, "cookie": 2}.get(header, 1)


def _values(
    document: Any, path: str = "$", name: str = "", depth: int = 0
) -> Iterator[tuple[str, str, str]]:
    """The ids and tokens of a JSON answer: where each stands, what it is called, what it is."""
    if depth > 6:
        return
    if isinstance(document, dict):
        for key, inner in document.items():
            if re.fullmatch(r"[A-Za-z_]\w*", str(key), re.ASCII):
                yield from _values(inner, f"{path}.{key}", str(key), depth + 1)
    elif isinstance(document, list):
        for at, inner in enumerate(document[:3]):
            yield from _values(inner, f"{path}[{at}]", name, depth + 1)
    elif _ID_NAME.search(name) and not isinstance(document, bool):
        is_telling = isinstance(document, str) and len(document) >= 4
        if is_telling or (isinstance(document, int) and document >= 100):
            yield path, name, str(document)


def _without_variables(text: str) -> str:
    return re.sub(r"\$\{([^}:]*)[^}]*\}", r"{\1}", text)
