"""The operations of an OpenAPI document, each as a step with values filled in."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, quote_plus

from loadrunner.drafts.draft import (
    FILL_IN,
    METHODS,
    DraftStep,
    identifier,
    in_url,
    literal,
    sendable,
    variable,
)
from loadrunner.drafts.references import References
from loadrunner.drafts.sample_values import sample
from loadrunner.drafts.security import Security
from loadrunner.drafts.sensitive import Cleaner, is_sensitive_name

_PARAMETER: Final = re.compile(r"\{([^{}/]+)\}")
_FORM: Final = "application/x-www-form-urlencoded"
_SOME_UUID: Final = "00000000-0000-4000-8000-000000000001"
_SUCCESS: Final = {"2xx": (200, 201, 202, 204)}


@dataclass(frozen=True)
class Operation:
    """`template` is its path as the document writes it; `id_path` is where the id of what it
    makes stands in its answer, `id_variable` what the last parameter of its path is called."""

    number: int
    group: str
    template: str
    step: DraftStep
    id_path: str | None = None
    id_variable: str | None = None

    def makes(self, other: "Operation") -> bool:
        """Whether the other is about what this one makes: POST /items, GET /items/{item_id}."""
        if self.step.method != "POST" or self.id_path is None or other.id_variable is None:
            return False
        rest = other.template.removeprefix(self.template.rstrip("/"))
        return rest != other.template and re.fullmatch(r"/\{[^{}/]+\}(/[^{}]*)?", rest) is not None

    def with_id_of(self, _maker: "Operation") -> DraftStep:
        """The step, its path's last parameter taken from what was made."""
        given = re.compile(rf"\$\{{{self.id_variable}:-[^}}]*\}}", re.IGNORECASE)
        path = given.sub(f"${{{self.id_variable}}}", self.step.path)
        comments = tuple(one for one in self.step.comments if not one.startswith("Fill in"))
        return replace(self.step, path=path, comments=comments)


def operations(
    document: Mapping[str, Any], references: References, security: Security
) -> tuple[list[Operation], list[str]]:
    """All that can be sent, in the document's order, and what was left out and why."""
    reader = _Reader(document, references, security)
    paths = document.get("paths")
    for template, item in paths.items() if isinstance(paths, dict) else ():
        reader.read(str(template), references.followed(item))
    return reader.listed, reader.left_out


class _Reader:
    def __init__(
        self, document: Mapping[str, Any], references: References, security: Security
    ) -> None:
        self.listed: list[Operation] = []
        self.left_out: list[str] = []
        self._consumes = document.get("consumes")
        self._references = references
        self._security = security

    def read(self, template: str, item: Any) -> None:
        if not isinstance(item, dict) or not template.startswith("/"):
            return
        for method in METHODS:
            operation = item.get(method.lower())
            if isinstance(operation, dict):
                shared = [*_list(item.get("parameters")), *_list(operation.get("parameters"))]
                self._read(template, method, operation, shared)

    def _read(
        self, template: str, method: str, operation: Mapping[str, Any], shared: Sequence[Any]
    ) -> None:
        what = f"{method} {template}"
        if operation.get("deprecated") is True:
            self.left_out.append(f"{what}: deprecated")
            return
        parameters = _by_place(map(self._references.followed, shared))
        content, problem = self._content(operation, parameters)
        if problem:
            self.left_out.append(f"{what}: {problem}")
            return
        self.listed.append(self._operation(template, method, operation, parameters, content))

    def _operation(
        self,
        template: str,
        method: str,
        operation: Mapping[str, Any],
        parameters: Mapping[str, list[dict[str, Any]]],
        content: Mapping[str, Any],
    ) -> Operation:
        identity, query = self._security.of(operation)
        path, fill_in = self._path(template, parameters["path"])
        query |= {
            str(one["name"]): self._value(one)
            for one in parameters["query"]
            if one.get("required") is True
        }
        headers = {
            **content.get("headers", {}),
            **{
                str(one["name"]): self._value(one)
                for one in parameters["header"]
                if one.get("required") is True
            },
        }
        comments = [] if not fill_in else [f"Fill in {', '.join(fill_in)}: which ones are there?"]
        summary = operation.get("summary")
        named = operation.get("operationId") or f"{method} {template}"
        step = DraftStep(
            name=identifier(str(named), "request"),
            method=method,
            path=path + _query(query),
            headers=sendable(headers),
            json=content.get("json"),
            has_json="json" in content,
            body=content.get("body"),
            expect=_expected(operation),
            identity=identity,
            is_stream=_is_stream(self._responses(operation)),
            comments=(*([str(summary)[:200]] if summary else []), *comments),
        )
        last = _PARAMETER.findall(template)
        return Operation(
            number=len(self.listed),
            group=_group(template, operation),
            template=template,
            step=step,
            id_path=self._id_path(operation) if method == "POST" else None,
            id_variable=identifier(last[-1], "id") if last else None,
        )

    def _path(
        self, template: str, parameters: Sequence[Mapping[str, Any]]
    ) -> tuple[str, list[str]]:
        """The path with a variable for each of its parameters, and what these are called."""
        known = {str(one["name"]): one for one in parameters}
        names: list[str] = []
        pieces: list[str] = []
        for at, part in enumerate(_PARAMETER.split(template)):
            if at % 2 == 0:
                pieces.append(quote(literal(part), safe="/:@!$&'()*+,;=~-._{}"))
                continue
            value = self._value(known.get(part, {"name": part, "type": "string"}))
            name = identifier(part, "id").upper()
            names.append(name)
            pieces.append(variable(name, _plain(value)))
        return "".join(pieces), names

    def _value(self, parameter: Mapping[str, Any]) -> str:
        """A parameter's value as a text; a variable where it may be a secret."""
        name = str(parameter["name"])
        examples = parameter.get("examples")
        given = parameter.get("example")
        if given is None and isinstance(examples, dict):
            first = self._references.followed(next(iter(examples.values()), None))
            given = first.get("value") if isinstance(first, dict) else None
        if given is None:
            given = sample(parameter.get("schema", parameter), name, self._references)
        elif isinstance(given, str):
            given = Cleaner().text(name, given)
        if given is None:
            given = variable(
                identifier(name, "value"), "1" if is_sensitive_name(name) else "sample"
            )
        return _as_text(given)

    def _content(
        self, operation: Mapping[str, Any], parameters: Mapping[str, list[dict[str, Any]]]
    ) -> tuple[dict[str, Any], str | None]:
        """The body as keys of a step, or why it cannot be written."""
        body = self._references.followed(operation.get("requestBody"))
        if isinstance(body, dict) and isinstance(body.get("content"), dict):
            return self._of_media(body["content"], is_required=body.get("required") is True)
        if parameters["body"]:
            one = parameters["body"][0]
            return {"json": sample(one.get("schema", {}), "body", self._references)}, None
        if parameters["formData"]:
            return self._of_form(operation, parameters["formData"])
        return {}, None

    def _of_media(
        self, content: Mapping[str, Any], *, is_required: bool
    ) -> tuple[dict[str, Any], str | None]:
        for kind, media in content.items():
            plain = str(kind).split(";")[0].strip().lower()
            value = self._example(media)
            if plain == "application/json" or plain.endswith("+json"):
                own = {} if plain == "application/json" else {"headers": {"Content-Type": plain}}
                return {"json": value, **own}, None
            if plain == _FORM and isinstance(value, dict):
                return {"body": _form(value), "headers": {"Content-Type": _FORM}}, None
            if plain.startswith("text/") or plain.endswith("xml"):
                return {"body": _as_text(value), "headers": {"Content-Type": plain}}, None
        if is_required and content:
            return {}, f"its body ({', '.join(map(str, content))}) must be written by hand"
        return {}, None

    def _of_form(
        self, operation: Mapping[str, Any], fields: Sequence[Mapping[str, Any]]
    ) -> tuple[dict[str, Any], str | None]:
        """The form fields of Swagger 2.0."""
        consumes = _list(operation.get("consumes")) or _list(self._consumes)
        if "multipart/form-data" in consumes or any(one.get("type") == "file" for one in fields):
            return {}, "its body (multipart/form-data) must be written by hand"
        values = {str(one["name"]): self._value(one) for one in fields}
        return {"body": _form(values), "headers": {"Content-Type": _FORM}}, None

    def _example(self, media: Any) -> Any:
        if not isinstance(media, dict):
            return None
        if "example" in media:
            return Cleaner().json(media["example"])
        examples = media.get("examples")
        if isinstance(examples, dict) and examples:
            first = self._references.followed(next(iter(examples.values())))
            if isinstance(first, dict) and "value" in first:
                return Cleaner().json(first["value"])
        return sample(media.get("schema", {}), "body", self._references)

    def _responses(self, operation: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The successful ones."""
        responses = operation.get("responses")
        for status, response in responses.items() if isinstance(responses, dict) else ():
            found = self._references.followed(response)
            if str(status).startswith("2") and isinstance(found, dict):
                yield found

    def _id_path(self, operation: Mapping[str, Any]) -> str | None:
        """Where the answer says the id of what was made."""
        for response in self._responses(operation):
            content = response.get("content")
            medias = list(content.values()) if isinstance(content, dict) else [response]
            schema = next((one.get("schema") for one in medias if isinstance(one, dict)), None)
            names = self._properties(schema)
            for name in ("id", "uuid", "_id"):
                if name in names:
                    return f"$.{name}"
            ids = [name for name in names if re.fullmatch(r"\w+(_id|Id)", name)]
            if len(ids) == 1:
                return f"$.{ids[0]}"
        return None

    def _properties(self, schema: Any, depth: int = 0) -> list[str]:
        found = self._references.followed(schema)
        if not isinstance(found, dict) or depth > 5:
            return []
        own = found.get("properties")
        names = [str(name) for name in own] if isinstance(own, dict) else []
        for part in _list(found.get("allOf")):
            names += self._properties(part, depth + 1)
        return names


def _plain(value: str) -> str:
    """A value that can be a variable's default: not a variable itself."""
    if not value.startswith("${"):
        return value
    return _SOME_UUID if value == "${uuid}" else FILL_IN


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _by_place(parameters: Any) -> dict[str, list[dict[str, Any]]]:
    """Parameters by where they go; one of the operation replaces one of its path."""
    last = {
        (one.get("in"), one["name"]): one
        for one in parameters
        if isinstance(one, dict) and "name" in one
    }
    places: dict[str, list[dict[str, Any]]] = {
        place: [] for place in ("path", "query", "header", "body", "formData")
    }
    for (place, _), one in last.items():
        if place in places:
            places[str(place)].append(one)
    return places


def _group(template: str, operation: Mapping[str, Any]) -> str:
    """The operation's first tag, else the first word of its path that is no version."""
    tags = _list(operation.get("tags"))
    if tags:
        return identifier(str(tags[0]), "flow")
    words = [part for part in template.split("/") if part and not part.startswith("{")]
    named = [part for part in words if not re.fullmatch(r"api|rest|v\d+(\.\d+)?", part)]
    return identifier((named or words or ["root"])[0], "flow")


def _expected(operation: Mapping[str, Any]) -> tuple[int, ...]:
    """The successful statuses that the document names, 200 where it names none."""
    responses = operation.get("responses")
    statuses: list[int] = []
    for key in responses if isinstance(responses, dict) else ():
        text = str(key).lower()
        if re.fullmatch(r"[23]\d\d", text):
            statuses.append(int(text))
        statuses.extend(_SUCCESS.get(text, ()))
    good = [status for status in statuses if status < 300] or statuses
    return tuple(sorted(set(good))) or (200,)


def _is_stream(responses: Iterator[Mapping[str, Any]]) -> bool:
    kinds = [kind for one in responses for kind in (one.get("content") or {})]
    return "text/event-stream" in kinds


def _query(values: Mapping[str, str]) -> str:
    if not values:
        return ""
    return "?" + "&".join(
        f"{quote(name, safe='[]')}={in_url(value)}" for name, value in values.items()
    )


def _form(values: Mapping[str, Any]) -> str:
    fields = ((quote_plus(name), in_url(_as_text(value))) for name, value in values.items())
    return "&".join(f"{name}={value}" for name, value in fields)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(_as_text, value))
    return "" if value is None else str(value)
