"""Each short cut of the measured path says what the long way says, or leaves the word to it."""

import asyncio
import json
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadrunner.campaign.model import Request, Template, Variable
from loadrunner.engine.connection import Connection
from loadrunner.engine.content import parsed
from loadrunner.engine.extraction import reader, text_of
from loadrunner.engine.json_path import Path, found
from loadrunner.engine.usual import Usual
from loadrunner.engine.wire import Stamp, Wire, origin

# Values from an answer.

PATHS: dict[str, Path] = {"id": ("id",), "deep": ("a", 1, "id")}
WORDS = st.sampled_from(["id", "a", "x", ""])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=5)
)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3)
)


def the_long_way(body: bytes, paths: dict[str, Path]) -> dict[str, str]:
    """Raises ValueError where it is no JSON; without the values that are not there."""
    document = parsed(body)
    values = {name: found(document, path) for name, path in paths.items()}
    return {name: text_of(value) for name, value in values.items() if value is not None}


def check(body: bytes, paths: dict[str, Path]) -> bool:
    """That no doubt means the same texts; whether there was none."""
    texts: dict[str, str] = {}
    is_sure = reader(paths)(body, texts)
    if is_sure:
        assert texts == the_long_way(body, paths)
    return is_sure


@pytest.mark.parametrize(
    ("body", "is_sure"),
    [
        (b'{"id": "ord_7f3a9c21", "total": 12.5, "list": [1, {}]}', True),
        (b'{"id": 18446744073709551615}', True),
        (b' {"id": -0}\n', True),
        (b'{"id": "a", "id": "b"}', True),
        ('{"id": "\\u00e9\\ud83d\\ude00 \u00fc"}'.encode(), True),
        (b'{"id": 18446744073709551616}', False),  # orjson makes a float of it
        (b'{"id": 1.0}', False),
        (b'{"id": true}', False),
        (b'{"id": {"a": 1}}', False),
        (b'{"id": null}', False),
        (b'{"other": 1}', False),
        (b'{"id": "\\ud800"}', False),  # half a pair: json takes it, orjson does not
        (b'\xef\xbb\xbf{"id": "a"}', False),
        ('{"id": "a"}'.encode("utf-16"), False),
        (b'{"id": "a", "more": NaN}', False),
        (b'{"id": "a"} x', False),
        (b'{"id": "a"', False),
        (b"[" * 5000 + b"]" * 5000, False),
        (b"", False),
    ],
)
def test_a_value_is_read_surely_or_left_to_the_long_way(body: bytes, is_sure: bool) -> None:
    assert check(body, {"id": ("id",)}) is is_sure


@given(DOCUMENTS, st.booleans())
def test_what_is_read_surely_is_what_json_reads(document: object, is_ascii: bool) -> None:
    text = json.dumps(document, ensure_ascii=is_ascii)
    for path in ((), ("id",), ("a", 1, "id"), ("a", "id"), (0,)):
        check(text.encode(errors="surrogatepass"), {"found": path})


@given(st.text('{}[]":,0123456789.eE-+ \\idatrufalsn\n', max_size=30))
def test_whatever_the_answer_is_nothing_is_read_surely_that_json_would_not_read(text: str) -> None:
    check(text.encode(), {"found": ()})
    check(b'{"id": ' + text.encode() + b"}", {"id": ("id",)})


# A request from its pieces.


class Journey:
    number = 1234

    def text(self, variable: Variable) -> str:
        return {"a": "", "b": 'é" % {p0}', "number": "not used"}[variable.name]


PIECES = st.sampled_from(["", "x", "% é %d {v0}", *map(Variable, ("a", "b", "journey", "index"))])
TEMPLATES = st.lists(PIECES, max_size=5).map(tuple)


def one_by_one(template: Template) -> bytes:
    return "".join(
        piece
        if isinstance(piece, str)
        else str(Journey.number)
        if piece.name in ("journey", "index")
        else Journey().text(piece)
        for piece in template
    ).encode()


@given(TEMPLATES, TEMPLATES, st.none() | TEMPLATES, st.sampled_from([b"", b"x-key: k\r\n"]))
def test_the_written_out_joining_is_the_joining_piece_by_piece(
    path: Template, header: Template, body: Template | None, credential: bytes
) -> None:
    request = Request("POST", ("/", *path), (("x-note", header),), body)
    wire = Wire(request, origin("http://a.test"), Stamp("run-1", "00112233445566aa"))
    head, _, sent = wire.encode(credential, 26, Journey()).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert sent == one_by_one(body or ())
    assert lines[0] == b"POST /" + one_by_one(path) + b" HTTP/1.1"
    assert b"x-note: " + one_by_one(header) in lines
    assert b"traceparent: 00-00112233445566aa000000000000001a-00112233445566aa-01" in lines
    assert lines[-1] == b"content-length: %d" % len(sent)
    assert (credential.strip() in lines) is bool(credential)


# Writing past the transport.


class Nobody:
    """An exchange that nothing comes of."""

    usual, is_head, keeps_body, first_byte_ns, bytes_in = Usual(), False, False, 0, 0

    def on_chunk(self, *_: object) -> None: ...

    on_answer = on_broken = on_chunk


class Home:
    def __init__(self) -> None:
        self.idle: list[Connection] = []

    def lost(self, connection: Connection) -> None: ...


def test_a_request_that_the_socket_does_not_take_at_once_arrives_whole_and_in_order() -> None:
    payloads = [b"a" * 3_000_000, b"b" * 10, b"c" * 3_000_000]

    async def sent_and_received() -> bytes:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(Home(), is_plain=True), sock=ours
        )
        reader, writer = await asyncio.open_connection(sock=theirs)
        for payload in payloads:
            connection.send(Nobody(), payload)
        received = await reader.readexactly(sum(map(len, payloads)))
        connection.close()
        writer.close()
        return received

    assert asyncio.run(sent_and_received()) == b"".join(payloads)


def test_a_connection_that_is_gone_writes_to_no_descriptor() -> None:
    """By then the number may be another connection's."""

    class Transport:
        def __init__(self, end: socket.socket) -> None:
            self.end, self.written = end, list[bytes]()

        def get_extra_info(self, _name: str) -> socket.socket:
            return self.end

        def write(self, data: bytes) -> None:
            self.written.append(data)

    ours, theirs = socket.socketpair()
    with ours, theirs:
        transport: Any = Transport(ours)
        connection = Connection(Home(), is_plain=True)
        connection.connection_made(transport)
        connection.send(Nobody(), b"before")
        assert theirs.recv(100) == b"before"
        connection.exchange = None
        connection.connection_lost(None)
        connection.send(Nobody(), b"after")
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(100)
        assert transport.written == [b"after"]
