"""A draft as the text of a campaign file, with comments that say what is left to do."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from loadrunner.drafts.draft import FILL_IN, Draft, DraftScenario, DraftStep

_PLAIN: Final = re.compile(r"[A-Za-z_/][\w/.-]*", re.ASCII)
_NOT_TEXT: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_WIDTH: Final = 98
_SHORT: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text_of(draft: Draft) -> str:
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    yield from _head(draft)
    yield f"campaign: {flow(draft.name)}"
    yield "version: 1"
    yield ""
    yield from _target(draft)
    if draft.identities:
        yield ""
        yield from _identities(draft.identities)
    yield ""
    yield "scenarios:"
    for number, scenario in enumerate(draft.scenarios):
        if number:
            yield ""
        yield from _scenario(scenario)
    yield ""
    yield from _judgement()
    yield from _left_out(draft.left_out)


def _head(draft: Draft) -> Iterator[str]:
    count = len(draft.scenarios)
    yield from _comment(
        f"Drafted by `loadrunner init` from {draft.origin}. It runs as it stands, but it is only"
        f" as good as what you fill in: look for '{FILL_IN}' and for the comments, set the loads"
        " to what production sees, and leave out what does not matter."
    )
    if count > 1:
        yield from _comment(
            f"The {count} scenarios start together, so that their rates add up; give one a"
            " start_at to move it, or choose with --scenario."
        )
    yield from _comment("`loadrunner run FILE --debug` sends one journey of each and shows it.")


def _target(draft: Draft) -> Iterator[str]:
    yield "target:"
    for line in draft.address_comments:
        yield from _comment(line, 2)
    yield f"  base_url: {flow('${TARGET_URL:-' + draft.base_url + '}')}"
    yield f"  allow: {flow(list(draft.allow))}   # the hosts that this campaign may load"
    yield "  timeout: 10s"


def _identities(identities: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield from _comment(
        "Who requests are sent as. Give the values in the environment, with --set or in an"
        " --env-file; they are never written anywhere."
    )
    yield "identities:"
    for name, section in identities.items():
        yield f"  {name}:"
        yield from (f"    {key}: {flow(value)}" for key, value in section.items())


def _scenario(scenario: DraftScenario) -> Iterator[str]:
    for line in scenario.comments:
        yield from _comment(line, 2)
    yield f"  {flow(scenario.name)}:"
    if scenario.is_destructive:
        yield "    destructive: true   # left out without --allow-destructive, and in every smoke"
    shared = {step.identity for step in scenario.steps}
    identity = shared.pop() if len(shared) == 1 else None
    if identity is not None:
        yield f"    identity: {identity}"
    yield "    steps:"
    for step in scenario.steps:
        yield from _step(step, has_identity=identity is not None)
    yield "    load:   # journeys per second: what does production see?"
    yield "      - {phase: ramp_up, duration: 10s, rate: {from: 1, to: 5}}"
    yield "      - {phase: plateau, duration: 30s, rate: 5, warm_up: 5s}"


def _step(step: DraftStep, *, has_identity: bool) -> Iterator[str]:
    for line in step.comments:
        yield from _comment(line, 6)
    yield f"      - name: {flow(step.name)}"
    if step.identity is not None and not has_identity:
        yield f"        identity: {step.identity}"
    yield from _request(step)
    yield f"        expect: {flow(list(step.expect))}"
    if step.extract:
        yield f"        extract: {flow(dict(step.extract))}"
    if step.is_stream:
        yield "        stream: sse"
    if step.think_time_s:
        yield f"        think_time: {step.think_time_s:g}s"


def _request(step: DraftStep) -> Iterator[str]:
    whole: dict[str, Any] = {"method": step.method, "path": step.path}
    if step.headers:
        whole["headers"] = dict(step.headers)
    if step.has_json:
        whole["json"] = step.json
    elif step.body is not None:
        whole["body"] = step.body
    line = f"        request: {flow(whole)}"
    if len(line) <= _WIDTH:
        yield line
        return
    yield "        request:"
    yield from _block(whole, 10)


def _block(mapping: Mapping[str, Any], indent: int) -> Iterator[str]:
    """Each key in a line of its own, and what is too long for one below it."""
    for key, value in mapping.items():
        line = f"{' ' * indent}{flow(key)}: {flow(value)}"
        if len(line) > _WIDTH and isinstance(value, dict) and value:
            yield f"{' ' * indent}{flow(key)}:"
            yield from _block(value, indent + 2)
        elif len(line) > _WIDTH and isinstance(value, list):
            yield f"{' ' * indent}{flow(key)}:"
            yield from (f"{' ' * (indent + 2)}- {flow(item)}" for item in value)
        else:
            yield line


def _judgement() -> Iterator[str]:
    yield from _comment(
        "What a run is judged by; docs/criteria.md has the grammar. Say what your users need."
    )
    yield "criteria:"
    yield '  - "error_rate(*@plateau) < 1%"'
    yield '  - "p95(*@plateau) < 1s"'
    yield ""
    yield "# What `loadrunner run --smoke` does, fit for each change in CI."
    yield 'smoke: {duration: 10s, rate: 2, criteria: ["p95(*) < 2s", "rate_5xx(*) == 0%"]}'


def _left_out(reasons: Iterable[str]) -> Iterator[str]:
    listed = list(dict.fromkeys(reasons))
    if not listed:
        return
    yield ""
    yield "# Left out:"
    for reason in listed:
        first, *rest = textwrap.wrap(_one_line(reason), _WIDTH - 4) or [""]
        yield f"# - {first}"
        yield from (f"#   {line}" for line in rest)


def _comment(text: str, indent: int = 0) -> Iterator[str]:
    """A text as comment lines; whatever it holds, it stays a comment."""
    for line in textwrap.wrap(_one_line(text), _WIDTH - indent - 2):
        yield f"{' ' * indent}# {line}"


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def flow(value: Any) -> str:
    """A value on one line, in the YAML that campaign files are read by."""
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT
        return value if is_plain else _quoted(value)
    if isinstance(value, dict):
        pairs = (f"{flow(str(key))}: {flow(inner)}" for key, inner in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else repr(value)


def _quoted(text: str) -> str:
    return '"' + "".join(map(_sign, text)) + '"'


def _sign(sign: str) -> str:
    if sign in _SHORT:
        return _SHORT[sign]
    if sign.isprintable():
        return sign
    code = ord(sign)
    if 0xD800 <= code <= 0xDFFF:  # half a pair is no letter
        return "\\uFFFD"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
