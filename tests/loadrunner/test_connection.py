"""The seam between the bytes that come and the request that they answer, without a network."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadrunner.engine.connection import Connection
from loadrunner.engine.usual import PATIENCE, Usual


class Wire:
    """Stands for the transport: keeps what is written, and whether it was closed."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.is_closed = True

    abort = close


class Home:
    def __init__(self) -> None:
        self.idle: list[Connection] = []

    def lost(self, connection: Connection) -> None:
        if connection in self.idle:
            self.idle.remove(connection)


@dataclass
class Asked:
    """One request, and what came of it: (status, body), or why nothing did."""

    usual: Usual
    is_head: bool = False
    keeps_body: bool = True
    first_byte_ns: int = 0
    bytes_in: int = 0
    body: bytes = b""
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def on_chunk(self, chunk: bytes, now_ns: int) -> None:  # noqa: ARG002
        self.body += chunk

    def on_answer(self, connection: Connection, status: int, now_ns: int) -> None:  # noqa: ARG002
        self.answers.append((status, self.body))

    def on_broken(self, connection: Connection, reason: str, now_ns: int) -> None:  # noqa: ARG002
        self.broken.append(reason)


class Line:
    """A connection that is open, with the means to ask on it."""

    def __init__(self) -> None:
        self.home, self.wire, self.usual = Home(), Wire(), Usual()
        self.connection = Connection(self.home)
        self.connection.connection_made(self.wire)  # type: ignore[arg-type]

    def ask(self, *pieces: bytes, is_head: bool = False) -> Asked:
        asked = Asked(self.usual, is_head)
        if self.connection in self.home.idle:
            self.home.idle.remove(self.connection)
        self.connection.send(asked, b"GET / HTTP/1.1\r\n\r\n")
        for piece in pieces:
            self.connection.data_received(piece)
        return asked

    @property
    def is_reusable(self) -> bool:
        return self.connection in self.home.idle and not self.wire.is_closed


def with_length(status: int, body: bytes, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n%b" % (status, more, len(body), body)


def chunked(status: int, *chunks: bytes) -> bytes:
    head = b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n" % status
    return head + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks if c) + b"0\r\n\r\n"


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [piece for piece in [*pieces, data] if piece]


BODIES = st.binary(max_size=30)
STATUSES = st.sampled_from([200, 201, 404, 429, 500])
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
INTERIM = st.sampled_from(
    [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 X\r\nLink: a\r\n\r\n"]
)
SIZES = st.lists(st.integers(1, 40), max_size=6)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, int, bytes]:
    """The bytes of an answer, its status and its body."""
    status, interim = draw(STATUSES), draw(INTERIM)
    if draw(st.booleans()):
        chunks = draw(st.lists(BODIES, max_size=3))
        return interim + chunked(status, *chunks), status, b"".join(chunks)
    body = draw(BODIES)
    more = draw(st.sampled_from([b"", b"Date: today\r\n", b"X: content-length: 9\r\n"]))
    return interim + with_length(status, body, more), status, body


@given(st.lists(st.tuples(answers(), SIZES), max_size=8))
def test_each_request_gets_its_own_answer_however_the_bytes_are_cut(
    exchanges: list[tuple[tuple[bytes, int, bytes], list[int]]],
) -> None:
    line = Line()
    for (data, status, body), sizes in exchanges:
        asked = line.ask(*cut(data, sizes))
        assert asked.answers == [(status, body)]
        assert asked.broken == []
        assert asked.bytes_in == len(data)
        assert line.is_reusable


@given(st.lists(st.sampled_from([b"one", b"two", b"three"]), max_size=20))
def test_an_answer_like_the_last_one_is_read_as_that_one_was(bodies: list[bytes]) -> None:
    """Heads of `one` and `two` are the same bytes, bodies are not: only the head is remembered."""
    line = Line()
    for body in bodies:
        assert line.ask(with_length(200, body)).answers == [(200, body)]


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), SIZES)
def test_bytes_without_sense_never_become_an_answer_with_sense(
    garbage: list[bytes], sizes: list[int]
) -> None:
    line = Line()
    line.ask(with_length(200, b"fine"))
    asked = line.ask(*garbage)
    assert asked.answers == []
    # Either it was broken off, or more is awaited until the time-out.
    assert asked.broken or line.connection.exchange is asked or not any(garbage)


def test_what_was_learnt_is_not_applied_to_an_answer_with_bytes_beyond_it() -> None:
    line, usual = Line(), with_length(200, b"fine")
    for _ in range(3):
        assert line.ask(usual).answers == [(200, b"fine")]
        assert line.is_reusable
    asked = line.ask(usual + b"HTTP/1.1 500 No\r\n\r\n")
    assert asked.answers == [(200, b"fine")]
    assert not line.is_reusable


def test_an_answer_that_is_shorter_than_it_says_waits_for_its_rest() -> None:
    line, usual = Line(), with_length(200, b"fine")
    line.ask(usual)
    asked = line.ask(usual[:-1])
    assert asked.answers == []
    line.connection.data_received(b"E")
    assert asked.answers == [(200, b"finE")]


def test_an_interim_answer_and_a_head_in_one_piece_do_not_end_with_the_connection() -> None:
    """Only an answer without a length ends so: this one says that two bytes are missing."""
    line = Line()
    asked = line.ask(CONTINUE + with_length(200, b"whole")[:-2])
    line.connection.eof_received()
    line.connection.connection_lost(None)
    assert asked.answers == []
    assert asked.broken == ["the connection was closed in the middle of the answer"]


def test_the_head_of_an_answer_after_an_interim_one_is_its_own() -> None:
    line = Line()
    line.ask(
        b"HTTP/1.1 103 X\r\nRetry-After: 1\r\n\r\n" + with_length(429, b"", b"Retry-After: 9\r\n")
    )
    assert line.connection.head.startswith(b"HTTP/1.1 429")


def test_a_closed_connection_is_no_answer_to_the_next_request_after_one_without_a_length() -> None:
    line = Line()
    assert line.ask(b"HTTP/1.1 204 No Content\r\n\r\n").answers == [(204, b"")]
    asked = line.ask()
    line.connection.eof_received()
    line.connection.connection_lost(None)
    assert asked.answers == []
    assert asked.broken == ["the connection was closed before the answer"]


@pytest.mark.parametrize(
    ("data", "reused"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody", False),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5000\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\nconnection: close\r\n\r\n", False),
    ],
)
def test_the_answer_to_a_head_ends_with_its_head(data: bytes, reused: bool) -> None:
    line = Line()
    asked = line.ask(data, is_head=True)
    assert [status for status, _ in asked.answers] == [int(data[9:12])]
    assert asked.body == b""
    assert line.is_reusable == reused


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_by_its_status_ends_with_its_head(status: int) -> None:
    line = Line()
    for _ in range(3):
        assert line.ask(b"HTTP/1.1 %d X\r\n\r\n" % status).answers == [(status, b"")]
        assert line.is_reusable


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: -4\r\n",
        b"Content-Length: 4x\r\n",
        b"Transfer-Encoding: chunked\r\nX\r\n",
    ],
)
def test_a_head_that_contradicts_itself_is_no_answer(head: bytes) -> None:
    line = Line()
    asked = line.ask(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n0\r\n\r\n")
    assert asked.answers == []
    assert asked.broken[0].startswith("the answer is not HTTP")
    assert line.wire.is_closed


def test_what_nobody_asked_for_closes_the_connection() -> None:
    line = Line()
    line.ask(with_length(200, b"fine"))
    line.connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n")
    assert line.wire.is_closed
    assert line.home.idle == []  # before the transport says that it is closed


def test_a_connection_that_ends_while_idle_is_not_taken_any_more() -> None:
    """The transport closes it, and says so, a turn of the loop later."""
    line = Line()
    line.ask(with_length(200, b"fine"))
    assert line.is_reusable
    line.connection.eof_received()
    assert line.home.idle == []


def test_the_status_under_way_is_that_of_a_whole_head_that_is_no_interim_one() -> None:
    line, part = Line(), with_length(404, b"whole")[:-2]
    line.ask(with_length(200, b"fine"))
    line.ask()
    assert line.connection.status_under_way == -1  # not the 200 of the answer before
    line.connection.data_received(CONTINUE)
    assert line.connection.status_under_way == -1
    line.connection.data_received(part[:20])
    assert line.connection.status_under_way == -1
    line.connection.data_received(part[20:])
    assert line.connection.status_under_way == 404


def test_heads_that_are_always_new_are_not_learnt_for_ever() -> None:
    line = Line()
    for number in range(2 * PATIENCE):
        line.ask(with_length(200, b"fine", b"X-Request-Id: %05d\r\n" % number))
    known = line.usual.head
    assert b"%05d" % (PATIENCE - 1) in known
    line.ask(with_length(200, b"fine", b"X-Request-Id: 99999\r\n"))
    assert line.usual.head == known
