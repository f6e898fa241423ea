"""Joins the pieces of a request: a part of the measured hot path, hence alone and less pretty.

Going through a list of pieces takes half as long again as naming each, so the joining of a
request is written out as code, once. Of a POST whose body has the journey's number in it comes

    def encode(credential, trace, source):
        v5 = b"%d" % source.number
        length = 25 + len(v5)
        return b"".join((p0, credential, p2, b"%016x" % trace, p4, b"%d" % length, p6, v7, p8))

No text of a campaign becomes code: pieces and variables stand in it by their places alone.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Protocol, cast

from loadrunner.campaign.model import Variable

# Room for what is not the campaign's; no variable of a campaign can be called so.
CREDENTIAL, TRACE, LENGTH = (Variable(f"({name})") for name in ("credential", "trace", "length"))

_OURS: Final = {
    CREDENTIAL: "credential",
    TRACE: 'b"%016x" % trace',
    LENGTH: 'b"%d" % length',
}

Piece = bytes | Variable


class Source(Protocol):
    """Who sends a request: the number of the journey, and the text of its variables."""

    number: int

    def text(self, variable: Variable) -> str: ...


Encode = Callable[[bytes, int, Source], bytes]
"""Credential (the identity's header line or nothing), trace number, source -> a request's bytes."""


def encoder(head: Sequence[Piece], body: Sequence[Piece], numbers: Collection[str]) -> Encode:
    """The function for one request; `numbers` are the variables that are the journey's number."""
    pieces = (*head, *body)
    places = range(len(pieces))
    values = {at: _value(at, piece, numbers) for at, piece in enumerate(pieces) if _varies(piece)}
    length = sum(len(piece) for piece in body if isinstance(piece, bytes))
    lengths = [f"len(v{at})" for at in values if at >= len(head)]
    lines = [
        f"def encode(credential, trace, source, {''.join(f'p{at}=p{at}, ' for at in places)}):",
        *(f"    v{at} = {value}" for at, value in values.items()),
        f"    length = {' + '.join([str(length), *lengths])}" if LENGTH in head else "",
        f"    return b''.join(({''.join(f'{_item(at, pieces[at])}, ' for at in places)}))",
    ]
    names: dict[str, Any] = {f"p{at}": piece for at, piece in enumerate(pieces)}
    exec("\n".join(lines), names)
    return cast("Encode", names["encode"])


def _varies(piece: Piece) -> bool:
    return isinstance(piece, Variable) and piece not in _OURS


def _value(at: int, piece: Piece, numbers: Collection[str]) -> str:
    is_number = isinstance(piece, Variable) and piece.name in numbers
    return 'b"%d" % source.number' if is_number else f"source.text(p{at}).encode()"


def _item(at: int, piece: Piece) -> str:
    if isinstance(piece, bytes):
        return f"p{at}"
    return _OURS.get(piece) or f"v{at}"
