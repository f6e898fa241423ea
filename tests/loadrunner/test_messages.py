"""What coordinator and workers say to each other comes whole, however the socket cuts it."""

from hypothesis import given
from hypothesis import strategies as st

from loadrunner.engine.messages import Kind, Reader, header

MESSAGES = st.lists(st.tuples(st.sampled_from(Kind), st.binary(max_size=40)), max_size=8)


@given(MESSAGES, st.lists(st.integers(1, 30)))
def test_messages_are_read_as_they_were_written_wherever_they_are_cut(
    messages: list[tuple[Kind, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(header(kind, body) + body for kind, body in messages)
    reader, read = Reader(), []
    for size in [*cuts, len(stream)]:
        read += list(reader.feed(stream[:size]))
        stream = stream[size:]
    assert read == messages
