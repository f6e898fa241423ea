"""`${name}`, `${name:-default}` and the escape `$${`: what they mean where they stand.

Names are looked up in the contract's order: extracted, data (`set.column`), built-ins, `--set`,
then the environment. The first three are only known while a journey runs and become a Variable;
the others are folded into the text.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from loadrunner.campaign.found import did_you_mean, one_of, shortened
from loadrunner.campaign.model import Escape, Template, Variable
from loadrunner.campaign.positions import is_secret_name

BUILT_INS: Final = ("index", "user", "journey", "uuid", "now")
_NAME: Final = r"[A-Za-z_]\w*(?:\.[\w-]+)?"
VARIABLE_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_TOKEN: Final = re.compile(
    rf"(?P<escape>\$\$\{{)|\$\{{(?P<name>{_NAME})(?::-(?P<default>(?:[^}}$]|\$(?!\{{))*))?\}}|(?P<bad>\$\{{)",
    re.ASCII,
)


class VariableError(Exception):
    """A `${…}` that cannot be read or is not known there; the text says what is allowed."""


@dataclass(frozen=True)
class Placeholder:
    name: str
    default: str | None = None

    def __str__(self) -> str:
        default = "" if self.default is None else f":-{self.default}"
        return f"${{{self.name}{default}}}"


@dataclass(frozen=True)
class Scope:
    """What a running journey knows at one place of the file.

    `columns` are the data sets with their columns (None where the file could not be read);
    `later` are names with the step that extracts them, which is not an earlier one.
    """

    extracted: Collection[str] = ()
    columns: Mapping[str, Collection[str] | None] = field(default_factory=dict)
    built_ins: Collection[str] = ()
    later: Mapping[str, str] = field(default_factory=dict)

    def is_dynamic(self, name: str) -> bool:
        set_name, _, column = name.partition(".")
        if column and set_name in self.columns:
            columns = self.columns[set_name]
            return columns is None or column in columns
        return name in self.extracted or name in self.built_ins

    @property
    def names(self) -> tuple[str, ...]:
        data = [f"{one}.{column}" for one, has in self.columns.items() for column in has or ()]
        return (*self.extracted, *data, *self.built_ins)


NOTHING: Final = Scope()


@dataclass
class Settings:
    """The names that are known before the run. `used` and `secrets` grow as they are looked up."""

    given: Mapping[str, str]
    environment: Mapping[str, str]
    used: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)

    def lookup(self, name: str) -> str | None:
        self.used.add(name)
        return self.given.get(name, self.environment.get(name))

    def text(self, placeholder: Placeholder, scope: Scope, is_secret: bool) -> str:
        """The value of a name that is not dynamic, be it that a later step extracts it: nothing
        is extracted yet. An empty value counts as unset where there is a default, as in a
        shell."""
        value = self.lookup(placeholder.name)
        if placeholder.default is not None:
            value = value or placeholder.default
        if value is None:
            raise VariableError(self._unknown(placeholder.name, scope))
        if is_secret or is_secret_name(placeholder.name):
            self.secrets.add(value)
        return value

    def _unknown(self, name: str, scope: Scope) -> str:
        if name in scope.later:
            return (
                f"found ${{{name}}}, which is extracted by {scope.later[name]};"
                f" allowed: names that an earlier step extracts, or a value for it from --set"
                f" {name}=…, the environment or ${{{name}:-default}}"
            )
        set_name, _, column = name.partition(".")
        if column and set_name in scope.columns:
            columns = scope.columns[set_name] or ()
            return (
                f"found ${{{name}}}, but the data set {set_name} has no column '{column}';"
                f" allowed: {one_of(columns)}{did_you_mean(column, columns)}"
            )
        known = (*scope.names, *self.given, "the environment")
        return (
            f"found ${{{name}}}, which is not known here; set it with --set {name}=… or in the"
            f" environment, or write ${{{name}:-default}}; known here: {', '.join(known)}"
            f"{did_you_mean(name, (*known[:-1], *self.environment))}"
        )


def pieces(text: str) -> Iterator[str | Placeholder]:
    """The literal texts and variables of a text, in order. Raises VariableError."""
    position = 0
    for match in _TOKEN.finditer(text):
        if match.start() > position:
            yield text[position : match.start()]
        position = match.end()
        if match["bad"]:
            rest = shortened(text[match.start() :])
            raise VariableError(
                f"found '{rest}', allowed: ${{name}}, ${{set.column}} or ${{name:-default}};"
                " write $${ for the letters themselves"
            )
        yield "${" if match["escape"] else Placeholder(match["name"], match["default"])
    if position < len(text):
        yield text[position:]


def compiled(
    text: str, scope: Scope, settings: Settings, *, escape: Escape = "none", is_secret: bool = False
) -> Template:
    """A text as a template: static names folded in, dynamic ones as variables."""
    parts = [_part(piece, scope, settings, escape, is_secret) for piece in pieces(text)]
    return joined(parts)


def _part(
    piece: str | Placeholder, scope: Scope, settings: Settings, escape: Escape, is_secret: bool
) -> str | Variable:
    if isinstance(piece, Placeholder):
        if scope.is_dynamic(piece.name):
            return _variable(piece, escape)
        piece = settings.text(piece, scope, is_secret)
    return json.dumps(piece, ensure_ascii=False)[1:-1] if escape == "json" else piece


def _variable(placeholder: Placeholder, escape: Escape) -> Variable:
    if placeholder.default is not None:
        raise VariableError(
            f"found {placeholder}, allowed: ${{{placeholder.name}}}; only --set and environment"
            " variables take a default"
        )
    return Variable(placeholder.name, escape)


def joined(parts: list[str | Variable]) -> Template:
    """The same template with neighbouring texts made one, and empty ones left out."""
    template: list[str | Variable] = []
    for part in parts:
        if isinstance(part, str) and template and isinstance(template[-1], str):
            template[-1] += part
        elif part != "":
            template.append(part)
    return tuple(template)


def static(text: str, settings: Settings, *, is_secret: bool = False) -> str:
    """A text in which only names that are known before the run may stand."""
    return "".join(str(part) for part in compiled(text, NOTHING, settings, is_secret=is_secret))
