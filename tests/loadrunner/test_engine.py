"""The engine against servers that answer right, wrong, late, or not at all."""

import asyncio
import io
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
import zstandard

from loadrunner.campaign.model import Campaign, DataSet, Request, Retry, Scenario, Step, Variable
from loadrunner.engine.coordinator import Coordinator, Settings
from loadrunner.engine.worker import event_loop
from loadrunner.identities import Credential
from loadrunner.spool import SpoolWriter
from runs.formats.samples import SCHEMA
from tests.loadrunner.campaigns import at_rate, campaign, step, with_users
from tests.loadrunner.fault_server import (
    OK,
    FaultServer,
    Reply,
    endless,
    never,
    pieces,
    resets,
    sends,
    sends_and_closes,
)

RUN = UUID("00000000-0000-4000-8000-000000000001")


def carried_out(
    plan: Campaign,
    folder: Path,
    workers: int = 1,
    credentials: dict[str, Credential] | None = None,
    addresses: tuple[str, ...] = ("127.0.0.1",),
) -> pl.DataFrame:
    """The samples of a run that was really made, sorted by the time they were due."""
    coordinator = Coordinator(
        plan,
        Settings(RUN, seed=1, workers=workers),
        credentials or {},
        addresses,
        SpoolWriter(folder),
        None,
    )
    with asyncio.Runner(loop_factory=event_loop) as runner:
        manifest = runner.run(coordinator.run())
    frames = [_rows(folder / segment.name) for segment in manifest.segments]
    samples = pl.concat([pl.DataFrame(schema=SCHEMA), *frames])
    assert samples.height == sum(segment.samples for segment in manifest.segments)
    return samples.sort("due_us", "started_us")


def _rows(path: Path) -> pl.DataFrame:
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
        return pl.read_ndjson(io.BytesIO(reader.read()), schema=SCHEMA)


def one_answer(reply: Reply, folder: Path, timeout_s: float = 1.0) -> dict[str, object]:
    """What a single request to a server that answers so comes to."""
    with FaultServer({"/": reply}) as server:
        scenario = Scenario("flow", (step("/"),), (at_rate(1, 0.5),))
        samples = carried_out(campaign(server.url, scenario, timeout_s=timeout_s), folder)
    assert samples.height == 1
    return samples.row(0, named=True)


@pytest.mark.parametrize(
    ("reply", "outcome", "error"),
    [
        (sends(OK), "ok", None),
        (sends(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n"), "client_error", None),
        (sends(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"), "server_error", None),
        (sends(b"HTTP/1.1 301 No\r\ncontent-length: 0\r\n\r\n"), "check_failed", None),
        (sends(b"HTTP/1.1 429 No\r\ncontent-length: 0\r\n\r\n"), "refused", None),
        (sends(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"), "server_error", None),
        (
            sends(b"HTTP/1.1 503 No\r\nRetry-After: 2\r\ncontent-length: 0\r\n\r\n"),
            "refused",
            None,
        ),
        (resets(), "connection_error", "reset"),
        (sends(b"garbage\r\n\r\n"), "connection_error", "not HTTP"),
        (sends_and_closes(b"HTTP/1.1 200 OK\r\nconte"), "connection_error", "in the middle"),
        (
            sends_and_closes(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"),
            "connection_error",
            "in the middle",
        ),
        (sends_and_closes(b""), "connection_error", "before the answer"),
        (sends_and_closes(b"HTTP/1.1 200 OK\r\n\r\nuntil the end"), "ok", None),
        (
            pieces(b"HTTP/1.1 100 Continue\r\n\r\n", OK),
            "ok",
            None,
        ),
        (
            pieces(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", b"0\r\n\r\n"
            ),
            "ok",
            None,
        ),
        (pieces(b"HTTP/1.1 2", b"00 OK\r\ncontent-", b"length: 2\r\n\r\no", b"k"), "ok", None),
        (never(), "timeout", "within 0.6 s"),
        (sends(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nendless"), "timeout", "within"),
        (endless(b"HTTP/1.1 200 OK\r\n\r\n", b"more" * 1000), "timeout", "within"),
        (endless(b"HTTP/1.1 200 OK\r\n", b"x: more\r\n" * 1000), "connection_error", "longer than"),
        (
            sends(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n"),
            "connection_error",
            "not HTTP",
        ),
        (
            sends(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok"),
            "connection_error",
            "not HTTP",
        ),
        (sends(b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok"), "connection_error", "not HTTP"),
    ],
)
def test_every_kind_of_answer_is_an_outcome_of_its_own(
    reply: Reply, outcome: str, error: str | None, tmp_path: Path
) -> None:
    limit_s = 0.6 if outcome == "timeout" else 10.0
    sample = one_answer(reply, tmp_path / "spool", timeout_s=limit_s)
    assert sample["outcome"] == outcome
    assert (sample["error"] is None) == (error is None)
    assert (error or "") in str(sample["error"] or "")


def test_an_answer_that_does_not_begin_in_time_is_given_up_and_one_that_has_begun_is_not(
    tmp_path: Path,
) -> None:
    begun = pieces(OK[:-1], OK[-1:], pause_s=2.2)
    with FaultServer({"/silent": never(), "/begun": begun}) as server:
        flows = [Scenario(n, (step(f"/{n}"),), (at_rate(1, 0.5),)) for n in ("silent", "begun")]
        plan = campaign(server.url, *flows, timeout_s=10.0)
        target = replace(plan.target, first_byte_timeout_s=1.5)
        samples = carried_out(replace(plan, target=target), tmp_path / "spool")
    found = dict(zip(samples["scenario"], samples["error"], strict=True))
    assert found == {"silent": "no first byte within 1.5 s", "begun": None}
    assert set(samples["outcome"]) == {"timeout", "ok"}


def test_a_retry_after_is_kept_in_milliseconds(tmp_path: Path) -> None:
    refusal = b"HTTP/1.1 429 No\r\nRetry-After: 7\r\ncontent-length: 0\r\n\r\n"
    assert one_answer(sends(refusal), tmp_path / "spool")["retry_after_ms"] == 7000


def test_bytes_after_an_answer_are_never_given_to_the_next_request(tmp_path: Path) -> None:
    """The first answer brings a second one that nobody asked for."""
    extra = OK + b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
    with FaultServer({"/": sends(extra)}) as server:
        scenario = Scenario("flow", (step("/"),), (at_rate(20, 0.5),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
        assert server.connections == 10  # each was thrown away after its first answer
    assert samples["status"].to_list() == [200] * 10


def test_the_answer_to_head_has_no_body_whatever_its_length_says(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n"
    with FaultServer({"/": sends(head)}) as server:
        scenario = Scenario("flow", (step("/", method="HEAD"),), (at_rate(10, 0.5),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
        assert server.connections == 1
    assert samples["outcome"].to_list() == ["ok"] * 5


def test_arrivals_are_due_by_the_rate_curve_and_leave_when_they_are_due(tmp_path: Path) -> None:
    with FaultServer({"/": sends(OK)}) as server:
        scenario = Scenario("flow", (step("/"),), (at_rate(50, 1),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
    assert samples["due_us"].to_list() == [n * 20_000 for n in range(50)]
    assert set(samples["due_by"]) == {"plan"}
    late_us = (samples["started_us"] - samples["due_us"]).to_list()
    assert min(late_us) >= 0  # nothing leaves before its time


def test_what_a_server_keeps_waiting_counts_from_the_intended_start(tmp_path: Path) -> None:
    """One connection at a time is not the runner's way: the others leave all the same."""
    slow = pieces(b"", OK, pause_s=0.3)
    with FaultServer({"/": slow}) as server:
        scenario = Scenario("flow", (step("/"),), (at_rate(10, 1),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
    response_ms = ((samples["ended_us"] - samples["due_us"]) / 1000).to_list()
    # One after the other, the last would have taken three seconds.
    assert all(300 <= value < 2000 for value in response_ms), response_ms


def test_journeys_beyond_max_in_flight_are_dropped_and_each_drop_is_a_sample(
    tmp_path: Path,
) -> None:
    with FaultServer({"/": never()}) as server:
        scenario = Scenario("flow", (step("/"),), (at_rate(20, 0.5),), max_in_flight=4)
        plan = campaign(server.url, scenario, timeout_s=0.8)
        samples = carried_out(plan, tmp_path / "spool")
    assert samples["outcome"].to_list() == ["timeout"] * 4 + ["dropped"] * 6
    assert samples["error"][-1] == "max_in_flight of 4 was reached"


def test_later_steps_are_due_when_the_step_before_has_ended_and_its_pause_is_over(
    tmp_path: Path,
) -> None:
    make = step("/make", "make", extract={"id": "$.item.id"})
    see = Step("see", Request("GET", ("/see/", Variable("id", "url"))), think_time_s=0.2)
    replies = {"/make": sends(_json(b'{"item": {"id": "x1"}}')), "/see/x1": sends(OK)}
    with FaultServer(replies) as server:
        scenario = Scenario("flow", (make, see), (at_rate(1, 0.5),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
    first, second = samples.rows(named=True)
    assert (first["step"], second["step"]) == ("make", "see")
    assert (first["due_by"], second["due_by"]) == ("plan", "previous")
    assert second["due_us"] == first["ended_us"] + 200_000
    assert second["outcome"] == "ok"
    assert first["journey"] == second["journey"]


def _json(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def test_a_journey_ends_where_a_later_step_needs_what_was_not_extracted(tmp_path: Path) -> None:
    make = step("/make", "make", extract={"id": "$.item.id"})
    see = Step("see", Request("GET", ("/see/", Variable("id", "url"))))
    with FaultServer({"/make": sends(_json(b'{"item": {}}'))}) as server:
        scenario = Scenario("flow", (make, see), (at_rate(4, 0.5),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
    assert samples["step"].to_list() == ["make", "make"]
    assert samples["outcome"].to_list() == ["check_failed"] * 2
    assert samples["error"][0] == "extract id: nothing at its path"


def test_a_journey_goes_on_after_a_step_that_failed_unless_the_step_says_stop(
    tmp_path: Path,
) -> None:
    broken = sends(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")
    for on_failure, taken in (("continue", ["first", "second"]), ("stop", ["first"])):
        first = step("/broken", "first", on_failure=on_failure)
        with FaultServer({"/broken": broken, "/fine": sends(OK)}) as server:
            scenario = Scenario("flow", (first, step("/fine", "second")), (at_rate(1, 0.5),))
            samples = carried_out(campaign(server.url, scenario), tmp_path / on_failure)
        assert samples["step"].to_list() == taken


def test_a_retry_is_another_attempt_of_the_same_request_after_the_pause_it_was_told(
    tmp_path: Path,
) -> None:
    refusal = b"HTTP/1.1 429 No\r\nRetry-After: 0.3\r\ncontent-length: 0\r\n\r\n"
    with FaultServer({"/": sends(refusal)}) as server:
        retrying = step("/", retry=Retry(on=(429,), max=2))
        scenario = Scenario("flow", (retrying,), (at_rate(1, 0.5),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
    assert samples["attempt"].to_list() == [1, 2, 3]
    assert samples["outcome"].to_list() == ["refused"] * 3
    first, second, _ = samples.rows(named=True)
    assert second["due_us"] == first["ended_us"] + 300_000


def test_closed_users_wait_for_their_answer_and_their_think_time(tmp_path: Path) -> None:
    slow = pieces(b"", OK, pause_s=0.1)
    with FaultServer({"/": slow}) as server:
        scenario = Scenario("flow", (step("/"),), (with_users(3, 1.0, think_s=0.1),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
        assert server.connections == 3
    # A turn takes 0.2 s, so that each of the three comes round five times in a second.
    assert 6 <= samples.height <= 15
    assert set(samples["user"]) == {0, 1, 2}
    assert set(samples["due_by"]) == {"previous"}
    turns = samples.filter(pl.col("user") == 0)
    gaps = (turns["due_us"][1:] - turns["ended_us"][:-1]).to_list()
    assert gaps == [100_000] * len(gaps)


def test_two_workers_send_the_same_journeys_as_one(tmp_path: Path) -> None:
    with FaultServer({"/": sends(OK)}) as server:
        scenario = Scenario("flow", (step("/"),), (at_rate(40, 1),))
        one = carried_out(campaign(server.url, scenario), tmp_path / "one")
        two = carried_out(campaign(server.url, scenario), tmp_path / "two", workers=2)
    assert set(two["worker"]) == {0, 1}
    for column in ("due_us", "journey"):
        assert one[column].to_list() == two[column].to_list()
    assert two["trace_id"].n_unique() == 40


def test_each_user_sends_its_own_credential_and_rows_follow_the_journey(tmp_path: Path) -> None:
    names = DataSet("names", ("first",), (("Ada",), ("Grace",), ("Joan",)))
    body = ('{"name": "', Variable("names.first", "json"), '"}')
    greet = Step("greet", Request("POST", ("/",), (("content-type", ("text/plain",)),), body))
    lines = Credential((b"authorization: Bearer one\r\n", b"authorization: Bearer two\r\n"))
    with FaultServer({"/": sends(OK)}) as server:
        scenario = Scenario("flow", (greet,), (at_rate(4, 1),), identity="members")
        plan = campaign(server.url, scenario, data={"names": names})
        samples = carried_out(plan, tmp_path / "spool", credentials={"members": lines})
        sent = server.requests
    assert samples["user"].to_list() == [0, 1, 0, 1]
    assert [b"Bearer one" in request for request in sent] == [True, False, True, False]
    bodies = [request.partition(b"\r\n\r\n")[2] for request in sent]
    assert bodies[0] == b'{"name": "Ada"}'
    assert bodies[3] == b'{"name": "Ada"}'  # sequential rows start again at the end
    assert samples["bytes_out"].to_list() == [len(request) for request in sent]


def test_two_scenarios_of_one_identity_do_not_meet_at_the_same_user(tmp_path: Path) -> None:
    lines = Credential(tuple(b"x-user: %d\r\n" % user for user in range(4)))
    with FaultServer({"/": sends(OK)}) as server:
        flows = [
            Scenario(name, (step("/"),), (at_rate(4, 1),), identity="members")
            for name in ("export", "delete")
        ]
        plan = campaign(server.url, *flows)
        samples = carried_out(plan, tmp_path / "spool", credentials={"members": lines})
    users = {name: samples.filter(scenario=name)["user"].to_list() for name in ("export", "delete")}
    assert users == {"export": [0, 1, 2, 3], "delete": [2, 3, 0, 1]}


def test_every_request_carries_the_run_and_the_trace_id_of_its_sample(tmp_path: Path) -> None:
    with FaultServer({"/": sends(OK)}) as server:
        scenario = Scenario("flow", (step("/"),), (at_rate(4, 1),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
        sent = [request.decode() for request in server.requests]
    for request, trace_id in zip(sent, samples["trace_id"], strict=True):
        assert f"traceparent: 00-{trace_id}-" in request
        assert f"x-headroom-run: {RUN}" in request


def test_the_first_token_of_a_stream_is_kept_beside_the_whole(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    stream = pieces(head, b"data: a\n\n", b"data: b\n\nda", b"ta: [DONE]\n\n", pause_s=0.1)

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await stream(reader, writer)
        return False

    with FaultServer({"/": reply}) as server:
        scenario = Scenario("flow", (step("/", stream="sse"),), (at_rate(1, 0.5),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
    sample = samples.row(0, named=True)
    assert sample["tokens"] == 2
    first_ms = (sample["first_token_us"] - sample["started_us"]) / 1000
    whole_ms = (sample["ended_us"] - sample["started_us"]) / 1000
    assert first_ms >= 100
    assert whole_ms >= 300
    assert first_ms <= whole_ms - 100


def test_the_tokens_of_a_stream_are_not_those_of_the_step_after_it(tmp_path: Path) -> None:
    event = b"data: a\n\n"
    with FaultServer({"/stream": sends(_json(event)), "/plain": sends(OK)}) as server:
        steps = (step("/stream", "stream", stream="sse"), step("/plain", "plain"))
        scenario = Scenario("flow", steps, (at_rate(2, 1),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
    tokens = samples.group_by("step").agg(pl.col("tokens").unique()).rows()
    assert sorted(tokens) == [("plain", [None]), ("stream", [1])]


def test_what_is_in_flight_at_the_hard_stop_is_cut_and_kept(tmp_path: Path) -> None:
    """The drain lasts until 1.5 s; what is sent a second after the arrivals has time until 2 s."""
    with FaultServer({"/": sends(OK), "/hangs": never()}) as server:
        steps = (step("/", "first"), step("/hangs", "second", think_time_s=1.0))
        scenario = Scenario("flow", steps, (at_rate(4, 0.5),))
        plan = campaign(server.url, scenario, timeout_s=1.0)
        samples = carried_out(plan, tmp_path / "spool")
    cut = samples.filter(pl.col("step") == "second")
    assert cut["outcome"].to_list() == ["cut", "cut"]
    assert cut["ended_us"].min() >= 1_500_000  # type: ignore[operator]
