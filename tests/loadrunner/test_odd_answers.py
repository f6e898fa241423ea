"""Answers that are odd or broken: each is an outcome with its reason, and never ends the worker."""

from pathlib import Path

import pytest

from loadrunner.campaign.model import Request, Retry, Scenario, Step, Variable
from loadrunner.engine.extraction import events, first_found, text_of
from loadrunner.engine.json_path import compiled
from loadrunner.identities import Credential
from tests.loadrunner.campaigns import at_rate, campaign, step
from tests.loadrunner.fault_server import (
    OK,
    FaultServer,
    Reply,
    never,
    pieces,
    sends,
    sends_and_closes,
)
from tests.loadrunner.test_engine import carried_out, one_answer

Row = dict[str, object]


def answer(body: bytes, status: int = 200, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %d X\r\n%bcontent-length: %d\r\n\r\n" % (status, more, len(body))
    return head + body


def two_steps(folder: Path, first: bytes, stream: str | None = None) -> tuple[list[Row], bytes]:
    """The samples of a step that extracts `id` and of one whose path and body need it, and what
    was sent last."""
    ask = step("/ask", "ask", stream=stream, extract={"id": "$.id"})
    wanted = ("/use?id=", Variable("id", "url"))
    use = Step("use", Request("POST", wanted, (("x-id", (Variable("id"),)),), (Variable("id"),)))
    answered = {"/ask": sends(answer(first)), "/use?id=c-1": sends(OK), "/use?id=%3Fx": sends(OK)}
    with FaultServer(answered) as server:
        scenario = Scenario("flow", (ask, use), (at_rate(1, 0.5),))
        samples = carried_out(campaign(server.url, scenario), folder / "spool")
        return samples.rows(named=True), server.requests[-1]


# Streams.


@pytest.mark.parametrize(
    "body",
    [
        b'data: {"text": "a"}\n\ndata: {"id": "c-1"}\n\ndata: [DONE]\n\n',
        b'event: open\r\ndata: {"id":\r\ndata: "c-1"}\r\n\r\ndata: {"id": "later"}\r\n\r\n',
        b'data: no JSON\ndata: {"id": "c-1"}\n\n',  # no empty line between two events
        b'data:{"id": "c-1"}',
        b'{"id": "c-1"}',  # not streamed after all
    ],
)
def test_a_value_is_extracted_from_the_first_event_that_has_it(body: bytes, tmp_path: Path) -> None:
    samples, sent = two_steps(tmp_path, body, stream="sse")
    assert [sample["outcome"] for sample in samples] == ["ok", "ok"]
    assert sent.endswith(b"\r\n\r\nc-1")


def test_values_of_one_step_may_come_from_different_events() -> None:
    held = events(b'data: {"a": 1}\n\ndata: {"b": {"c": true}, "a": 2}\n\n')
    paths = {"first": compiled("$.a"), "second": compiled("$.b.c"), "none": compiled("$.d")}
    assert first_found(held, paths) == {"first": "1", "second": "true"}


def test_a_stream_without_the_value_fails_its_check_and_says_so(tmp_path: Path) -> None:
    samples, _ = two_steps(tmp_path, b'data: {"other": 1}\n\ndata: [[[\n\n', stream="sse")
    assert [sample["outcome"] for sample in samples] == ["check_failed"]
    assert samples[0]["error"] == "extract id: nothing at its path in any event"


def test_events_are_not_looked_for_where_no_stream_was_declared(tmp_path: Path) -> None:
    samples, _ = two_steps(tmp_path, b'data: {"id": "c-1"}\n\n')
    assert samples[0]["error"] == "extract: the answer is not JSON"


# What cannot be taken as it is.


@pytest.mark.parametrize("stream", [None, "sse"])
def test_json_that_is_nested_too_deeply_fails_its_check(stream: str | None, tmp_path: Path) -> None:
    samples, _ = two_steps(tmp_path, b"[" * 200_000, stream)
    assert [sample["outcome"] for sample in samples] == ["check_failed"]
    assert samples[0]["error"] == "extract: the JSON is nested too deeply"


def test_a_value_of_an_event_that_is_too_deep_for_a_text_is_not_taken() -> None:
    value: list[object] = []
    for _ in range(50_000):
        value = [value]
    assert first_found([{"id": value}, {"id": "c-1"}], {"id": compiled("$.id")}) == {"id": "c-1"}


def test_half_a_surrogate_pair_becomes_a_question_mark(tmp_path: Path) -> None:
    samples, sent = two_steps(tmp_path, rb'{"id": "\ud800x"}')
    assert [sample["outcome"] for sample in samples] == ["ok", "ok"]
    assert b"x-id: ?x\r\n" in sent
    assert sent.endswith(b"\r\n\r\n?x")
    assert text_of("é\U0001f600") == "é\U0001f600"  # whole pairs stay


# Retry-After.


@pytest.mark.parametrize(
    ("value", "pause_ms"),
    [
        ("9999999", 2_000_000_000),
        ("Fri, 31 Dec 2099 23:59:59 GMT", 2_000_000_000),
        ("inf", 2_000_000_000),
        ("1e400", 2_000_000_000),
        ("-5", 0),
        ("-inf", 0),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
        ("nan", None),
        ("Mon, 01 Jan 0001 00:00:00 +2300", 0),
        ("soon", None),
    ],
)
def test_an_odd_retry_after_is_held_within_what_a_sample_can_say(
    value: str, pause_ms: int | None, tmp_path: Path
) -> None:
    refusal = answer(b"", 429, f"Retry-After: {value}\r\n".encode())
    sample = one_answer(sends(refusal), tmp_path / "spool")
    assert sample["outcome"] == "refused"
    assert sample["retry_after_ms"] == pause_ms


# The status of an answer that did not become whole.

INTERIM = b"HTTP/1.1 103 Early Hints\r\n\r\n"


@pytest.mark.parametrize(
    ("reply", "outcome", "status"),
    [
        (sends_and_closes(answer(b"whole", 500)[:-2]), "connection_error", 500),
        (sends(answer(b"whole", 500)[:-2]), "timeout", 500),
        (sends(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\nzz"), "connection_error", 200),
        (pieces(INTERIM, answer(b"whole", 201)[:-2]), "timeout", 201),
        (sends(INTERIM), "timeout", None),
        (sends_and_closes(INTERIM), "connection_error", None),
        (sends(b"HTTP/1.1 500 X\r\ncontent-"), "timeout", None),
        (never(), "timeout", None),
    ],
)
def test_the_status_of_a_head_is_kept_where_its_body_does_not_come(
    reply: Reply, outcome: str, status: int | None, tmp_path: Path
) -> None:
    sample = one_answer(reply, tmp_path / "spool", timeout_s=0.6)
    assert (sample["outcome"], sample["status"]) == (outcome, status)


def test_the_status_of_the_answer_before_it_is_not_that_of_one_that_does_not_come(
    tmp_path: Path,
) -> None:
    with FaultServer({"/fine": sends(answer(b"", 201)), "/silent": never()}) as server:
        steps = (step("/fine", "fine", expect=(201,)), step("/silent", "silent"))
        scenario = Scenario("flow", steps, (at_rate(1, 0.5),))
        samples = carried_out(campaign(server.url, scenario, timeout_s=0.6), tmp_path / "spool")
        assert server.connections == 1
    assert samples["status"].to_list() == [201, None]


def test_an_answer_that_was_cut_is_not_tried_again_by_its_status(tmp_path: Path) -> None:
    retrying = step("/", retry=Retry(on=(500,), max=2))
    with FaultServer({"/": sends_and_closes(answer(b"whole", 500)[:-2])}) as server:
        scenario = Scenario("flow", (retrying,), (at_rate(1, 0.5),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
    assert samples["status"].to_list() == [500]
    assert samples["attempt"].to_list() == [1]


# What a journey fills in and sends.


def test_without_an_identity_the_user_of_an_open_journey_is_0(tmp_path: Path) -> None:
    ask = Step("ask", Request("GET", ("/", Variable("user", "url"))))
    with FaultServer({"/0": sends(OK)}) as server:
        scenario = Scenario("flow", (ask,), (at_rate(1, 0.5),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
    assert samples["outcome"].to_list() == ["ok"]
    assert samples["user"].to_list() == [None]


@pytest.mark.parametrize(
    ("own", "sent"),
    [
        ((), [b"Authorization: Bearer identity"]),
        ((("x-other", ("1",)),), [b"Authorization: Bearer identity"]),
        ((("authorization", ("Bearer own",)),), [b"authorization: Bearer own"]),
    ],
)
def test_a_header_of_the_step_takes_the_place_of_its_identitys(
    own: tuple[tuple[str, tuple[str]], ...], sent: list[bytes], tmp_path: Path
) -> None:
    lines = {"members": Credential((b"Authorization: Bearer identity\r\n",))}
    ask = Step("ask", Request("GET", ("/",), own))
    with FaultServer({"/": sends(OK)}) as server:
        scenario = Scenario("flow", (ask,), (at_rate(1, 0.5),), identity="members")
        carried_out(campaign(server.url, scenario), tmp_path / "spool", credentials=lines)
    head = server.requests[0].split(b"\r\n")
    assert [line for line in head if line.lower().startswith(b"authorization:")] == sent


def test_the_pause_before_the_first_step_does_not_move_what_is_due_by_the_rate(
    tmp_path: Path,
) -> None:
    with FaultServer({"/": sends(OK)}) as server:
        scenario = Scenario("flow", (step("/", think_time_s=0.3),), (at_rate(4, 1),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
    assert samples["due_us"].to_list() == [0, 250_000, 500_000, 750_000]
    assert set(samples["due_by"]) == {"plan"}


def test_an_answer_that_goes_on_in_another_protocol_says_so(tmp_path: Path) -> None:
    upgrade = b"HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    sample = one_answer(sends(upgrade), tmp_path / "spool")
    assert sample["outcome"] == "connection_error"
    assert sample["error"] == "the answer is not HTTP: it goes on in another protocol"
