"""The parser's seam: however an answer is cut into pieces, and whatever comes in its place, each
exchange hears once, of its own answer or of none."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loadrunner.engine.connection import Connection
from loadrunner.engine.usual import Usual


@dataclass
class Asked:
    """An exchange that notes what it hears."""

    usual: Usual
    is_head: bool = False
    keeps_body: bool = True
    first_byte_ns: int = 0
    bytes_in: int = 0
    body: bytes = b""
    heard: list[int | str] = field(default_factory=list)

    def on_chunk(self, chunk: bytes, _now_ns: int) -> None:
        self.body += chunk

    def on_answer(self, _connection: Connection, status: int, _now_ns: int) -> None:
        self.heard.append(status)

    def on_broken(self, _connection: Connection, reason: str, _now_ns: int) -> None:
        self.heard.append(reason)


class Pool:
    def __init__(self) -> None:
        self.idle: list[Connection] = []

    def lost(self, connection: Connection) -> None:
        if connection in self.idle:
            self.idle.remove(connection)


class Wire:
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        self.is_open = True

    def write(self, _data: bytes) -> None:
        assert self.is_open

    def abort(self) -> None:
        self.is_open = False

    close = abort


def connected() -> tuple[Connection, Pool, Wire]:
    pool, wire = Pool(), Wire()
    connection = Connection(pool)
    made: Any = wire
    connection.connection_made(made)
    return connection, pool, wire


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    is_chunked: bool
    header: str
    is_head: bool = False
    has_interim: bool = False

    @property
    def raw(self) -> bytes:
        interim = b"HTTP/1.1 100 Continue\r\n\r\n" if self.has_interim else b""
        head = f"HTTP/1.1 {self.status} X\r\n{self.header}".encode()
        if self.status in (204, 304):
            return interim + head + b"\r\n"
        if self.is_chunked:
            framed = b"%x\r\n%s\r\n" % (len(self.body), self.body) if self.body else b""
            framed += b"0\r\n\r\n"
            length = b"transfer-encoding: chunked\r\n\r\n"
        else:
            framed, length = self.body, b"content-length: %d\r\n\r\n" % len(self.body)
        return interim + head + length + (b"" if self.is_head else framed)

    @property
    def shown(self) -> bytes:
        return b"" if self.is_head or self.status in (204, 304) else self.body


ANSWERS = st.builds(
    Answer,
    status=st.sampled_from([200, 200, 200, 201, 204, 304, 404, 429, 503]),
    body=st.sampled_from([b"", b"ok", b"no", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"])
    | st.binary(max_size=40),
    is_chunked=st.booleans(),
    header=st.sampled_from(["", "date: now\r\n", "content-type: text/plain\r\n"]),
    is_head=st.sampled_from([False, False, False, True]),
    has_interim=st.sampled_from([False, False, False, True]),
)


def fed(connection: Connection, raw: bytes, cuts: list[int]) -> None:
    """The bytes in pieces, as long as somebody waits for them."""
    places = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        if connection.exchange is not None:
            connection.data_received(raw[start:end])


@given(answers=st.lists(ANSWERS, min_size=1, max_size=8), cuts=st.lists(st.integers(0, 999)))
def test_each_exchange_gets_its_own_answer_however_it_is_cut(
    answers: list[Answer], cuts: list[int]
) -> None:
    usual = Usual()
    connection, pool, wire = connected()
    for answer in answers:
        asked = Asked(usual, is_head=answer.is_head)
        connection.send(asked, b"GET")
        # Every other answer comes whole, as most do.
        fed(connection, answer.raw, cuts if len(answer.raw) % 2 else [])
        assert asked.heard == [answer.status]
        assert asked.body == answer.shown
        assert pool.idle == [connection]
        assert wire.is_open
        pool.idle.clear()


@given(
    before=st.lists(ANSWERS, max_size=3),
    answer=ANSWERS,
    extra=st.binary(min_size=1, max_size=40),
    cuts=st.lists(st.integers(0, 999), max_size=3),
)
def test_what_comes_after_an_answer_is_given_to_nobody(
    before: list[Answer], answer: Answer, extra: bytes, cuts: list[int]
) -> None:
    """Whether it comes with the answer or after it, the connection is not used again."""
    usual = Usual()
    connection, pool, wire = connected()
    for one in before:
        connection.send(Asked(usual, is_head=one.is_head), b"GET")
        connection.data_received(one.raw)
        pool.idle.clear()
    asked = Asked(usual, is_head=answer.is_head)
    connection.send(asked, b"GET")
    fed(connection, answer.raw + extra, cuts)
    assert len(asked.heard) == 1
    if asked.heard == [answer.status]:
        assert asked.body == answer.shown
    if pool.idle:  # the answer came in a piece of its own
        connection.data_received(extra)
    assert not wire.is_open
    assert len(asked.heard) == 1


@given(
    first=ANSWERS,
    garbage=st.binary(max_size=200)
    | st.builds(lambda a, b: a.raw[: b % 99], ANSWERS, st.integers(0)),
    cuts=st.lists(st.integers(0, 999), max_size=5),
)
def test_garbage_ends_in_one_outcome_and_never_in_an_exception(
    first: Answer, garbage: bytes, cuts: list[int]
) -> None:
    usual = Usual()
    connection, pool, _wire = connected()
    connection.send(Asked(usual, is_head=first.is_head), b"GET")
    connection.data_received(first.raw)
    pool.idle.clear()
    asked = Asked(usual)
    connection.send(asked, b"GET")
    fed(connection, garbage, cuts)
    if connection.exchange is not None:
        connection.eof_received()
        connection.connection_lost(None)
    assert len(asked.heard) == 1
