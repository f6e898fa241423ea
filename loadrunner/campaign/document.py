"""A YAML file as a tree in which every key and value still knows its line.

YAML is read by the rules of version 1.2: only `true` and `false` are booleans, so that a key
`on` stays a key, `010` is ten and `1:30` is a text. Keys are always texts. Anchors, aliases and
`<<` work, within a budget that an alias bomb exceeds.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

Path = tuple[str | int, ...]
Plain = str | int | float | bool | None

DEEPEST: Final = 50
MOST_VALUES: Final = 50_000
LARGEST_BYTES: Final = 2_000_000
WHOLE: Path = ()

_INT: Final = re.compile(r"[-+]?[0-9]{1,300}", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?", re.ASCII)
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS: Final = {"true": True, "True": True, "TRUE": True} | {
    "false": False,
    "False": False,
    "FALSE": False,
}


class DocumentError(Exception):
    """A text that is not one plain YAML document; `line` is 1-based."""

    def __init__(self, line: int, message: str, path: Path = WHOLE) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.path = path


@dataclass(frozen=True)
class Scalar:
    """`plain`: written without quotes, so that its text may mean a number or a boolean.
    `start` and `end` are offsets in the file's text."""

    text: str
    plain: bool
    line: int
    start: int
    end: int

    @property
    def value(self) -> Plain:
        return typed(self.text) if self.plain else self.text


@dataclass(frozen=True)
class ListNode:
    line: int
    items: tuple["Node", ...] = ()


@dataclass(frozen=True)
class Entry:
    """One key of a mapping: the line that the key stands in, and its value."""

    line: int
    node: "Node"


@dataclass(frozen=True)
class MapNode:
    line: int
    entries: Mapping[str, Entry] = field(default_factory=dict)


Node = Scalar | ListNode | MapNode


def typed(text: str) -> Plain:
    """What an unquoted text means. NaN, infinities and what would overflow stay texts."""
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and abs(number := float(text)) != float("inf"):
        return number
    return text


def line_of(root: Node, path: Path) -> int:
    """The line of the key at the path, or of the nearest key above it that exists."""
    line, node = root.line, root
    for part in path:
        if isinstance(node, MapNode) and part in node.entries:
            entry = node.entries[str(part)]
            line, node = entry.line, entry.node
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            line = node.line
        else:
            break
    return line


def scalars(node: Node, path: Path = ()) -> Iterator[tuple[Path, Scalar]]:
    """Every value with its path, in the order of the file."""
    if isinstance(node, Scalar):
        yield path, node
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from scalars(item, (*path, index))
    else:
        for key, entry in node.entries.items():
            yield from scalars(entry.node, (*path, key))


def decoded(raw: bytes) -> str:
    """The file's text. Raises DocumentError where it is not UTF-8 or too large."""
    if len(raw) > LARGEST_BYTES:
        raise DocumentError(
            1, f"found {len(raw):,} bytes, allowed: at most {LARGEST_BYTES:,}; put data into CSV"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        byte = raw[error.start]
        raise DocumentError(line, f"found the byte 0x{byte:02x}, allowed: UTF-8 text") from error


def composed(text: str) -> Node:
    """The tree of the text's one document. Raises DocumentError."""
    try:
        return _Composer(text).document()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = ord(error.character) if isinstance(error.character, str) else error.character
        raise DocumentError(
            line, f"found the character U+{code:04X}, allowed: printable text"
        ) from error
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text) from error


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> DocumentError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    problem = error.problem or str(error)
    if "'\\t'" in problem:
        return DocumentError(line, "found a tab, allowed: spaces for indentation")
    column = f" in column {mark.column + 1}" if mark else ""
    context = f" {error.context}" if error.context else ""
    in_line = text.splitlines()[line - 1 : line]
    hint = ", allowed: ${…} in quotes inside of { } and [ ]" if "${" in "".join(in_line) else ""
    return DocumentError(line, f"is not YAML{column}:{context} {problem}{hint}")


class _Composer:
    """Events to nodes. It is not yaml's own composer, which forgets the lines of keys, takes
    the last of two equal keys, and follows aliases without a limit."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._count = 0

    def document(self) -> Node:
        next(self._events)
        event = next(self._events)
        if isinstance(event, StreamEndEvent):
            raise DocumentError(
                1, "found an empty file, allowed: a mapping with campaign, target and scenarios"
            )
        root = self._node(next(self._events), (), 0)
        self._only_document()
        return root

    def _only_document(self) -> None:
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                raise DocumentError(
                    _line(event), "found a second document, allowed: one document in a file"
                )
            assert isinstance(event, DocumentEndEvent | StreamEndEvent)

    def _node(self, event: Event, path: Path, depth: int) -> Node:
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        before = self._count
        self._spend(1, event, path)
        if depth > DEEPEST:
            raise DocumentError(
                _line(event), f"is nested more than {DEEPEST} deep, allowed: less", path
            )
        node = self._fresh(event, path, depth)
        if isinstance(event, NodeEvent) and event.anchor:
            self._anchors[event.anchor] = (node, self._count - before)
        return node

    def _fresh(self, event: Event, path: Path, depth: int) -> Node:
        _refuse_tag(event, path)
        if isinstance(event, ScalarEvent):
            return _scalar(event, path)
        if isinstance(event, SequenceStartEvent):
            return self._list(event, path, depth)
        assert isinstance(event, MappingStartEvent)
        return self._map(event, path, depth)

    def _alias(self, event: AliasEvent, path: Path) -> Node:
        if event.anchor not in self._anchors:
            raise DocumentError(
                _line(event), f"found *{event.anchor}, allowed: an anchor that ends above it", path
            )
        node, size = self._anchors[event.anchor]
        self._spend(size, event, path)
        return node

    def _spend(self, size: int, event: Event, path: Path) -> None:
        self._count += size
        if self._count > MOST_VALUES:
            raise DocumentError(
                _line(event),
                f"holds more than {MOST_VALUES:,} values once its aliases are followed,"
                " allowed: fewer",
                path,
            )

    def _list(self, event: Event, path: Path, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(item := next(self._events), SequenceEndEvent):
            items.append(self._node(item, (*path, len(items)), depth + 1))
        return ListNode(_line(event), tuple(items))

    def _map(self, event: Event, path: Path, depth: int) -> MapNode:
        entries: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        while not isinstance(key := next(self._events), MappingEndEvent):
            name = _key(key, path)
            inside = (*path, name)
            if name in entries:
                first = entries[name].line
                raise DocumentError(
                    _line(key), f"stands here again, allowed: once; it is in line {first}", inside
                )
            node = self._node(next(self._events), inside, depth + 1)
            if name == "<<" and isinstance(key, ScalarEvent) and key.style is None:
                merged |= _merge(node, _line(key), inside)
            else:
                entries[name] = Entry(_line(key), node)
        return MapNode(_line(event), merged | entries)


def _line(event: Event) -> int:
    return _offsets(event)[0]


def _offsets(event: Event) -> tuple[int, int, int]:
    """The 1-based line, and where the event starts and ends in the text."""
    start, end = event.start_mark, event.end_mark
    assert start is not None
    assert end is not None
    return start.line + 1, start.index, end.index


def _key(event: Event, path: Path) -> str:
    if not isinstance(event, ScalarEvent):
        raise DocumentError(_line(event), "found a key that is no text, allowed: texts", path)
    _refuse_tag(event, path)
    return str(event.value)


def _scalar(event: ScalarEvent, path: Path) -> Scalar:
    text = str(event.value)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise DocumentError(_line(event), "found half a surrogate pair, allowed: characters", path)
    line, start, end = _offsets(event)
    return Scalar(text, event.style is None, line, start, end)


def _refuse_tag(event: Event, path: Path) -> None:
    tag = getattr(event, "tag", None)
    if tag is not None:
        raise DocumentError(
            _line(event), f"found the tag {tag}, allowed: values without tags", path
        )


def _merge(node: Node, line: int, path: Path) -> dict[str, Entry]:
    """The entries of `<<`: of several mappings the first that has a key wins."""
    parts = node.items if isinstance(node, ListNode) else (node,)
    merged: dict[str, Entry] = {}
    for part in parts:
        if not isinstance(part, MapNode):
            raise DocumentError(line, "found no mapping, allowed: *NAME of a mapping", path)
        merged = {**part.entries, **merged}
    return merged
