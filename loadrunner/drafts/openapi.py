"""An OpenAPI document (3.x, or Swagger 2.0) as a draft: a scenario for each of its tags.

What a tag's requests read makes one journey. What changes or deletes goes into a scenario of its
own that is marked as destructive, and begins with the request that makes what it then deletes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from loadrunner.drafts import addresses
from loadrunner.drafts.addresses import Address
from loadrunner.drafts.draft import Draft, DraftScenario, DraftStep, identifier, unique
from loadrunner.drafts.operations import Operation, operations
from loadrunner.drafts.references import References
from loadrunner.drafts.security import Security

_FRONT: Final = DraftStep("front_page", "GET", "/", expect=(200, 301, 302, 307, 404))


def is_openapi(document: Any) -> bool:
    return isinstance(document, dict) and ("openapi" in document or "swagger" in document)


def draft(document: Mapping[str, Any], origin: str, address: Address | None) -> Draft:
    """`address` is where the user says that requests go, None for the document's own server."""
    references = References(document)
    server = _server(document)
    security = Security(document, references, urlsplit(server or "").path.rstrip("/"))
    listed, left_out = operations(document, references, security)
    scenarios = _scenarios(listed)
    if all(scenario.is_destructive for scenario in scenarios):
        note = "Nothing of the document is harmless to send; this one request is."
        scenarios.insert(0, DraftScenario("front_page", (_FRONT,), (note,)))
    used = {step.identity for scenario in scenarios for step in scenario.steps}
    outside = [
        f"{target}: is in another document, which was not read" for target in references.outside
    ]
    where = address or addresses.found(server)
    return Draft(
        name=_name(document),
        origin=origin,
        base_url=where.base_url,
        allow=where.allow,
        address_comments=where.comments,
        scenarios=tuple(scenarios),
        identities={name: section for name, section in security.identities.items() if name in used},
        left_out=(*left_out, *outside),
    )


def _name(document: Mapping[str, Any]) -> str:
    info = document.get("info")
    title = info.get("title") if isinstance(info, dict) else None
    return identifier(str(title or ""), "drafted")


def _server(document: Mapping[str, Any]) -> str | None:
    """The first server's address, its variables filled in."""
    if "swagger" in document:
        return _swagger_server(document)
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    if not isinstance(first, dict) or not isinstance(first.get("url"), str):
        return None
    url: str = first["url"]
    variables = first.get("variables")
    for name, one in variables.items() if isinstance(variables, dict) else ():
        if isinstance(one, dict):
            url = url.replace(f"{{{name}}}", str(one.get("default", "")))
    return url


def _swagger_server(document: Mapping[str, Any]) -> str | None:
    schemes, host = document.get("schemes"), document.get("host")
    base = document.get("basePath")
    path = base if isinstance(base, str) and base.startswith("/") else ""
    if not isinstance(host, str):
        return path or None
    scheme = schemes[0] if isinstance(schemes, list) and schemes else "https"
    return f"{scheme}://{host}{path}"


def _scenarios(listed: Sequence[Operation]) -> list[DraftScenario]:
    groups: dict[str, list[Operation]] = {}
    for operation in listed:
        groups.setdefault(operation.group, []).append(operation)
    scenarios: list[DraftScenario] = []
    for name, group in groups.items():
        for scenario in _of_group(name, group):
            taken = [one.name for one in scenarios]
            scenarios.append(replace(scenario, name=unique(scenario.name, taken)))
    return scenarios


def _of_group(name: str, group: Sequence[Operation]) -> Iterable[DraftScenario]:
    """One journey of what is harmless, one of what is not."""
    harmless = [one for one in group if not one.step.is_destructive]
    harmful = [one for one in group if one.step.is_destructive]
    if harmless:
        yield DraftScenario(name, _journey(harmless))
    if harmful:
        makers = [one for one in harmless if any(one.makes(other) for other in harmful)]
        notes = ["What changes or deletes. Run it against data that nobody needs."]
        if makers:
            notes.append("It begins by making what it then changes.")
        steps = _journey([*makers, *harmful])
        yield DraftScenario(f"{name}_changes", steps, tuple(notes), is_destructive=True)


def _journey(group: Sequence[Operation]) -> tuple[DraftStep, ...]:
    """The requests in order, makers first, deleters last; ids that one answers go to the others."""
    ordered = sorted(group, key=lambda one: (_stage(one, group), one.number))
    steps: list[DraftStep] = []
    for at, one in enumerate(ordered):
        maker = next((other for other in ordered[:at] if other.makes(one)), None)
        step = one.step if maker is None else one.with_id_of(maker)
        extract = _extracted(one, ordered[at + 1 :])
        steps.append(replace(step, extract=extract))
    names: list[str] = []
    for step in steps:
        names.append(unique(step.name, names))
    return tuple(replace(step, name=name) for step, name in zip(steps, names, strict=True))


def _stage(one: Operation, group: Sequence[Operation]) -> int:
    if one.step.method == "DELETE":
        return 2
    return 0 if any(one.makes(other) for other in group if other is not one) else 1


def _extracted(maker: Operation, later: Sequence[Operation]) -> dict[str, str]:
    return {
        one.id_variable: maker.id_path
        for one in later
        if maker.makes(one) and one.id_variable and maker.id_path
    }
