"""A campaign that is begun by a program and finished by a person: what `init` writes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

# What stands where only the user knows the right value.
FILL_IN: Final = "fill-me-in"
DESTRUCTIVE: Final = frozenset({"DELETE", "PUT", "PATCH"})
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_DESTRUCTIVE_PATH: Final = re.compile(
    r"(^|[/_.:-])(delete|remove|purge|destroy|erase|wipe|reset|drop|truncate)([/_.:?-]|$)", re.I
)
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SET_BY_RUNNER: Final = frozenset({"content-length", "transfer-encoding", "connection", "host"})
_LATIN: Final = re.compile(r"[\x20-\x7e\xa0-\xff]*")
_VARIABLE: Final = re.compile(r"\$\{[A-Za-z_]\w*(:-[^}]*)?\}", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True)
class DraftStep:
    """A request. `json` is a body, unless it is NO_BODY; its texts may hold `${…}`."""

    name: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    has_json: bool = False
    body: str | None = None
    expect: tuple[int, ...] = (200,)
    extract: Mapping[str, str] = field(default_factory=dict)
    think_time_s: float = 0.0
    identity: str | None = None
    is_stream: bool = False
    comments: tuple[str, ...] = ()

    @property
    def is_destructive(self) -> bool:
        """Whether it may change or delete what was there before."""
        if self.method in DESTRUCTIVE:
            return True
        return self.method == "POST" and _DESTRUCTIVE_PATH.search(self.path) is not None


@dataclass(frozen=True)
class DraftScenario:
    name: str
    steps: tuple[DraftStep, ...]
    comments: tuple[str, ...] = ()
    is_destructive: bool = False


@dataclass(frozen=True)
class Draft:
    """`identities` are sections of the file by name; `left_out` says what is not in it and why."""

    name: str
    origin: str
    base_url: str
    allow: tuple[str, ...]
    scenarios: tuple[DraftScenario, ...]
    identities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    address_comments: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def sendable(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that a request may have; one line of Latin letters each."""
    kept = {
        name: value.strip()
        for name, value in headers.items()
        if _HEADER.fullmatch(name) and name.lower() not in _SET_BY_RUNNER
    }
    return {
        name: value if _LATIN.fullmatch(value) else variable(identifier(name, "header"), FILL_IN)
        for name, value in kept.items()
    }


def identifier(text: str, otherwise: str) -> str:
    """A name of letters, digits and `_`, as steps, scenarios and variables may have."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text)
    name = "_".join(_WORD.findall(spaced)).lower()[:60].strip("_")
    if not name:
        return otherwise
    return f"_{name}" if name[0].isdigit() else name


def unique(name: str, taken: Iterable[str]) -> str:
    """The name, or the first of name_2, name_3 … that is free."""
    used, candidate, number = set(taken), name, 2
    while candidate in used:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def literal(text: str) -> str:
    """A text of the source, in which nothing is a variable of ours."""
    return text.replace("${", "$${")


def variable(name: str, default: str) -> str:
    """`${NAME:-default}`, for --set and the environment. A default takes no `}` and `$`."""
    return f"${{{name.upper()}:-{re.sub(r'[${}]', '', default) or FILL_IN}}}"


def in_url(text: str) -> str:
    """A text of a query or a form: percent-encoded, but for a variable, which the runner encodes.

    What `literal` has escaped is written without its dollar sign, and needs no escape then.
    """
    return text if _VARIABLE.fullmatch(text) else quote(text.replace("$${", "${"), safe="@.-_~:,")
