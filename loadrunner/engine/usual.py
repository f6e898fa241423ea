"""The usual answer to a request: what a parser need not read again.

How long an answer is, and its status, follow from its head alone where the head says the length.
So an answer that begins with the same bytes as the last one, and is as long, is parsed as that one
was: comparing costs a twentieth of parsing. Whatever else comes goes to the parser.
"""

from typing import Final

# So many heads are learnt of a service that never sends the same one twice; then no more. A hit
# begins the count anew, since most heads change with their date, once a second.
PATIENCE: Final = 64
_HEAD_AT_MOST: Final = 8192
_LENGTH: Final = b"\r\ncontent-length:"


class Usual:
    """The last whole answer of a step that came in one piece on a connection that stays open.
    `length` is that of head and body together, 0 where none is known."""

    __slots__ = ("head", "length", "patience", "status")

    def __init__(self) -> None:
        self.head = b""
        self.length = 0
        self.status = 0
        self.patience = PATIENCE

    def learn(self, answer: bytes, status: int) -> None:
        """Take an answer, which the parser found whole, for the usual one from now on."""
        if self.patience == 0:
            return
        self.patience -= 1
        end = answer.find(b"\r\n\r\n") + 4
        is_framed = _frames(answer[:end].lower(), len(answer) - end)
        self.head = answer[:end] if is_framed else b""
        self.length = len(answer) if is_framed else 0
        self.status = status


def _frames(head: bytes, body: int) -> bool:
    """Whether a head in lower case says by itself that its body has so many bytes."""
    at = head.find(_LENGTH)
    if at < 0 or len(head) > _HEAD_AT_MOST or b"\r\ntransfer-encoding:" in head:
        return False
    said = head[at + len(_LENGTH) : head.find(b"\r\n", at + 2)].strip()
    return said.isdigit() and int(said) == body
